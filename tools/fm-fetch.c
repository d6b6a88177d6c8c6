/* fm-fetch: bring a data set, or choose from a stream, and write a tensor stream. */
#include "cli/message.h"
#include "cli/options.h"
#include "cli/threads.h"
#include "source/class_names.h"
#include "source/dedup.h"
#include "source/digest.h"
#include "source/holdout.h"
#include "source/open.h"
#include "source/per_class.h"
#include "source/range.h"
#include "source/raw.h"
#include "source/relabel.h"
#include "stream/history.h"
#include "stream/writer.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *source_operand = "fashion-mnist", *labels_operand = "";
static const char *split, *range, *holdout, *part, *sha256;
static const char *raw, *size, *fit = "pad", *channels, *background = "ffffff", *like;
static const char *class_list, *renames, *class_file;
static uint64_t seed = 1, memory, retries = 4, timeout_seconds = 30, per_class;
static uint64_t skipped;
static const char *list, *on_error = "stop";
static char **paths;
static size_t path_count;
static bool dedup, webdataset;
static ClassNames class_names;

static const char *
range_check(const char *text)
{
	Range ignored;

	return range_parse(text, &ignored);
}

static const char *
holdout_check(const char *text)
{
	Holdout ignored;

	return holdout_parse(text, &ignored);
}

static const char *
digest_check(const char *text)
{
	return is_digest(text) ? NULL : "64 hexadecimal digits, lower case";
}

static const char *
raw_check(const char *text)
{
	RawShape ignored;

	return raw_parse(text, &ignored);
}

static const char *
size_check(const char *text)
{
	RawShape shape;

	return raw_parse(text, &shape) || shape.channels != 1 ? "height x width, at most 1024x1024, such as 32x32" : NULL;
}

static const char *
background_check(const char *text)
{
	uint8_t ignored[3];

	return background_parse(text, ignored) ? NULL : "red, green and blue as six hexadecimal digits, lower case, such as ffffff";
}

static const Option options[] = {
	OPT_OPERAND("source", &source_operand, "a data set's name, a folder, an archive, an address, a stream ('-')"),
	OPT_OPERAND("labels", &labels_operand, "the labels, where the source is a file of images"),
	OPT_PARSED(0, "raw", "HxWxC", &raw, raw_check, "the source, or stdin, is bare frames of this size, sent one by one"),
	OPT_TEXT(0, "files0-from", "FILE", &list, "pictures whose paths FILE ('-': stdin) holds, each ended by a NUL, one by one", .joint = ""),
	OPT_FLAG(0, "webdataset", &webdataset, "the sources, or stdin, are WebDataset's shards, sent as they arrive with --classes"),
	OPT_CHOICE(0, "on-error", "stop|skip", &on_error, "what to do about a picture that can't be decoded"),
	OPT_PARSED(0, "size", "HxW", &size, size_check, "make pictures so high and wide; of a CSV file: that they are"),
	OPT_CHOICE(0, "fit", "pad|crop|stretch", &fit, "how they are made to"),
	OPT_CHOICE(0, "channels", "1|3", &channels, "make pictures grey (1) or coloured (3)", .fallback = "as they are"),
	OPT_PARSED(0, "background", "RRGGBB", &background, background_check, "below what is transparent, beside what is padded"),
	OPT_TEXT(0, "like", "MODEL", &like, "make pictures as this model's were", .joint = ""),
	OPT_CHOICE(0, "split", "train|test|all", &split, "which split of the source", .fallback = "train"),
	OPT_PARSED(0, "range", "A:B", &range, range_check, "only samples A to B - 1, counted from 0", .joint = ""),
	OPT_PARSED(0, "rename", "A=B,...", &renames, rename_parse, "call class A B; equal names become one class", .joint = ","),
	OPT_PARSED(0, "class", "A,B,...", &class_list, class_list_parse, "only samples of these classes", .joint = ","),
	OPT_TEXT(0, "classes", "FILE", &class_file, "these classes, in this order: a name a line, or a model's", .joint = ""),
	OPT_FLAG(0, "dedup", &dedup, "of equal pictures only the first; the others are named"),
	OPT_COUNT(0, "sample", "N", &per_class, "at most N samples of each class, chosen at random", .least = 1, .most = -1,
		  .fallback = "all"),
	OPT_PARSED(0, "holdout", "N|P%", &holdout, holdout_check, "set N samples or P percent aside, marked, to validate on"),
	OPT_CHOICE(0, "part", "fit|holdout", &part, "only this part of the hold-out, unmarked", .fallback = "both, marked"),
	OPT_COUNT(0, "seed", "N", &seed, "seed of what --holdout and --sample choose"),
	OPT_PARSED(0, "sha256", "HEX", &sha256, digest_check, "what an address must bring; kept in the cache then",
		   .is_manner = true),
	OPT_SIZE(0, "memory", "SIZE", &memory, "memory that a hold-out may take before it uses a file", .is_manner = true,
		 .fallback = "a quarter of what is free"),
	OPT_COUNT(0, "retries", "N", &retries, "tries after the first that fails", .most = 100, .is_manner = true),
	OPT_COUNT(0, "timeout", "SECONDS", &timeout_seconds, "patience with a silent server", .least = 1, .most = 86400,
		  .is_manner = true),
	OPT_END,
};

