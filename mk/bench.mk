# make bench: figures, printed and not judged. Every tests/bench/*.sh prints its own; programs for them are built here.

BENCH_SOURCES := $(sort $(wildcard tests/bench/*.c))
BENCH_PROGRAMS := $(BENCH_SOURCES:%.c=$(BUILD)/%)

.PHONY: bench
bench: all $(BENCH_PROGRAMS) $(BUILD)/tests/kernels/conv ## print speeds, start-up times and memory
	@for script in $(sort $(wildcard tests/bench/*.sh)); do \
		echo "== $$script"; \
		FM_BIN='$(abspath $(BUILD)/bin)' FM_BENCH='$(abspath $(BUILD)/tests/bench)' "$$script" || exit 1; \
	done
