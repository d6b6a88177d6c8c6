/* recipe.c: presets, texts and combinations of fm-augment's options. */
#include "augment/recipe.h"

#include "stream/record.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- texts ---- */

/* Six finite numbers separated by commas, and nothing else. */
static bool
read_affine(const char *text, double affine[6])
{
	for (int i = 0; i < 6; i++) {
		char *end;

		affine[i] = strtod(text, &end);
		if (end == text || isspace((unsigned char)*text) || !isfinite(affine[i]) || *end != (i < 5 ? ',' : '\0'))
			return false;
		text = end + 1;
	}
	return true;
}

const char *
recipe_expect_affine(const char *text)
{
	double affine[6];

	return read_affine(text, affine) ? NULL : "six numbers separated by commas, such as 1,0,2.5,0,1,0";
}

/* Epochs are counted in 32 bits. */
static bool
read_epochs(const char *text, uint64_t *epochs)
{
	*epochs = EPOCHS_ENDLESS;
	if (strcmp(text, "inf") == 0)
		return true;
	if (strlen(text) > 10 || text[strspn(text, "0123456789")] != '\0')
		return false;
	*epochs = strtoull(text, NULL, 10);
	return *epochs >= 1 && *epochs <= UINT32_MAX;
}

const char *
recipe_expect_epochs(const char *text)
{
	uint64_t epochs;

	return read_epochs(text, &epochs) ? NULL : "a whole number from 1 to 4294967295, or inf";
}

uint64_t
recipe_epochs(const Recipe *recipe)
{
	uint64_t epochs = EPOCHS_NONE;

	if (recipe->epochs)
		read_epochs(recipe->epochs, &epochs);
	return epochs;
}

Fill
recipe_fill(const Recipe *recipe)
{
	Fill fill = FILL_NEAREST;

	while (fill < FILL_WRAP && strcmp(recipe->fill, fill_names[fill]) != 0)
		fill++;
	return fill;
}

/* ---- presets ---- */

/* the published transforms */
static void
expand_seed(Recipe *recipe, bool (*is_given)(const char *name))
{
	bool is_keras = strcmp(recipe->preset, "keras") == 0;
	bool has_shear = is_given("shear") || is_given("shear-degrees");

	if (!is_given("rotation"))
		recipe->ranges.rotation = 10;
	if (!is_given("zoom"))
		recipe->ranges.zoom = 0.1;
	if (!is_given("shift") && !is_given("shift-pixels"))
		recipe->ranges.shift = 0.1;
	/* Keras takes its shear_range of 0.1 for a tenth of a degree */
	if (!has_shear)
		*(is_keras ? &recipe->ranges.shear_degrees : &recipe->ranges.shear) = 0.1;
}

/* those that were chosen by measurement, with fm-train's recipes of these names */
static void
expand_chosen(Recipe *recipe, bool (*is_given)(const char *name))
{
	bool is_best = strcmp(recipe->preset, "best") == 0;

	if (!is_given("flip-alternate"))
		recipe->ranges.flip = true;
	if (is_best && !is_given("shift") && !is_given("shift-pixels"))
		recipe->shift_pixels = 2;
	if (is_best && !is_given("erase"))
		recipe->ranges.erase = 0.25;
}

void
recipe_expand(Recipe *recipe, bool (*is_given)(const char *name))
{
	bool is_published = recipe->preset && (strcmp(recipe->preset, "seed") == 0 || strcmp(recipe->preset, "keras") == 0);

	if (is_published)
		expand_seed(recipe, is_given);
	else if (recipe->preset)
		expand_chosen(recipe, is_given);
	recipe->ranges.shift_pixels = (double)recipe->shift_pixels;
}

/* ---- combinations ---- */

static bool
is_random(const Ranges *ranges)
{
	return ranges->rotation != 0 || ranges->zoom != 0 || ranges->shift != 0 || ranges->shear != 0 ||
	       ranges->shift_pixels != 0 || ranges->shear_degrees != 0 || ranges->flip || ranges->flip_alternate || ranges->erase != 0 || ranges->brightness != 0 ||
	       ranges->contrast != 0;
}

Status
recipe_check(const Recipe *recipe)
{
	if (recipe->ranges.shear != 0 && recipe->ranges.shear_degrees != 0)
		return fail(STATUS_USAGE, "--shear and --shear-degrees say the same thing twice: give one of them");
	if (recipe->ranges.shift != 0 && recipe->ranges.shift_pixels != 0)
		return fail(STATUS_USAGE, "--shift and --shift-pixels say the same thing twice: give one of them");
	if (recipe->ranges.flip && recipe->ranges.flip_alternate)
		return fail(STATUS_USAGE, "--flip and --flip-alternate say the same thing twice: give one of them");
	if (recipe->affine && is_random(&recipe->ranges))
		return fail(STATUS_USAGE, "--affine replaces all random transforms: give it without them");
	if (recipe->affine && recipe->epochs)
		return fail(STATUS_USAGE, "--affine keeps the input's order and needs no --epochs");
	if (recipe->start_epoch && !recipe->epochs)
		return fail(STATUS_USAGE, "--start-epoch needs --epochs");
	if (recipe->is_lazy && !recipe->epochs)
		return fail(STATUS_USAGE, "--lazy needs --epochs: it sends pictures once, and for each epoch their transforms");
	if (recipe->start_epoch > recipe_epochs(recipe))
		return fail(STATUS_USAGE, "--start-epoch %llu is beyond the %s epochs of --epochs",
			    (unsigned long long)recipe->start_epoch, recipe->epochs);
	return STATUS_OK;
}

Status
recipe_sampler(const Recipe *recipe, uint32_t h, uint32_t w, Sampler *sampler)
{
	double affine[6];

	if (recipe->affine && read_affine(recipe->affine, affine))
		return sampler_init_affine(sampler, affine, h, w);
	return sampler_init(sampler, &recipe->ranges, recipe->seed, h, w);
}
