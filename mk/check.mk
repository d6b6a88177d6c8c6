# make check: what must hold, counted; ends in "N passed, N failed".

UNIT_SOURCES := $(sort $(wildcard tests/unit/*.c tests/kernels/*.c tests/gradient/*.c))
UNIT_PROGRAMS := $(UNIT_SOURCES:%.c=$(BUILD)/%)
PEER_PROGRAMS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/peers/*.c))
# those that run threads, for ThreadSanitizer: they say so
THREADED := $(patsubst %.c,%,$(shell grep -lE 'omp|threads' $(UNIT_SOURCES) /dev/null))
BATS := $(sort $(wildcard tests/*.bats tests/faults/*.bats))
TAP_SCRIPTS := $(sort $(wildcard tests/*.tap))

$(BUILD)/tests/%: $(BUILD)/tests/%.o $(ARCHIVE)
	$(LINK)

$(BUILD)/tests/%.o: EXTRA = -fopenmp -Itests

# Flavours: the same sources under sanitizers and the other compiler, each in its own folder.
ADDRESS := BUILD=$(BUILD)/address CC=gcc OPTIMISE=-O1 \
	SANITIZE='-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer'
THREAD := BUILD=$(BUILD)/thread CC=clang OPTIMISE=-O1 SANITIZE='-fsanitize=thread'
CLANG := BUILD=$(BUILD)/clang CC=clang GPU=no
TRACED := BUILD=$(BUILD)/traced CC=clang GPU=no TRACE=yes

ADDRESS_SUITES = $(UNIT_SOURCES:%.c=$(BUILD)/address/%)
# programs under AddressSanitizer: whatever is hostile to them
ADDRESS_BATS := $(wildcard tests/manners.bats tests/stream.bats tests/lazy.bats tests/fetch.bats \
	tests/fetch-formats.bats tests/fetch-pictures.bats tests/fetch-webdataset.bats tests/fetch-published.bats)
ADDRESS_SUITES += $(ADDRESS_BATS:%='FM_BIN=$(abspath $(BUILD)/address/bin) %')
CLANG_SUITES = $(UNIT_SOURCES:%.c=$(BUILD)/clang/%)
THREAD_SUITES = $(THREADED:%='OMP_NUM_THREADS=3 $(BUILD)/thread/%')
# gcc's fake stack, for use after return, puts 64-byte vectors on 32 bytes: off
check-run: export ASAN_OPTIONS = detect_stack_use_after_return=0
check-run: export UBSAN_OPTIONS = print_stacktrace=1
# clang's OpenMP tells ThreadSanitizer about its barriers (archer); libraries that it didn't compile are not watched
check-run: export TSAN_OPTIONS = ignore_noninstrumented_modules=1:halt_on_error=1

.PHONY: unit unit-threaded check check-build check-run check-long deps
unit: $(UNIT_PROGRAMS)
unit-threaded: $(THREADED:%=$(BUILD)/%)

# What to install: `make check DEPS=` installs nothing.
DEPS ?= mk/deps

deps: ## install the Debian packages that make, check and lint need
	@mk/deps build check lint

# Tests need no more than the P100's code and one newer card's.
check: export GPU_ARCHITECTURES := 60 90
check: ## install what is missing, build, run every test; ends in "N passed, N failed"
	@$(if $(DEPS),$(DEPS) build check lint)
	@$(MAKE) check-build
	@$(MAKE) check-run

check-build: all unit
	@$(MAKE) $(ADDRESS) all unit
	@$(MAKE) $(CLANG) all unit
	@$(MAKE) $(THREAD) unit-threaded

check-run:
	@FM_BIN='$(abspath $(BUILD)/bin)' CC='$(CC)' tests/run -o $(BUILD)/check $(UNIT_PROGRAMS) $(ADDRESS_SUITES) \
		$(CLANG_SUITES) $(THREAD_SUITES) $(BATS) $(TAP_SCRIPTS)

check-long: all unit $(PEER_PROGRAMS) ## the tests that take long or need PyTorch (peers, portable folders, kernels' loads one by one)
	@$(if $(DEPS),$(DEPS) build check lint long $(PORTABLE_PURPOSES))
	@$(MAKE) $(TRACED) unit-emulated
	@FM_BIN='$(abspath $(BUILD)/bin)' tests/run -j 1 -o $(BUILD)/check-long $(TRACED_SUITES) $(sort $(wildcard tests/peers/*.bats tests/portable/*.bats))