static const Manual manual = {
	.name = "fm-fetch",
	.summary = "bring a data set of small images as a tensor stream, or choose from a stream",
	.usage = "fm-fetch [--split train|test|all] [--range A:B] [--holdout N|P%] [--part fit|holdout] [SOURCE [LABELS]]\n"
		 "fm-fetch --raw HxWxC [--like MODEL] [FILE]\n"
		 "fm-fetch --webdataset [--classes FILE] [--size HxW] [--on-error stop|skip] [SHARD...]\n"
		 "fm-fetch [--size HxW] [--on-error stop|skip] PICTURE... | --files0-from FILE",
	.note = "SOURCE is fashion-mnist where none is given; others known by name: mnist, kmnist, emnist-balanced,\n"
		"emnist-byclass, emnist-bymerge, emnist-digits, emnist-letters, emnist-mnist, cifar-10, cifar-100, svhn.",
	.options = options,
	.operands = INT_MAX, /* more than two are pictures */
	.input = STDIO_ASKED,
	.output = STDIO_STREAM,
};

/* What pictures are to become: as a model's were, or as the options say. */
static Form
form_wanted(void)
{
	Form form = { .fit = fit_of_name(fit), .channels = channels ? (uint32_t)(*channels - '0') : 0 };
	RawShape shape;

	if (like && (size || channels || cli_given("fit") || cli_given("background")))
		must(fail(STATUS_USAGE, "--like says size, fit, channels and background; give it alone, or them"));
	background_parse(background, form.background);
	if (size && !raw_parse(size, &shape)) {
		form.height = shape.height;
		form.width = shape.width;
	}
	if (like)
		must(form_of_model(&form, like));
	return form;
}

static void
open_source(Source *source)
{
	SourceRequest request = {
		.operands = { source_operand, *labels_operand ? labels_operand : NULL },
		.split = split_of_name(split),
		.sha256 = sha256,
		.raw = raw,
		.form = form_wanted(),
		.seed = seed,
		.paths = paths,
		.path_count = path_count,
		.list = list,
		.is_webdataset = webdataset,
		.classes = class_file ? &class_names : NULL,
		.class_file = class_file,
		.memory = memory_default(memory),
		.skips_bad = !strcmp(on_error, "skip"),
		.skipped = &skipped,
		.manners = { .retries = retries, .timeout_seconds = timeout_seconds },
	};

	must(source_open(source, &request));
	split = split_name(request.split); /* for the history: defaults expanded */
}

static void
open_classes(Source *source)
{
	Source chosen;

	must(classes_open(&chosen, source, class_names.count, (const char *const *)class_names.names, class_file));
	*source = chosen;
}

/* --rename, --class, --classes, --dedup, --sample, in this order. */
static void
open_filters(Source *source)
{
	Source chosen;

	if (renames) {
		must(rename_open(&chosen, source, renames));
		*source = chosen;
	}
	if (class_list) {
		must(class_open(&chosen, source, class_list));
		*source = chosen;
	}
	if (class_file)
		open_classes(source);
	if (dedup) {
		must(dedup_open(&chosen, source));
		*source = chosen;
	}
	if (per_class) {
		must(per_class_open(&chosen, source, per_class, seed, memory_default(memory)));
		*source = chosen;
	}
}

