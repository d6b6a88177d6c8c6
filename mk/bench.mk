# make bench: figures, printed and not judged. Every tests/bench/*.sh prints its own; programs for them are built here.

BENCH_SOURCES := $(sort $(wildcard tests/bench/*.c))
BENCH_PROGRAMS := $(BENCH_SOURCES:%.c=$(BUILD)/%)

BENCH_ENVIRONMENT = FM_BIN='$(abspath $(BUILD)/bin)' FM_BENCH='$(abspath $(BUILD)/tests/bench)' FM_PEERS='$(abspath $(PEERS))'

.PHONY: bench bench-gpu bench-peers bench-recipe bench-programs
bench-programs: all $(BENCH_PROGRAMS) $(BUILD)/tests/kernels/conv $(BUILD)/tests/kernels/int8

bench: bench-programs ## print speeds, start-up times and memory, and with `make peers` how others compare
	@for script in $(sort $(wildcard tests/bench/*.sh)); do \
		echo "== $$script"; \
		$(BENCH_ENVIRONMENT) "$$script" || exit 1; \
	done

# CLOCK=processor where the machine has other work, ROWS='words of rows' for some of them, SEARCH=no for known settings only
bench-peers: bench-programs peers ## compare with the peers, at their best settings (the first time half an hour to find them)
	@$(BENCH_ENVIRONMENT) CLOCK='$(CLOCK)' ROWS='$(ROWS)' SEARCH='$(SEARCH)' tests/bench/peers.sh
	@$(BENCH_ENVIRONMENT) FM_BENCH_CLOCK='$(filter processor,$(CLOCK))' tests/bench/cost.sh

# the peer is whatever Python has PyTorch with CUDA: PYTHON=…, or `make peers`
bench-gpu: all $(GPU_TESTS) ## check and time the GPU backend beside PyTorch, within ten minutes: build/bench-gpu
	@$(BENCH_ENVIRONMENT) PYTHON='$(or $(PYTHON),$(wildcard $(PEERS)/bin/python),python3)' tests/bench/gpu.sh '' $(BUILD)/bench-gpu

RECIPE_PAIRS ?= 3
RECIPE_EPOCHS ?= 3
# RECIPE_TORCH='batch=128 lr=4e-3' where the recipe isn't what tests/peers/torch_recipe.py does anyway
bench-recipe: bench-programs peers ## the recipe fast from a cold start against PyTorch, whole wall time
	@mkdir -p $(PEERS)/bench
	@$(BENCH_ENVIRONMENT) PYTHONDONTWRITEBYTECODE=1 $(PEERS)/bin/python tests/peers/recipe.py $(PEERS)/bench \
		$(or $(CLOCK),wall) $(RECIPE_PAIRS) fast $(RECIPE_EPOCHS) $(RECIPE_TORCH)
