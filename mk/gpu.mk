# The GPU backend: one plug-in for each CUDA toolkit that is here, build/lib/fm-tools/fm-cuda-MAJOR.so. `make GPU=no` leaves
# it out, `make GPU_ARCHITECTURES='60 90'` compiles for fewer cards.

# gpu/*.cc have no kernels: the host's compiler reads them, once, where nvcc reads a file once an architecture.
GPU_SOURCES := $(sort $(wildcard gpu/*.cu gpu/*.cc))
GPU_OBJECTS := $(patsubst %.cc,%.o,$(GPU_SOURCES:%.cu=%.o))
PLUGIN_FOLDER = $(PREFIX)/lib/fm-tools

# In a cross build: the other processor's triplet, the folder below which its libraries lie (mk/sysroot), and what NVIDIA's
# toolkits call it in their targets/, as mk/toolkits says. Code for the cards is the same for every processor.
GPU_HERE := $(subst arm64,aarch64,$(shell uname -m))-linux-gnu
GPU_CROSS := $(if $(findstring __$(GPU_HERE:-linux-gnu=)__,$(TARGET_MACROS)),,$(shell $(CC) -dumpmachine 2> /dev/null))
GPU_ROOT := $(if $(GPU_CROSS),$(patsubst %/,%,$(shell $(CC) -print-sysroot 2> /dev/null)))
GPU_SYSROOT := $(GPU_ROOT:%=--sysroot=%)
GPU_TARGET := $(subst aarch64,sbsa,$(GPU_CROSS:-gnu=))

# Not under sanitizers.
ifneq ($(SANITIZE)$(findstring no,$(GPU)),)
TOOLKITS :=
else
# One word a toolkit: MAJOR:VERSION:NVCC:COMPILER:ARCHITECTURES, commas between the architectures.
TOOLKITS := $(if $(GPU_SOURCES),$(shell NVCC='$(NVCC)' CUDA_HOME='$(CUDA_HOME)' mk/toolkits $(if $(GPU_CROSS),'$(GPU_CROSS)' '$(GPU_ROOT)') | \
	sed 's/ /:/;s/ /:/;s/ /:/;s/ /:/;s/ *$$//;s/ /,/g'))
endif

comma := ,
toolkit_field = $(word $2,$(subst :, ,$(filter $1:%,$(TOOLKITS))))
# the oldest first
TOOLKIT_MAJORS := $(shell printf '%s\n' $(foreach toolkit,$(TOOLKITS),$(firstword $(subst :, ,$(toolkit)))) | sort -n)

# Those of these that the toolkit knows; of 100 and newer every first of its kind, on whose code the others run. Servers with
# ARM processors take the same cards, and cuBLAS for them has code for the same. Jetson boards run their own code alone, and
# cuBLAS for servers has none for them before CUDA 13: only a toolkit of a board's own compiles for it.
GPU_ARCHITECTURES ?= 60 70 75 80 86 89 90 100 120 130 140 150 160 $(GPU_BOARDS)
GPU_BOARDS := $(if $(findstring __aarch64__,$(TARGET_MACROS)),110 $(if $(GPU_CROSS),,\
	$(if $(wildcard /usr/local/cuda/targets/aarch64-linux),72 87)))
gpu_known = $(subst $(comma), ,$(call toolkit_field,$1,5))
# What an older toolkit here compiles is left to it: its plug-in runs with every driver that a newer one's does, and older
# ones. Not so 90, for which each brings its own cuBLAS.
gpu_older = $(shell for major in $(TOOLKIT_MAJORS); do [ $$major -ge $1 ] || echo $$major; done)
gpu_left = $(filter-out 90,$(foreach major,$(gpu_older),$(call gpu_known,$(major))))
gpu_machine = $(filter-out $(gpu_left),$(filter $(GPU_ARCHITECTURES),$(call gpu_known,$1)))
GPU_MAJORS := $(foreach major,$(TOOLKIT_MAJORS),$(if $(call gpu_machine,$(major)),$(major)))
PLUGINS := $(GPU_MAJORS:%=$(BUILD)/lib/fm-tools/fm-cuda-%.so)
# PTX of the newest for cards to come, and of the P100's for whatever else is as old.
gpu_ptx = $(sort $(filter 60,$(call gpu_machine,$1)) $(lastword $(call gpu_machine,$1)))
gpu_targets = $(foreach a,$(call gpu_machine,$1),-gencode arch=compute_$a,code=sm_$a) \
	$(foreach a,$(call gpu_ptx,$1),-gencode arch=compute_$a,code=compute_$a)

# nvcc takes seconds a file and architecture: a compiler cache, where somebody has one, remembers.
GPU_CACHE := $(shell command -v ccache)

# A toolkit finds its own programs and headers first: a newer one may stand earlier in PATH, or be linked into /usr/local.
gpu_folder = $(dir $(call toolkit_field,$1,3))
gpu_target = $(if $(GPU_CROSS),$(wildcard $(call gpu_folder,$1)../targets/$(GPU_TARGET)))
gpu_nvcc = PATH='$(call gpu_folder,$1):/usr/bin:/bin' $(GPU_CACHE) $(call toolkit_field,$1,3) -ccbin $(call toolkit_field,$1,4) \
	$(if $(call gpu_target,$1),-target-dir $(GPU_TARGET)) $(addprefix -Xcompiler ,$(GPU_SYSROOT))
gpu_headers = $(or $(call gpu_target,$1),$(call gpu_folder,$1)..)/include
gpu_libraries = $(firstword $(wildcard $(if $(GPU_CROSS),$(call gpu_target,$1)/lib/libcudart_static.a,\
	$(call gpu_folder,$1)../lib64/libcudart_static.a $(call gpu_folder,$1)../lib/libcudart_static.a) \
	$(GPU_ROOT)/usr/lib/$(or $(GPU_CROSS),$(GPU_HERE))/libcudart_static.a))
gpu_library_folder = $(patsubst %/,%,$(dir $(call gpu_libraries,$1)))
# where cuBLAS is found when the plug-in is loaded: beside it, else the toolkit's own; GPU_RPATH= where it will be moved
GPU_RPATH ?= yes
gpu_rpath = -Wl,-rpath,'$$$$ORIGIN'$(if $(GPU_RPATH),$(if $(GPU_CROSS)$(filter /usr/lib/%,$(call gpu_library_folder,$1)),,:$(call gpu_library_folder,$1)))

# lines of the source in profiles and in compute-sanitizer's reports; they name the folder of the build
GPU_DEBUG ?= -lineinfo
GPU_HOST_FLAGS := -Wall -Wextra $(WERROR) -fvisibility=hidden -fPIC -ffp-contract=off -O2
NVCC_FLAGS = -std=c++17 -O3 $(GPU_DEBUG) $(if $(WERROR),-Werror all-warnings) -Xptxas -v \
	-Xcompiler $(subst $(eval ) ,$(comma),$(GPU_HOST_FLAGS)) -Icommon -Igpu -D_GNU_SOURCE $(NVCCFLAGS)
gpu_flags = $(filter $1:%,$(TOOLKITS)) $(GPU_ROOT) $(call gpu_machine,$1) $(NVCC_FLAGS) $(CPPFLAGS) $(CXXFLAGS) $(LDFLAGS) $(GPU_RPATH)

.PHONY: gpu
all: gpu
gpu: $(PLUGINS) ## build the GPU plug-ins, build/lib/fm-tools/fm-cuda-*.so, one a CUDA toolkit

# $1 the toolkit's major number
define GPU_RULES
$(BUILD)/gpu/$1/flags: FORCE
	$$(call keep,'$$(call gpu_flags,$1)')

# Links to Debian's CUDA headers, before every folder of headers that a compiler knows.
$(BUILD)/gpu/$1/include: mk/toolkit-headers $(BUILD)/gpu/$1/flags
	@rm -rf $$@
	@mk/toolkit-headers $(call toolkit_field,$1,3) $$@ $(GPU_ROOT)

# What ptxas says of each kernel stays beside the object: registers, spills, shared memory.
$(BUILD)/gpu/$1/%.o: gpu/%.cu $(BUILD)/gpu/$1/flags | $(BUILD)/gpu/$1/include
	@mkdir -p $$(@D)
	$$(SAY) NVCC $$@
	$$(QUIET)$(call gpu_nvcc,$1) $(NVCC_FLAGS) -I$(BUILD)/gpu/$1/include -MMD -MP -MF $$(@:.o=.d) \
		-DFM_CUDA_MACHINE='"$(strip $(call gpu_machine,$1))"' -DFM_CUDA_PTX='"$(strip $(call gpu_ptx,$1))"' \
		$(strip $(call gpu_targets,$1)) -c -o $$@ $$< > $$(@:.o=.ptxas) 2>&1 || { cat $$(@:.o=.ptxas) >&2; exit 1; }

$(BUILD)/gpu/$1/%.o: gpu/%.cc $(BUILD)/gpu/$1/flags | $(BUILD)/gpu/$1/include
	@mkdir -p $$(@D)
	$$(SAY) CXX $$@
	$$(QUIET)$(call toolkit_field,$1,4) $(GPU_SYSROOT) -std=gnu++17 $(GPU_HOST_FLAGS) -Icommon -Igpu -D_GNU_SOURCE $(CPPFLAGS) $(CXXFLAGS) \
		-isystem $(BUILD)/gpu/$1/include -isystem $(call gpu_headers,$1) -MMD -MP -c -o $$@ $$<

# -x: local symbols name nvcc's temporary files, which are called after its process; the build ID would follow them
$(BUILD)/lib/fm-tools/fm-cuda-$1.so: $(GPU_OBJECTS:gpu/%=$(BUILD)/gpu/$1/%) gpu/plugin.map mk/gpu.mk
	@mkdir -p $$(@D)
	$$(SAY) LINK $$@
	$$(QUIET)$(call toolkit_field,$1,4) $(GPU_SYSROOT) -shared $(CXXFLAGS) $(LDFLAGS) -o $$@ $$(filter %.o,$$^) -Wl,--version-script=gpu/plugin.map \
		-Wl,--exclude-libs,ALL -Wl,-x -Wl,-z,defs -Wl,--as-needed -static-libstdc++ -static-libgcc $(call gpu_rpath,$1) \
		-L$(call gpu_library_folder,$1) -Wl,-rpath-link,$(call gpu_library_folder,$1) -lcudart_static -lcublas -lrt -ldl -lpthread

INSTALLED += $(BUILD)/lib/fm-tools/fm-cuda-$1.so>755>$$(PLUGIN_FOLDER)/fm-cuda-$1.so
endef
$(foreach major,$(GPU_MAJORS),$(eval $(call GPU_RULES,$(major))))
-include $(wildcard $(BUILD)/gpu/*/*.d)

.PHONY: deps-gpu
deps-gpu: ## install a CUDA toolkit that compiles for the P100 (non-free; says what it enables)
	@mk/toolkits 2> /dev/null | grep -q ' 60 ' || mk/deps gpu
	@mk/toolkits | grep ' 60 ' || { \
		echo 'No CUDA toolkit here compiles for the P100 (sm_60): CUDA 11.8 to 12.9 do, found by CUDA_HOME or PATH.' >&2; exit 1; }
