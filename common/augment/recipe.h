/* augment/recipe.h: what a person asks of fm-augment, before any picture is seen. */
#ifndef FM_AUGMENT_RECIPE_H
#define FM_AUGMENT_RECIPE_H

#include "augment/sampler.h"
#include "status.h"

#include <stdbool.h>
#include <stdint.h>

/** Values of the options. Texts are NULL where nothing was said. */
typedef struct Recipe {
	const char *preset;
	Ranges ranges;
	uint64_t shift_pixels; /* as ranges has it */
	const char *fill; /* "nearest" */
	uint64_t fill_value;
	const char *affine; /* "a,b,c,d,e,f" */
	const char *epochs; /* "20", "inf" */
	uint64_t start_epoch;
	uint64_t seed;
	bool is_lazy;
} Recipe;

#define RECIPE_PRESETS "seed|keras|fast|best"
#define RECIPE_FILLS "nearest|constant|reflect|wrap"

/** For the option table. @return NULL if the text can be read, else what was expected */
const char *recipe_expect_affine(const char *text);
const char *recipe_expect_epochs(const char *text);

/** Put the preset's values where the command line says nothing, and what is a whole number there into the ranges. @param is_given  was this option on it? */
void recipe_expand(Recipe *recipe, bool (*is_given)(const char *name));

/** Do the options go together? @return STATUS_OK or STATUS_USAGE */
MUST_CHECK Status recipe_check(const Recipe *recipe);

Fill recipe_fill(const Recipe *recipe);

/** @return how many epochs; EPOCHS_ENDLESS, EPOCHS_NONE */
uint64_t recipe_epochs(const Recipe *recipe);

/** A sampler for pictures of this size. @return as sampler_init */
MUST_CHECK Status recipe_sampler(const Recipe *recipe, uint32_t h, uint32_t w, Sampler *sampler);

#endif
