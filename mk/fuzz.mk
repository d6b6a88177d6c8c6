# make fuzz: libFuzzer on whatever reads bytes from outside; the corpus is replayed by make check.

FUZZ_TARGETS := $(filter-out replay,$(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c)))
FUZZ_SECONDS ?= 60
# what is found goes here; what deserves to stay is moved to tests/fuzz/corpus/TARGET by hand
FUZZ_FOUND := $(BUILD)/fuzz/found

# Replay programs, in every flavour that the unit tests are built in.
REPLAY_PROGRAMS := $(FUZZ_TARGETS:%=$(BUILD)/tests/fuzz/%)
unit: $(REPLAY_PROGRAMS)
$(REPLAY_PROGRAMS): $(BUILD)/tests/fuzz/%: $(BUILD)/tests/fuzz/%.o $(BUILD)/tests/fuzz/replay.o $(ARCHIVE)
	@mkdir -p $(@D)
	$(SAY) LINK $@
	$(QUIET)$(CC) $(FLAGS) $(LDFLAGS) -o $@ $< $(BUILD)/tests/fuzz/replay.o $(ARCHIVE) -Wl,--as-needed -fopenmp $(LIBRARIES)

FUZZ_PROGRAMS := $(FUZZ_TARGETS:%=$(BUILD)/fuzz-%)
$(FUZZ_PROGRAMS): $(BUILD)/fuzz-%: $(BUILD)/tests/fuzz/%.o $(ARCHIVE)
	$(SAY) LINK $@
	$(QUIET)$(CC) $(FLAGS) -fsanitize=fuzzer $(LDFLAGS) -o $@ $< $(ARCHIVE) -Wl,--as-needed -fopenmp $(LIBRARIES)

.PHONY: fuzz fuzz-programs
fuzz-programs: $(FUZZ_PROGRAMS)

fuzz: ## fuzz every reader for FUZZ_SECONDS (60) each
	@$(MAKE) BUILD=$(BUILD)/fuzz CC=clang OPTIMISE=-O1 \
		SANITIZE='-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all' fuzz-programs
	@for target in $(FUZZ_TARGETS); do \
		echo "fuzzing $$target for $(FUZZ_SECONDS) s"; \
		mkdir -p $(FUZZ_FOUND)/$$target tests/fuzz/corpus/$$target; \
		$(BUILD)/fuzz/fuzz-$$target -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=2048 -max_len=65536 -verbosity=0 \
			-print_final_stats=1 -artifact_prefix=$(FUZZ_FOUND)/$$target/crash- \
			$(FUZZ_FOUND)/$$target tests/fuzz/corpus/$$target || exit 1; \
	done
