/* fm-metrics: measure predictions. */
#include "cli/message.h"
#include "cli/options.h"
#include "cli/threads.h"
#include "metrics/curves.h"
#include "metrics/predictions.h"
#include "metrics/report.h"
#include "metrics/scores.h"
#include "stream/reader.h"

#include <stdio.h>
#include <string.h>

static bool wants_json;
static const char *curves = "auto";
static uint64_t threads;

static const Option options[] = {
	OPT_FLAG('j', "json", &wants_json, "print one JSON object instead of text"),
	OPT_CHOICE(0, "curves", "auto|yes|no", &curves, "in the JSON; auto: up to a million points a kind"),
	OPT_COUNT(0, "threads", "N", &threads, "sort in N threads", .least = 1, .most = 1024, .is_manner = true,
		  .fallback = "what the machine gives"),
	OPT_END,
};

static const Manual manual = {
	.name = "fm-metrics",
	.summary = "measure the predictions of a tensor stream",
	.usage = "fm-metrics [--json] [FILE.fms]",
	.options = options,
	.operands = 1,
	.input = STDIO_STREAM,
	.output = STDIO_TEXT,
};

static void
measure(Reader *in, Scores *scores)
{
	Record record;

	while (must(reader_next(in, &record))) {
		Predictions predictions = predictions_of(&record);
		must(scores_add(scores, predictions.prob, predictions.label, predictions.n));
	}
}

/* Curves have up to a point a sample and class. */
static bool
wants_curves(const Scores *scores)
{
	bool is_small = scores->kept.n <= CURVES_USUAL / scores->classes;

	return !strcmp(curves, "yes") || (!strcmp(curves, "auto") && is_small);
}

static void
print_json(const Scores *scores)
{
	json_t *object = scores_json(scores, true);

	if (!object)
		must(STATUS_IO);
	must(scores_write(stdout, object, wants_curves(scores) ? scores : NULL));
	json_decref(object);
}

int
main(int argc, char **argv)
{
	Reader in;
	Scores scores;

	/* arguments */
	const char *path = cli_start(&manual, &argc, &argv);

	/* prepare */
	must(reader_open(&in, path));
	must(predictions_check(&in.about, "the input"));
	must(scores_init(&scores, in.about.class_count, in.about.classes));
	scores.threads = threads_default(threads);

	/* run */
	measure(&in, &scores);

	/* finish */
	if (wants_json)
		print_json(&scores);
	else
		must(report_print(stdout, &scores));
	scores_release(&scores);
	reader_close(&in);
	return cli_finish(STATUS_OK);
}