/* --range, class filters, --holdout, --part, in this order, each around what there is. */
static void
open_choices(Source *source)
{
	Source chosen;
	Range samples;
	Holdout share;

	if (range && !range_parse(range, &samples)) {
		must(range_open(&chosen, source, samples));
		*source = chosen;
	}
	open_filters(source);
	if (holdout && !holdout_parse(holdout, &share)) {
		must(holdout_open(&chosen, source, &share, seed, memory_default(memory)));
		*source = chosen;
	}
	if (part) {
		must(part_open(&chosen, source, !strcmp(part, "fit") ? PART_FIT : PART_HOLDOUT));
		*source = chosen;
	}
}

/* An operand as the history keeps it: an address without its password, a stream as what is piped in. */
static void
set_operand(json_t *chosen, const char *name, bool is_stream)
{
	const char *value = json_string_value(json_object_get(chosen, name));

	if (!value)
		return;
	if (is_stream)
		json_object_set_new(chosen, name, json_string("-"));
	else if (is_address(value)) {
		char *address = address_public(value);

		json_object_set_new(chosen, name, json_string(address));
		free(address);
	}
}

/* How pictures are made to fit is said where they are, and by --like alone where that says it. */
static void
forget_form(json_t *chosen, const Source *source)
{
	if (json_object_get(source->about.input, "fit") && !like)
		return;
	json_object_del(chosen, "fit");
	json_object_del(chosen, "background");
}

/* Operands are two in the history: of more, and of a list, a script asks for the list, or the shards. */
static void
name_list(json_t *chosen)
{
	if (!list && path_count <= 2)
		return;
	json_object_del(chosen, "SOURCE");
	json_object_del(chosen, "LABELS");
	json_object_set_new(chosen, webdataset ? "SOURCE" : "files0-from", json_string("-"));
}

/* What the result is made from; options that changed nothing are left out. */
static json_t *
history_of(const Source *source, bool is_complete)
{
	json_t *chosen = cli_options(), *inputs = source_inputs(source);
	char number[24];

	bool is_random = holdout || per_class;

	snprintf(number, sizeof number, "%" PRIu64, seed);
	if (!is_random)
		json_object_del(chosen, "seed");
	if (!per_class)
		json_object_del(chosen, "sample");
	forget_form(chosen, source);
	name_list(chosen);
	if (strcmp(on_error, "skip") != 0)
		json_object_del(chosen, "on-error");
	set_operand(chosen, "SOURCE", inputs != NULL);
	set_operand(chosen, "LABELS", false);
	json_t *history = history_make(manual.name, chosen, is_random ? number : NULL, NULL, inputs);

	if (is_complete && skipped)
		json_object_set_new(json_array_get(history, 0), "skipped", json_integer((json_int_t)skipped));
	return history;
}

/* Binary, and a list that ends with NULs, is not read from a terminal, whichever operand or option asks for it. */
static void
check_stdin(void)
{
	bool reads = list && !strcmp(list, "-");

	for (size_t i = 0; i < path_count; i++)
		reads = reads || !strcmp(paths[i], "-");
	if (reads || ((raw || webdataset) && !path_count))
		cli_reads_stdin();
}

int
main(int argc, char **argv)
{
	Source source;
	Writer writer;
	Record record;

	/* arguments */
	cli_start(&manual, &argc, &argv);
	paths = argv;
	path_count = (size_t)argc;
	if ((raw || webdataset) && !argc)
		source_operand = "-";
	check_stdin();
	if (list && (argc || raw || webdataset))
		must(fail(STATUS_USAGE, "--files0-from names the source; give no other"));
	if (raw && webdataset)
		must(fail(STATUS_USAGE, "--raw and --webdataset are two kinds of source; give one"));

	/* prepare */
	if (class_file)
		must(class_names_read(&class_names, class_file));
	open_source(&source);
	open_choices(&source);
	json_decref(source.about.history);
	source.about.history = history_of(&source, false);
	must(writer_open(&writer, STDOUT_FILENO, "standard output", &source.about));

	/* run */
	while (must(source_next(&source, &record)) > 0)
		if (must(writer_send(&writer, &record)) == WRITER_ENOUGH)
			return cli_finish(STATUS_OK);

	/* finish: the end record goes out only if all of the input was whole */
	must(source_finish(&source));
	json_t *history = history_of(&source, true);

	must(writer_finish(&writer, history));
	json_decref(history);
	writer_close(&writer);
	source_close(&source);
	class_names_release(&class_names);
	return cli_finish(STATUS_OK);
}
