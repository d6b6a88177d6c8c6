# make portable: one folder, and a tarball of it, that runs on any Linux of the processor's kind with nothing installed.

PORTABLE_ARCHITECTURES ?= x86_64 aarch64
PORTABLE := $(BUILD)/portable
# The time of the last change, so that the same sources make the same bytes.
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2> /dev/null || echo 1)
export SOURCE_DATE_EPOCH

# Instead of the build's own folder; and the plug-ins are found from where they lie alone.
PORTABLE_FLAGS = PREFIX=/ GPU_RPATH= GPU_DEBUG= CFLAGS='$(CFLAGS) -ffile-prefix-map=$(CURDIR)=.'
portable_compiler = $(if $(filter $1,$(shell uname -m)),gcc,$1-linux-gnu-gcc)
portable_name = fm-tools-$(STREAM_VERSION)-$1

# of mk/packages.txt; the second where the distribution's CUDA is
PORTABLE_PURPOSES := portable $(if $(filter no,$(GPU)),,$(if $(wildcard /usr/lib/nvidia-cuda-toolkit/bin/nvcc),portable-gpu))

.PHONY: portable portable-deps $(PORTABLE_ARCHITECTURES:%=portable-%)
portable: $(PORTABLE_ARCHITECTURES:%=portable-%) ## one folder a processor that runs anywhere, and its tarball: build/portable
portable-deps:
	@$(if $(DEPS),$(DEPS) build $(PORTABLE_PURPOSES))

$(PORTABLE_ARCHITECTURES:%=portable-%): portable-%: portable-deps
	@mk/portable-build $* $(PORTABLE)/$(call portable_name,$*) $(call portable_compiler,$*) '$(MAKE)' $(PORTABLE_FLAGS)

# what mk/portable gathers; test programs that need the plug-in only where there is one
.PHONY: portable-programs
portable-programs: all $(if $(PLUGINS),$(GPU_TESTS))
