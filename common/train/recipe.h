/* train/recipe.h: options of fm-train that were chosen together, by measurement; see fm-train(1). */
#ifndef FM_TRAIN_RECIPE_H
#define FM_TRAIN_RECIPE_H

#include <stdint.h>

#define RECIPE_CHOICES "seed|fast|best|small|large"

typedef struct RecipeOption {
	const char *name;  /* long form */
	const char *value;
} RecipeOption;

/** A released one never changes its meaning; a better one gets a new name. */
typedef struct TrainRecipe {
	const char *name;
	const RecipeOption *options; /* the last one's name is NULL */
	uint64_t epochs;	     /* of a plain stream; a repeated one brings its own number */
	const char *augment;	     /* the preset of fm-augment that it was chosen with */
} TrainRecipe;

/** @param name  one of RECIPE_CHOICES */
const TrainRecipe *train_recipe(const char *name);

#endif
