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
COMMON_SOURCES := $(shell find common -name '*.c' | LC_ALL=C sort)
TOOLS := $(patsubst tools/%.c,%,$(wildcard tools/*.c))
PROGRAMS := $(TOOLS:%=$(BUILD)/bin/%)
ARCHIVE := $(BUILD)/libfm.a
OBJECTS := $(COMMON_SOURCES:%.c=$(BUILD)/%.o)

.PHONY: all clean
.DEFAULT_GOAL := all
all: $(PROGRAMS)

# Instruction sets are flags of an object's folder, never global: only the dispatcher decides what runs.
$(BUILD)/common/cpu/%.o: EXTRA = -fopenmp
$(BUILD)/common/cpu/avx2/%.o: EXTRA = -fopenmp -O3 -mavx2 -mfma -mf16c
$(BUILD)/common/cpu/avx512/%.o: EXTRA = -fopenmp -O3 -mavx512f -mavx512bw -mavx512vl -mavx512dq -mfma
$(BUILD)/common/cpu/avx512bf16/%.o: EXTRA = -fopenmp -O3 -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx512bf16 -mfma
$(BUILD)/common/augment/%.o: EXTRA = -fopenmp
$(BUILD)/common/metrics/%.o: EXTRA = -fopenmp

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(SAY) CC $@
	$(QUIET)$(CC) $(FLAGS) $(EXTRA) $(CPPFLAGS_ALL) $(CFLAGS) -MMD -MP -c -o $@ $<

$(ARCHIVE): $(OBJECTS)
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

clean:
	rm -rf $(BUILD)

.SECONDARY:
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
