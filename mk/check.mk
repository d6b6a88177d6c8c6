# make check: what must hold, counted; ends in "N passed, N failed".

UNIT_SOURCES := $(wildcard tests/unit/*.c tests/kernels/*.c tests/gradient/*.c)
UNIT_PROGRAMS := $(UNIT_SOURCES:%.c=$(BUILD)/%)

$(BUILD)/tests/%: $(BUILD)/tests/%.o $(ARCHIVE)
	$(CC) $(FLAGS) $(LDFLAGS) -o $@ $< $(ARCHIVE) -Wl,--as-needed -fopenmp $(LIBRARIES)

$(BUILD)/tests/%.o: EXTRA = -fopenmp -Itests

.PHONY: unit
unit: $(UNIT_PROGRAMS)
