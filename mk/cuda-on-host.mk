# The CUDA backend without CUDA: gpu/ and tests/cuda-on-host/ compiled by the host's C++ compiler.

# The C++ compiler of the same house as CC.
ifneq ($(filter default undefined,$(origin CXX)),)
CXX := $(if $(findstring clang,$(CC)),$(subst clang,clang++,$(CC)),$(subst gcc,g++,$(CC)))
endif

HOST_CUDA_OUT := $(BUILD)/cuda-on-host
# Little room for windows, so that tests have batches that don't fit; few blocks and tiles are enough, so that small batches
# give threads several bunches, blocks several steps and tiles many rows; a workspace that nothing here reads need not be large. C++17 is what both toolkits take. Kernels unroll by pragma, which only nvcc knows.
HOST_CUDA_FLAGS = -std=gnu++17 $(if $(SANITIZE),-O1,-O2) -g -Wall -Wextra -Wshadow $(if $(SANITIZE),,-Werror) \
	-Wno-unknown-pragmas -fno-math-errno -ffp-contract=off -fPIC $(SANITIZE) \
	-DFM_CUDA_ON_HOST -DFM_WINDOW_ROOM=40000 -DFM_BLOCKS_ENOUGH=4 -DFM_WEIGHT_BLOCKS=4 -DFM_SUM_TILES_MOST=8 -DFM_BLAS_WORKSPACE=4096 -DFM_CUDA_MACHINE='"60 80"' -DFM_CUDA_PTX='""' -Itests/cuda-on-host -Igpu -Icommon -Itests -D_GNU_SOURCE $(CPPFLAGS)

# TRACE=yes, with clang: a kernel that reads what nobody has written is an error, even if nothing comes of it (written.h).
HOST_CUDA_TRACE = $(if $(TRACE),-DFM_TRACE_LOADS -fsanitize-coverage=func$(comma)trace-loads$(comma)trace-stores)

HOST_CUDA_SOURCES := $(sort $(wildcard gpu/*.cu gpu/*.cc)) $(filter-out %_test.cc,$(sort $(wildcard tests/cuda-on-host/*.cc)))
HOST_CUDA_OBJECTS := $(HOST_CUDA_SOURCES:%=$(HOST_CUDA_OUT)/%.o)
HOST_CUDA_TESTS := $(patsubst %.cc,$(BUILD)/%,$(sort $(wildcard tests/cuda-on-host/*_test.cc)))

# Test programs of the backend, tests/gpu/*.c: build/tests/gpu/ has them with the plug-in, for a machine with a GPU, and
# build/tests/cuda-on-host/ with gpu/ as the host runs it.
GPU_TEST_NAMES := $(filter-out plugin,$(patsubst tests/gpu/%.c,%,$(sort $(wildcard tests/gpu/*.c))))
GPU_TESTS := $(GPU_TEST_NAMES:%=$(BUILD)/tests/gpu/%)
HOST_GPU_TESTS := $(GPU_TEST_NAMES:%=$(BUILD)/tests/cuda-on-host/%)
HOST_CUDA_TESTS += $(HOST_GPU_TESTS)

UNIT_PROGRAMS += $(HOST_CUDA_TESTS) $(GPU_TESTS)
ADDRESS_SUITES += $(HOST_CUDA_TESTS:$(BUILD)/%=$(BUILD)/address/%)
CLANG_SUITES += $(HOST_CUDA_TESTS:$(BUILD)/%=$(BUILD)/clang/%)
TRACED_SUITES := $(HOST_CUDA_TESTS:$(BUILD)/%=$(BUILD)/traced/%)
unit: $(HOST_CUDA_TESTS) $(GPU_TESTS)
.PHONY: unit-emulated
unit-emulated: $(HOST_CUDA_TESTS)

$(HOST_CUDA_OUT)/tests/cuda-on-host/written.cc.o: HOST_CUDA_TRACE = $(if $(TRACE),-DFM_TRACE_LOADS)
$(HOST_CUDA_OUT)/%.o: % $(BUILD)/flags
	@mkdir -p $(@D)
	$(SAY) CXX $@
	$(QUIET)$(CXX) $(HOST_CUDA_FLAGS) $(HOST_CUDA_TRACE) -MMD -MP -c -o $@ -x c++ $<

define LINK_HOST_CUDA
@mkdir -p $(@D)
$(SAY) LINK $@
$(QUIET)$(CXX) $(SANITIZE) $(LDFLAGS) -o $@ $(filter %.o,$^) $(ARCHIVE) -Wl,--as-needed -fopenmp $(LIBRARIES)
endef

$(BUILD)/tests/cuda-on-host/%_test: $(HOST_CUDA_OUT)/tests/cuda-on-host/%_test.cc.o $(HOST_CUDA_OBJECTS) $(ARCHIVE)
	$(LINK_HOST_CUDA)

$(HOST_GPU_TESTS): $(BUILD)/tests/cuda-on-host/%: $(BUILD)/tests/gpu/%.o $(HOST_CUDA_OBJECTS) $(ARCHIVE)
	$(LINK_HOST_CUDA)

$(GPU_TESTS): $(BUILD)/tests/gpu/%: $(BUILD)/tests/gpu/%.o $(BUILD)/tests/gpu/plugin.o $(ARCHIVE)
	@mkdir -p $(@D)
	$(SAY) LINK $@
	$(QUIET)$(CC) $(FLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(ARCHIVE) -Wl,--as-needed -fopenmp $(LIBRARIES)

# The same as a plug-in, for a card that a test's driver shows: fm-train on it from end to end. Programs under sanitizers can't
# have the driver loaded before them.
HOST_PLUGIN := $(HOST_CUDA_OUT)/backends/fm-cuda-13.so
$(HOST_PLUGIN): $(HOST_CUDA_OBJECTS) $(ARCHIVE) gpu/plugin.map
	@mkdir -p $(@D)
	$(SAY) LINK $@
	$(QUIET)$(CXX) -shared $(LDFLAGS) -o $@ $(filter %.o,$^) $(ARCHIVE) -Wl,--version-script=gpu/plugin.map -Wl,-z,defs \
		-Wl,--as-needed -fopenmp $(LIBRARIES)
ifeq ($(SANITIZE),)
unit: $(HOST_PLUGIN)
endif

-include $(shell find $(HOST_CUDA_OUT) -name '*.d' 2>/dev/null)
