# The CUDA backend without CUDA: gpu/ and tests/cuda-on-host/ compiled by the host's C++ compiler.

# The C++ compiler of the same house as CC.
ifneq ($(filter default undefined,$(origin CXX)),)
CXX := $(if $(findstring clang,$(CC)),$(subst clang,clang++,$(CC)),$(subst gcc,g++,$(CC)))
endif

HOST_CUDA_OUT := $(BUILD)/cuda-on-host
# C++17 is what both toolkits take. Kernels unroll by pragma, which only nvcc knows.
HOST_CUDA_FLAGS = -std=gnu++17 $(if $(SANITIZE),-O1,-O2) -g -Wall -Wextra -Wshadow $(if $(SANITIZE),,-Werror) \
	-Wno-unknown-pragmas -fno-math-errno -ffp-contract=off -fPIC $(SANITIZE) \
	-Itests/cuda-on-host -Igpu -Icommon -Itests -D_GNU_SOURCE $(CPPFLAGS)

# The plug-in's own entry (gpu/plugin.*) is for nvcc alone.
HOST_CUDA_SOURCES := $(sort $(wildcard gpu/*.cu)) $(filter-out %_test.cc,$(sort $(wildcard tests/cuda-on-host/*.cc)))
HOST_CUDA_SOURCES := $(filter-out gpu/plugin%,$(HOST_CUDA_SOURCES))
HOST_CUDA_OBJECTS := $(HOST_CUDA_SOURCES:%=$(HOST_CUDA_OUT)/%.o)
HOST_CUDA_TESTS := $(patsubst %.cc,$(BUILD)/%,$(sort $(wildcard tests/cuda-on-host/*_test.cc)))

UNIT_PROGRAMS += $(HOST_CUDA_TESTS)
ADDRESS_SUITES += $(HOST_CUDA_TESTS:$(BUILD)/%=$(BUILD)/address/%)
CLANG_SUITES += $(HOST_CUDA_TESTS:$(BUILD)/%=$(BUILD)/clang/%)
unit: $(HOST_CUDA_TESTS)

$(HOST_CUDA_OUT)/%.o: % $(BUILD)/flags
	@mkdir -p $(@D)
	$(SAY) CXX $@
	$(QUIET)$(CXX) $(HOST_CUDA_FLAGS) -MMD -MP -c -o $@ -x c++ $<

$(HOST_CUDA_TESTS): $(BUILD)/%: $(HOST_CUDA_OUT)/%.cc.o $(HOST_CUDA_OBJECTS) $(ARCHIVE)
	@mkdir -p $(@D)
	$(SAY) LINK $@
	$(QUIET)$(CXX) $(SANITIZE) $(LDFLAGS) -o $@ $(filter %.o,$^) $(ARCHIVE) -Wl,--as-needed -fopenmp $(LIBRARIES)

-include $(shell find $(HOST_CUDA_OUT) -name '*.d' 2>/dev/null)
