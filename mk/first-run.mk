# make quickstart, make reproduce: the pipeline on the real data.

# One recipe, short for the first run, so that it ends within ten minutes on two slow cores …
RECIPE_AUGMENT ?= --preset seed --flip
RECIPE_TRAIN ?= --optimizer adamw --schedule onecycle --lr 4e-3 --weight-decay 0.02 --monitor val_accuracy
QUICKSTART_EPOCHS ?= 8
# … and long for the figures in README.md, beside the published recipe with fm-train's defaults.
REPRODUCE_EPOCHS ?= 60
REPRODUCE_SEEDS ?= 1 2 3

.PHONY: quickstart reproduce
quickstart: ## install what is missing, build, train and measure on Fashion-MNIST: build/quickstart
	@$(if $(DEPS),$(DEPS) build)
	@$(MAKE) all
	@PATH='$(abspath $(BUILD)/bin)':"$$PATH" EPOCHS='$(QUICKSTART_EPOCHS)' AUGMENT='$(RECIPE_AUGMENT)' \
		TRAIN='$(RECIPE_TRAIN)' examples/fashion-mnist.sh $(BUILD)/quickstart

reproduce: ## train two recipes with three seeds each, print README.md's tables: build/reproduce
	@$(if $(DEPS),$(DEPS) build check)
	@$(MAKE) all
	@PATH='$(abspath $(BUILD)/bin)':"$$PATH" SEEDS='$(REPRODUCE_SEEDS)' EPOCHS=20 AUGMENT='--preset seed' \
		TRAIN= PREDICT= tests/reproduce.sh $(BUILD)/reproduce/published
	@PATH='$(abspath $(BUILD)/bin)':"$$PATH" SEEDS='$(REPRODUCE_SEEDS)' EPOCHS='$(REPRODUCE_EPOCHS)' \
		AUGMENT='$(RECIPE_AUGMENT)' TRAIN='$(RECIPE_TRAIN)' PREDICT='--tta flip' \
		tests/reproduce.sh $(BUILD)/reproduce/longer
