# make lint: what reads the sources without running them.

SHELL_SCRIPTS := mk/deps mk/non-free mk/completion mk/toolkits mk/toolkit-headers mk/gpu-driver mk/portable mk/portable-build mk/sysroot tests/run tests/examples.tap $(wildcard tests/*.sh tests/*.bash tests/*.bats \
	tests/*/*.bats tests/*/*.sh examples/*.sh examples/*/*.sh .ci/run)
TOOL_SOURCES := $(wildcard tools/*.c)

# Left out: what complains about our style rather than about mistakes, and the analyser's core, which does not know that
# must() leaves and that a failed function has set nothing: the sanitizers watch over that.
TIDY_CHECKS := -*,bugprone-*,performance-*,misc-redundant-expression,misc-static-assert,clang-analyzer-*
TIDY_CHECKS := $(TIDY_CHECKS),-bugprone-easily-swappable-parameters,-bugprone-assignment-in-if-condition
TIDY_CHECKS := $(TIDY_CHECKS),-bugprone-reserved-identifier,-bugprone-narrowing-conversions,-bugprone-branch-clone
TIDY_CHECKS := $(TIDY_CHECKS),-bugprone-implicit-widening-of-multiplication-result,-bugprone-integer-division
TIDY_CHECKS := $(TIDY_CHECKS),-bugprone-misplaced-widening-cast,-bugprone-macro-parentheses,-performance-no-int-to-ptr
TIDY_CHECKS := $(TIDY_CHECKS),-bugprone-suspicious-string-compare
TIDY_CHECKS := $(TIDY_CHECKS),-clang-analyzer-core.*,-clang-analyzer-security.*,-clang-analyzer-optin.performance.*
TIDY_CHECKS := $(TIDY_CHECKS),-clang-analyzer-unix.Malloc
TIDIED := $(COMMON_SOURCES:%.c=$(BUILD)/lint/%.tidy) $(TOOL_SOURCES:%.c=$(BUILD)/lint/%.tidy)

.PHONY: lint lint-quick lint-shell lint-manuals lint-cppcheck lint-tidy
lint: lint-quick lint-tidy ## read sources, scripts and manual pages with the usual tools
	@echo 'lint: nothing to complain about'

# The part that make check runs too.
lint-quick: lint-shell lint-manuals lint-cppcheck

# SC2016: awk programs stand in single quotes, and their $ is meant. SC2238: a file may be called "cut".
# SC2154: `run` sets stderr. The rest is taste.
lint-shell:
	shellcheck --severity=warning --exclude=SC2016,SC2238,SC1007,SC2154,SC2120,SC2010 $(wildcard $(SHELL_SCRIPTS))

lint-manuals:
	mandoc -T lint -W warning $(MANUALS)

# Leaks, divisions and null pointers are left to the sanitizers and to clang's analyser, which know that must() leaves.
CPPCHECK_SILENT := missingIncludeSystem normalCheckLevelMaxBranches uninitvar memleak zerodiv invalidFunctionArg \
	nullPointerRedundantCheck ctunullpointer invalidPointerCast arrayIndexThenCheck

lint-cppcheck:
	@mkdir -p $(BUILD)/lint/cppcheck
	cppcheck --quiet --std=c11 --language=c --enable=warning,portability --inline-suppr --error-exitcode=1 \
		$(CPPCHECK_SILENT:%=--suppress=%) \
		--cppcheck-build-dir=$(BUILD)/lint/cppcheck -j $(shell nproc) -Icommon -Itests -D_GNU_SOURCE -D__x86_64__ \
		--library=mk/cppcheck.cfg common tools

# One file at a time, and again only when it has changed.
lint-tidy: $(TIDIED)

$(BUILD)/lint/%.tidy: %.c mk/lint.mk
	@mkdir -p $(@D)
	$(SAY) TIDY $<
	$(QUIET)clang-tidy --quiet --warnings-as-errors='*' --checks='$(TIDY_CHECKS)' $< -- -std=gnu17 -fopenmp \
		$(CPPFLAGS_ALL) $(DRAW_FLAGS) $(EXPORT_FLAGS) > $@.log 2>&1 || { cat $@.log; exit 1; }
	@touch $@
