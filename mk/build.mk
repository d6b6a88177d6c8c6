# Objects, the one archive that the programs pick from, the programs.

# One short line a file; make V=1 shows the commands.
ifeq ($(V),)
QUIET := @
SAY := @printf '%-5s %s\n'
else
QUIET :=
SAY := @:
endif

# Sources are found, never listed: a new file is built because it is there.
COMMON_SOURCES := $(filter-out $(FOREIGN),$(shell find common -name '*.c' | LC_ALL=C sort))
TOOLS := $(patsubst tools/%.c,%,$(wildcard tools/*.c))
PROGRAMS := $(TOOLS:%=$(BUILD)/bin/%)
ARCHIVE := $(BUILD)/libfm.a
OBJECTS := $(COMMON_SOURCES:%.c=$(BUILD)/%.o)

.PHONY: all clean help FORCE
.DEFAULT_GOAL := all
all: $(PROGRAMS) ## build the programs into build/bin (the default)

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(sort $(MAKEFILE_LIST)) | LC_ALL=C sort -u
	@echo
	@echo 'variables: CC, CFLAGS, CPPFLAGS, LDFLAGS, WERROR ($(WERROR)), PKG_CONFIG, SANITIZE, BUILD ($(BUILD)), V=1'
	@echo '           PREFIX ($(PREFIX)), DESTDIR, DEPS= (installs no packages)'
	@echo '           GPU=no, NVCC, CUDA_HOME, NVCCFLAGS, CXXFLAGS (the plug-ins'"'"'), GPU_ARCHITECTURES'

# Instruction sets are flags of an object's folder, never global: only the dispatcher decides what runs.
# under a sanitizer -O3 only takes time
KERNEL_OPTIMISE := $(if $(SANITIZE),$(OPTIMISE),-O3)
AVX512 := -mavx512f -mavx512bw -mavx512vl -mavx512dq -mfma
$(BUILD)/common/cpu/plain/%.o: EXTRA = $(KERNEL_OPTIMISE)
$(BUILD)/common/cpu/neon/%.o: EXTRA = $(KERNEL_OPTIMISE)
$(BUILD)/common/cpu/avx2/%.o: EXTRA = $(KERNEL_OPTIMISE) -mavx2 -mfma -mf16c
$(BUILD)/common/cpu/avx512/%.o: EXTRA = $(KERNEL_OPTIMISE) $(AVX512)
$(BUILD)/common/cpu/avxvnni/%.o: EXTRA = $(KERNEL_OPTIMISE) -mavx2 -mfma -mf16c -mavxvnni
$(BUILD)/common/cpu/avx512vnni/%.o: EXTRA = $(KERNEL_OPTIMISE) $(AVX512) -mavx512vnni
$(BUILD)/common/cpu/avx512bf16/%.o: EXTRA = $(KERNEL_OPTIMISE) $(AVX512) -mavx512bf16
$(BUILD)/common/augment/%.o $(BUILD)/common/pixel/%.o: EXTRA = $(KERNEL_OPTIMISE)
$(BUILD)/common/pixel/avx2/%.o: EXTRA = $(KERNEL_OPTIMISE) -mavx2
$(BUILD)/common/pixel/avx512/%.o: EXTRA = $(KERNEL_OPTIMISE) $(AVX512)
$(BUILD)/common/pixel/avx512vbmi/%.o: EXTRA = $(KERNEL_OPTIMISE) $(AVX512) -mavx512vbmi
$(BUILD)/common/metrics/%.o: EXTRA = -fopenmp

# keep: a file with these words, written when they have changed. Also under make -n, which then tells the truth.
define keep
+@mkdir -p $(@D)
+@printf '%s\n' $1 > $@.new
+@cmp -s $@.new $@ && rm $@.new || mv $@.new $@
endef

# What every file is compiled with, so that other flags build everything again and the same flags nothing.
$(BUILD)/flags: FORCE
	$(call keep,'$(CC) $(FLAGS) $(CPPFLAGS_ALL) $(CFLAGS) $(LDFLAGS) $(CXX)' '$(KERNEL_OPTIMISE) $(AVX512) $(DRAW_FLAGS) $(EXPORT_FLAGS)' \
		"$$(grep -h 'EXTRA[ ]*=' mk/*.mk)")

# Likewise the list of objects, so that a removed source leaves the archive.
$(BUILD)/objects: FORCE
	$(call keep,$(OBJECTS))

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(SAY) CC $@
	$(QUIET)$(CC) $(FLAGS) $(EXTRA) $(CPPFLAGS_ALL) $(CFLAGS) -MMD -MP -c -o $@ $<

$(ARCHIVE): $(OBJECTS) $(BUILD)/objects
	@rm -f $@
	$(SAY) AR $@
	$(QUIET)$(AR) rcs $@ $(OBJECTS)

# --as-needed: a program is linked to what its own objects use and nothing else; a test reads ldd.
define LINK
@mkdir -p $(@D)
$(SAY) LINK $@
$(QUIET)$(CC) $(FLAGS) $(LDFLAGS) -o $@ $< $(ARCHIVE) -Wl,--as-needed -fopenmp $(LIBRARIES)
endef

$(BUILD)/bin/%: $(BUILD)/tools/%.o $(ARCHIVE)
	$(LINK)

clean: ## remove everything that was built
	rm -rf $(BUILD)

.SECONDARY:
.DELETE_ON_ERROR:
-include $(shell find $(BUILD)/common $(BUILD)/gen $(BUILD)/libexec $(BUILD)/tools $(BUILD)/tests -name '*.d' 2>/dev/null)
