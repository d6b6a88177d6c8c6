/* fm-report: predictions, their scores, mistakes, model and history as one HTML page. */
#include "cli/atomic.h"
#include "cli/message.h"
#include "cli/options.h"
#include "cli/threads.h"
#include "json/canonical.h"
#include "json/file.h"
#include "metrics/curves.h"
#include "metrics/predictions.h"
#include "report/page.h"
#include "show/mistakes.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

static const char *output, *model_path, *baseline_path, *log_path, *title = "Classifier report";
static uint64_t mistakes = 24;

static const Option options[] = {
	OPT_TEXT('o', "output", "FILE", &output, "write the page here", .fallback = "standard output"),
	OPT_TEXT('m', "model", "FILE", &model_path, "show the net of this model", .joint = ""),
	OPT_TEXT('l', "log", "FILE", &log_path, "show the training curves of this log of fm-train", .joint = ""),
	OPT_TEXT('b', "baseline", "FILE", &baseline_path, "show the scores beside these, of fm-metrics --json", .joint = ""),
	OPT_COUNT('n', "mistakes", "N", &mistakes, "show the N most confident mistakes", .most = 1000),
	OPT_TEXT('t', "title", "TEXT", &title, "title of the page"),
	OPT_END,
};

static const Manual manual = {
	.name = "fm-report",
	.summary = "one HTML page of a classifier's scores, mistakes and history",
	.usage = "fm-report [-m MODEL] [--log LOG] [--baseline METRICS.json] [-o REPORT.html] [FILE.fms]",
	.options = options,
	.operands = 1,
	.input = STDIO_STREAM,
};

/* The scores as fm-metrics prints them, curves included where they are not too many. */
static json_t *
metrics_of(const Scores *scores)
{
	char *text = NULL;
	size_t size;
	json_t *object = scores_json(scores, true), *metrics;
	FILE *memory = open_memstream(&text, &size);
	if (!object || !memory)
		must(fail(STATUS_IO, "no memory for the scores"));
	must(scores_write(memory, object, scores->kept.n <= CURVES_USUAL / scores->classes ? scores : NULL));
	fclose(memory);
	must(json_parse(&metrics, text, size, "the scores"));
	json_decref(object);
	free(text);
	return metrics;
}

static void
read_predictions(Reader *reader, Scores *scores, Tiles *worst)
{
	Record record;
	while (must(reader_next(reader, &record))) {
		Predictions predictions = predictions_of(&record);
		must(scores_add(scores, predictions.prob, predictions.label, predictions.n));
		if (mistakes)
			must(mistakes_add(worst, mistakes, &reader->about, &record));
	}
}

static Status
write_page(const Page *page)
{
	char *text = NULL;
	size_t size;
	FILE *memory = open_memstream(&text, &size);
	if (!memory)
		return fail_errno("the page");
	Status status = page_write(page, memory);
	if (fclose(memory) && status >= 0)
		status = fail_errno("the page");
	if (status >= 0)
		status = output ? atomic_write(output, text, size) : write_all(STDOUT_FILENO, text, size, "standard output");
	free(text);
	return status;
}

int
main(int argc, char **argv)
{
	Reader reader;
	Scores scores;
	Tiles worst;
	Model model;
	Log log = { 0 };
	json_t *baseline = NULL;
	char content[17];

	/* arguments */
	const char *path = cli_start(&manual, &argc, &argv);
	cli_reads(baseline_path);
	cli_reads(log_path);

	/* prepare */
	if (model_path)
		must(model_read(&model, model_path));
	if (log_path)
		must(log_read(&log, log_path));
	if (baseline_path)
		must(json_read(&baseline, baseline_path));
	must(reader_open(&reader, path));
	must(predictions_check(&reader.about, "the input"));
	must(scores_init(&scores, reader.about.class_count, reader.about.classes));
	must(tiles_init(&worst, &reader.about, mistakes));
	scores.threads = threads_default(0);

	/* run */
	read_predictions(&reader, &scores, &worst);
	snprintf(content, sizeof content, "%016" PRIx64, reader.content);
	json_t *metrics = metrics_of(&scores), *inputs = reader_inputs(&reader, "stdin");
	must(write_page(&(Page){ .title = title,
				 .metrics = metrics,
				 .baseline = baseline,
				 .log = log_path ? &log : NULL,
				 .model = model_path ? &model : NULL,
				 .mistakes = &worst,
				 .inputs = inputs,
				 .content = content }));

	/* finish */
	json_decref(metrics);
	json_decref(inputs);
	json_decref(baseline);
	if (model_path)
		model_release(&model);
	log_release(&log);
	tiles_release(&worst);
	scores_release(&scores);
	reader_close(&reader);
	return cli_finish(STATUS_OK);
}
