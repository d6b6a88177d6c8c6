# make quickstart, make reproduce: the pipeline on the real data.

# Short, so that it ends within ten minutes on two slow cores.
RECIPE_AUGMENT ?= --preset seed --flip
RECIPE_TRAIN ?= --optimizer adamw --schedule onecycle --lr 4e-3 --weight-decay 0.02 --monitor val_accuracy
QUICKSTART_EPOCHS ?= 8
# The figures of README.md; of those in fm-train(1) fast takes seconds a seed, best half an hour: RECIPES='fast best'.
RECIPES ?= seed longer
REPRODUCE_SEEDS ?= 1 2 3
PRECISION_EPOCHS ?= 6
PRECISION_SEEDS ?= 1 2 3 4 5

.PHONY: quickstart quickstart-gpu reproduce precisions
quickstart: ## install what is missing, build, train and measure on Fashion-MNIST: build/quickstart
	@$(if $(DEPS),$(DEPS) build)
	@$(MAKE) all
	@PATH='$(abspath $(BUILD)/bin)':"$$PATH" EPOCHS='$(QUICKSTART_EPOCHS)' AUGMENT='$(RECIPE_AUGMENT)' \
		TRAIN='$(RECIPE_TRAIN)' examples/fashion-mnist.sh $(BUILD)/quickstart

quickstart-gpu: ## the same on an NVIDIA GPU, driver and CUDA installed where missing: build/quickstart-gpu
	@mk/gpu-driver
	@$(if $(DEPS),$(DEPS) build)
	@$(MAKE) deps-gpu
	@$(MAKE) all
	@PATH='$(abspath $(BUILD)/bin)':"$$PATH" EPOCHS='$(QUICKSTART_EPOCHS)' AUGMENT='$(RECIPE_AUGMENT)' \
		TRAIN='$(RECIPE_TRAIN) --device cuda' PREDICT='--device cuda' examples/fashion-mnist.sh $(BUILD)/quickstart-gpu

reproduce: ## train RECIPES ('seed longer') with three seeds each, print the documents' tables: build/reproduce
	@$(if $(DEPS),$(DEPS) build check)
	@$(MAKE) all
	@PATH='$(abspath $(BUILD)/bin)':"$$PATH" SEEDS='$(REPRODUCE_SEEDS)' tests/reproduce.sh $(BUILD)/reproduce $(RECIPES)

# On the held-out part alone: the test set chooses nothing.
precisions: all ## train five seeds in fp32 and in bf16, print what bf16 costs: build/precisions
	@PATH='$(abspath $(BUILD)/bin)':"$$PATH" SEEDS='$(PRECISION_SEEDS)' EPOCHS='$(PRECISION_EPOCHS)' \
		tests/precisions.sh $(BUILD)/precisions
