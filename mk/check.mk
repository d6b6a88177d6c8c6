# make check: what must hold, counted; ends in "N passed, N failed".

UNIT_SOURCES := $(sort $(wildcard tests/unit/*.c tests/kernels/*.c tests/gradient/*.c))
UNIT_PROGRAMS := $(UNIT_SOURCES:%.c=$(BUILD)/%)
BATS := $(sort $(wildcard tests/*.bats))

$(BUILD)/tests/%: $(BUILD)/tests/%.o $(ARCHIVE)
	$(LINK)

$(BUILD)/tests/%.o: EXTRA = -fopenmp -Itests

.PHONY: unit check
unit: $(UNIT_PROGRAMS)

check: all unit
	@FM_BIN='$(abspath $(BUILD)/bin)' tests/run -o $(BUILD)/check $(UNIT_PROGRAMS) $(BATS)
