/* recipe.c: the recipes, as a person would type them. */
#include "train/recipe.h"

#include <string.h>

/* the published net with a dropout that suits few epochs */
#define ARCH_FAST                                                                                                      \
	"conv 32 4x4 same, bn, relu, maxpool 2, conv 64 3x3 same, bn, relu, maxpool 2, conv 128 3x3 same, bn, relu, "   \
	"flatten, dense 128, bn, relu, dropout 0.1, dense classes, softmax"

static const RecipeOption seed[] = {
	{ "arch", "seed" }, { "batch", "128" }, { "optimizer", "adam" }, { "lr", "0.001" }, { "schedule", "constant" }, { 0 },
};

static const RecipeOption fast[] = {
	{ "arch", ARCH_FAST },	{ "batch", "64" },	   { "optimizer", "adamw" }, { "lr", "0.006" },
	{ "schedule", "onecycle" }, { "weight-decay", "0.02" }, { "freeze", "0.5,0.8" }, { "monitor", "last" },
	{ "views", "flip" },	    { 0 },
};

static const RecipeOption best[] = {
	{ "arch", "seed" },	    { "batch", "128" },		{ "optimizer", "adamw" }, { "lr", "0.004" },
	{ "schedule", "onecycle" }, { "weight-decay", "0.02" }, { "monitor", "last" },
	{ "views", "flip shift 1" }, { "temperature", "fit" },	{ 0 },
};

static const RecipeOption small[] = {
	{ "arch", "small" },	    { "batch", "128" },		{ "optimizer", "adamw" }, { "lr", "0.01" },
	{ "schedule", "onecycle" }, { "weight-decay", "0.02" }, { "monitor", "last" },
	{ "views", "flip shift 1" }, { "temperature", "fit" },	{ 0 },
};

/* as its authors trained it, but for the schedule and mixup */
static const RecipeOption large[] = {
	{ "arch", "large" },	    { "batch", "128" },		  { "optimizer", "sgd" }, { "lr", "0.1" },
	{ "schedule", "onecycle" }, { "weight-decay", "0.0005" }, { "mixup", "0.5" },	  { "monitor", "last" },
	{ "views", "flip shift 1" }, { "temperature", "fit" },	  { 0 },
};

static const TrainRecipe recipes[] = {
	{ "seed", seed, 20, "seed" },
	{ "fast", fast, 3, "fast" },
	{ "best", best, 400, "best" },
	{ "small", small, 300, "best" },
	{ "large", large, 200, "best" },
};

const TrainRecipe *
train_recipe(const char *name)
{
	const TrainRecipe *recipe = recipes;

	while (strcmp(recipe->name, name) != 0)
		recipe++;
	return recipe;
}
