# make bench: figures, printed and not judged. Every tests/bench/*.sh prints its own; programs for them are built here.

BENCH_SOURCES := $(sort $(wildcard tests/bench/*.c))
BENCH_PROGRAMS := $(BENCH_SOURCES:%.c=$(BUILD)/%)

BENCH_ENVIRONMENT = FM_BIN='$(abspath $(BUILD)/bin)' FM_BENCH='$(abspath $(BUILD)/tests/bench)' FM_PEERS='$(abspath $(PEERS))'

.PHONY: bench bench-peers bench-programs
bench-programs: all $(BENCH_PROGRAMS) $(BUILD)/tests/kernels/conv

bench: bench-programs ## print speeds, start-up times and memory, and with `make peers` how others compare
	@for script in $(sort $(wildcard tests/bench/*.sh)); do \
		echo "== $$script"; \
		$(BENCH_ENVIRONMENT) "$$script" || exit 1; \
	done

# CLOCK=processor where the machine has other work, ROWS='words of rows' for some of them
bench-peers: bench-programs peers ## compare with the peers, at their best settings (the first time half an hour to find them)
	@$(BENCH_ENVIRONMENT) CLOCK='$(CLOCK)' ROWS='$(ROWS)' tests/bench/peers.sh
	@$(BENCH_ENVIRONMENT) FM_BENCH_CLOCK='$(filter processor,$(CLOCK))' tests/bench/cost.sh
