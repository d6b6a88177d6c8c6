# make quickstart, make reproduce: the pipeline on the real data.

# One recipe for the first run, chosen to end within ten minutes on two slow cores …
QUICKSTART_EPOCHS ?= 4
QUICKSTART_TRAIN ?= --schedule cosine
# … and one for the figures in README.md.
REPRODUCE_EPOCHS ?= 30
REPRODUCE_TRAIN ?= --schedule cosine
REPRODUCE_SEEDS ?= 1 2 3

.PHONY: quickstart reproduce
quickstart: ## install what is missing, build, train and measure on Fashion-MNIST: build/quickstart
	@$(if $(DEPS),$(DEPS) build)
	@$(MAKE) all
	@PATH='$(abspath $(BUILD)/bin)':"$$PATH" EPOCHS='$(QUICKSTART_EPOCHS)' TRAIN='$(QUICKSTART_TRAIN)' \
		examples/fashion-mnist.sh $(BUILD)/quickstart

reproduce: ## train with three seeds and print the table of README.md: build/reproduce
	@$(if $(DEPS),$(DEPS) build check)
	@$(MAKE) all
	@PATH='$(abspath $(BUILD)/bin)':"$$PATH" EPOCHS='$(REPRODUCE_EPOCHS)' TRAIN='$(REPRODUCE_TRAIN)' \
		SEEDS='$(REPRODUCE_SEEDS)' tests/reproduce.sh $(BUILD)/reproduce
