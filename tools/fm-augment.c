/* fm-augment: transform the pictures of a tensor stream at random, once or epoch after epoch. */
#include "augment/augment.h"
#include "augment/recipe.h"
#include "cli/message.h"
#include "cli/options.h"
#include "cli/threads.h"
#include "stream/history.h"
#include "stream/reader.h"
#include "stream/writer.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

static Recipe recipe = { .fill = "nearest", .seed = 1 };
static uint64_t threads, memory;

static const Option options[] = {
	OPT_CHOICE(0, "preset", RECIPE_PRESETS, &recipe.preset, "start from a recipe; what is given beside it wins",
		   .is_manner = true),
	OPT_REAL('r', "rotation", "DEG", &recipe.ranges.rotation, "turn by up to DEG degrees either way", .most = 360),
	OPT_REAL('z', "zoom", "F", &recipe.ranges.zoom, "read width and height 1 - F to 1 + F times as wide", .most = 1,
		 .is_share = true),
	OPT_REAL('s', "shift", "F", &recipe.ranges.shift, "move by up to F of width and of height", .most = 2047,
		 .is_share = true),
	OPT_COUNT(0, "shift-pixels", "N", &recipe.shift_pixels, "or by up to N whole pixels", .most = 2047),
	OPT_REAL(0, "shear", "F", &recipe.ranges.shear, "shear by an angle whose sine is up to F", .most = 1,
		 .is_share = true),
	OPT_REAL(0, "shear-degrees", "DEG", &recipe.ranges.shear_degrees, "or by an angle of up to DEG degrees", .most = 180),
	OPT_CHOICE(0, "fill", RECIPE_FILLS, &recipe.fill, "what lies outside a picture"),
	OPT_COUNT(0, "fill-value", "LEVEL", &recipe.fill_value, "the level of --fill constant", .most = 255),
	OPT_FLAG('f', "flip", &recipe.ranges.flip, "mirror every second picture, left to right"),
	OPT_FLAG(0, "flip-alternate", &recipe.ranges.flip_alternate, "or mirror each in every second epoch"),
	OPT_REAL(0, "erase", "P", &recipe.ranges.erase, "erase a box from a share P of the pictures", .most = 1,
		 .is_share = true),
	OPT_REAL(0, "brightness", "F", &recipe.ranges.brightness, "multiply levels by 1 - F to 1 + F", .most = 1,
		 .is_share = true),
	OPT_REAL(0, "contrast", "F", &recipe.ranges.contrast, "multiply distances from mid grey by 1 - F to 1 + F", .most = 1,
		 .is_share = true),
	OPT_PARSED(0, "affine", "A,B,C,D,E,F", &recipe.affine, recipe_expect_affine,
		   "no chance: (x, y) is read at (A x + B y + C, D x + E y + F)"),
	OPT_PARSED('e', "epochs", "N|inf", &recipe.epochs, recipe_expect_epochs,
		   "keep all input and send it N times, shuffled and transformed anew"),
	OPT_COUNT(0, "start-epoch", "K", &recipe.start_epoch, "begin at epoch K of --epochs, counted from 0",
		  .most = UINT32_MAX),
	OPT_FLAG(0, "lazy", &recipe.is_lazy, "send pictures once, and for --epochs rows and transforms alone"),
	OPT_COUNT(0, "seed", "N", &recipe.seed, "of all random numbers"),
	OPT_COUNT(0, "threads", "N", &threads, "use N threads", .least = 1, .most = 1024, .is_manner = true,
		  .fallback = "as many as may run"),
	OPT_SIZE(0, "memory", "SIZE", &memory, "of --epochs' samples keep SIZE in memory, the rest in a file",
		 .is_manner = true, .fallback = "a quarter of what is free"),
	OPT_END,
};

static const Manual manual = {
	.name = "fm-augment",
	.summary = "transform the pictures of a tensor stream at random",
	.usage = "fm-augment [--preset NAME] [OPTIONS] [--epochs N] [FILE.fms]",
	.options = options,
	.operands = 1,
	.input = STDIO_STREAM,
	.output = STDIO_STREAM,
};

/* A new reference to the history that the output has, as far as the reader knows its own. */
static json_t *
history(const Reader *in)
{
	json_t *chosen = cli_options();
	char seed[24];

	if (!recipe.start_epoch)
		json_object_del(chosen, "start-epoch");
	snprintf(seed, sizeof seed, "%" PRIu64, recipe.seed);
	return history_make(manual.name, chosen, seed, NULL, reader_inputs(in, "stdin"));
}

/* @return STATUS_OK: the writer is open, everything is sent but the end; or WRITER_ENOUGH */
static Status
run(Augmenter *augmenter, Reader *in, Writer *out, json_t *begun)
{
	Repeat repeat = { recipe_epochs(&recipe), recipe.start_epoch, recipe.seed, memory_default(memory), begun,
			  recipe.is_lazy, recipe_fill(&recipe), (uint8_t)recipe.fill_value };
	About about;

	if (recipe.epochs)
		return must(augment_repeat(augmenter, &repeat, in, out, STDOUT_FILENO, "standard output"));
	about_copy(&about, &in->about);
	json_decref(about.history);
	about.history = json_incref(begun);
	must(writer_open(out, STDOUT_FILENO, "standard output", &about));
	about_release(&about);
	return must(augment_pass(augmenter, in, out));
}

int
main(int argc, char **argv)
{
	/* arguments */
	const char *path = cli_start(&manual, &argc, &argv);
	recipe_expand(&recipe, cli_given);
	must(recipe_check(&recipe));

	/* prepare */
	Reader in;
	Writer out;
	Sampler sampler;
	Augmenter augmenter;
	must(reader_open(&in, path));
	reader_limit_memory(&in, memory_default(memory));
	if (recipe.epochs && in.about.epochs != EPOCHS_NONE)
		must(fail(STATUS_USAGE, "the input is repeated already: leave out --epochs here, or there"));
	must(recipe_sampler(&recipe, in.about.height, in.about.width, &sampler));
	must(augmenter_open(&augmenter, &sampler, recipe_fill(&recipe), (uint8_t)recipe.fill_value, &in.about,
			    threads_default(threads)));
	verbose("%s, %d threads", augmenter_name(&augmenter), augmenter.threads);

	/* run */
	json_t *begun = history(&in);
	Status status = run(&augmenter, &in, &out, begun);

	/* finish: a reader that has enough of a repeated stream needs no end */
	if (status == STATUS_OK) {
		json_t *complete = history(&in);
		status = must(writer_finish(&out, complete));
		json_decref(complete);
	}
	writer_close(&out);
	augmenter_close(&augmenter);
	json_decref(begun);
	reader_close(&in);
	return status == WRITER_ENOUGH ? 0 : cli_finish(STATUS_OK);
}
