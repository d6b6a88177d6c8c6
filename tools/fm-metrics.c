/* fm-metrics: measure predictions. */
#include "cli/message.h"
#include "cli/options.h"
#include "cli/threads.h"
#include "metrics/bootstrap.h"
#include "metrics/curves.h"
#include "metrics/gate.h"
#include "metrics/outcomes.h"
#include "metrics/paired.h"
#include "metrics/predictions.h"
#include "metrics/report.h"
#include "metrics/scores.h"
#include "metrics/wrong.h"
#include "predict/rows.h"
#include "stream/history.h"
#include "stream/reader.h"
#include "stream/writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool wants_json;
static const char *curves = "auto";
static const char *assertion;
static const char *baseline;
static double allow_worse;
static uint64_t bootstrap;
static uint64_t seed = 1;
static bool wants_wrong;
static const char *pair;
static const char *format;
static uint64_t top;
static uint64_t memory;
static uint64_t threads;

static const Option options[] = {
	OPT_FLAG('j', "json", &wants_json, "print one JSON object instead of text", .is_manner = true),
	OPT_CHOICE(0, "curves", "auto|yes|no", &curves, "in the JSON; auto: up to a million points of a kind",
		   .is_manner = true),
	OPT_PARSED('a', "assert", "CONDITIONS", &assertion, gate_parse,
		   "exit 1 unless they hold: 'accuracy>=0.92 && recall[Shirt]>=80%'", .is_manner = true, .joint = " && "),
	OPT_TEXT('b', "baseline", "OLD.fms", &baseline,
		 "compare with another model's predictions of the same samples; exit 1 unless these are better",
		 .is_manner = true, .joint = ""),
	OPT_REAL(0, "allow-worse", "SHARE", &allow_worse,
		 "with --baseline: exit 1 only if accuracy may be worse by more than this (0.3% or 0.003)", .most = 1,
		 .is_share = true, .is_manner = true),
	OPT_COUNT(0, "bootstrap", "N", &bootstrap, "give 95 % intervals from N replicates; --baseline takes 1000 unless told",
		  .most = 1000000, .is_manner = true),
	OPT_COUNT('s', "seed", "N", &seed, "of the replicates", .is_manner = true),
	OPT_FLAG('w', "wrong", &wants_wrong, "pass on the misclassified samples instead, most confident first"),
	OPT_TEXT(0, "pair", "ACTUAL,PREDICTED", &pair, "--wrong, but only samples of one class taken for another", .joint = ""),
	OPT_CHOICE('f', "format", "stream|tsv|jsonl", &format, "write those so", .is_manner = true,
		   .fallback = "stream, on a terminal tsv"),
	OPT_COUNT(0, "top", "K", &top, "tsv, jsonl: also the K most probable classes", .most = 65536, .is_manner = true),
	OPT_SIZE(0, "memory", "SIZE", &memory, "of samples for --wrong keep SIZE in memory, the rest in a file",
		 .is_manner = true, .fallback = "a quarter of what is free"),
	OPT_COUNT(0, "threads", "N", &threads, "use N threads", .least = 1, .most = 1024, .is_manner = true,
		  .fallback = "as many as may run"),
	OPT_END,
};

static const Manual manual = {
	.name = "fm-metrics",
	.summary = "measure the predictions of a tensor stream",
	.usage = "fm-metrics [OPTION]... [FILE.fms]\n"
		 "fm-metrics --wrong [--pair ACTUAL,PREDICTED] [--format stream|tsv|jsonl] [FILE.fms]",
	.options = options,
	.operands = 1,
	.input = STDIO_STREAM,
	.output = STDIO_TEXT,
};

/* What a run is made of. */
typedef struct Run {
	const char *name; /* of the input */
	Reader in;
	Scores scores;
	Outcomes new, old; /* for --baseline */
	Wrong wrong;	   /* for --wrong */
	Bootstrap intervals;
	Paired paired;
} Run;

static void
check_arguments(const char *path)
{
	wants_wrong = wants_wrong || pair;
	if (!format)
		format = isatty(STDOUT_FILENO) ? "tsv" : "stream";
	if (!wants_wrong && (cli_given("format") || cli_given("top")))
		must(fail(STATUS_USAGE, "--format and --top are for --wrong; scores are text, or --json"));
	if (wants_wrong && (wants_json || bootstrap))
		must(fail(STATUS_USAGE, "--wrong passes samples on and prints no scores; leave out %s",
			  wants_json ? "--json" : "--bootstrap"));
	if (wants_wrong && !strcmp(format, "stream") && isatty(STDOUT_FILENO))
		must(fail(STATUS_USAGE, "standard output is a terminal and a stream is binary; use --format tsv or > FILE.fms"));
	if (wants_wrong && !strcmp(format, "stream") && cli_given("top"))
		must(fail(STATUS_USAGE, "--top is for --format tsv and jsonl; a stream holds every class's probability"));
	if (cli_given("allow-worse") && !baseline)
		must(fail(STATUS_USAGE, "--allow-worse needs --baseline OLD.fms to compare with"));
	if (baseline && !strcmp(baseline, "-") && !strcmp(path, "-"))
		must(fail(STATUS_USAGE, "standard input can't be both the predictions and their --baseline"));
	cli_reads(baseline);
}

static json_t *
history(const Reader *in)
{
	return history_make("fm-metrics", cli_options(), NULL, NULL, reader_inputs(in, "stdin"));
}

/* All that there is to know, but for curves. */
static json_t *
results(Run *run, uint64_t replicates)
{
	json_t *object = scores_json(&run->scores, true);

	if (!object)
		must(STATUS_IO);
	if (bootstrap) {
		must(bootstrap_run(&run->intervals, &run->scores, bootstrap < replicates ? bootstrap : replicates, seed));
		json_object_set_new(object, "intervals", bootstrap_json(&run->intervals));
	}
	if (baseline) {
		PairedOptions how = {.replicates = bootstrap ? bootstrap : 1000, .seed = seed, .threads = run->scores.threads};
		how.replicates = how.replicates < replicates ? how.replicates : replicates;
		must(paired_compare(&run->paired, &run->new, &run->old, baseline, &how));
		json_object_set_new(object, "baseline", paired_json(&run->paired));
	}
	return object;
}

/* An unknown key is found before any work is done. */
static void
check_assertion(Run *run)
{
	json_t *object = results(run, 0);
	Status status = gate_judge(assertion, object);

	if (status != STATUS_NO)
		must(status);
	json_decref(object);
}

static void
read_baseline(Run *run)
{
	Reader in;
	Record record;

	must(reader_open(&in, baseline));
	must(predictions_check(&in.about, baseline));
	int32_t *map = calloc(in.about.class_count, sizeof *map);
	if (!map)
		must(fail_errno("%s", baseline));
	must(outcomes_map_classes(&in.about, &run->in.about, map, baseline, run->name));
	while (must(reader_next(&in, &record)))
		must(outcomes_add(&run->old, &record, in.about.class_count, map));
	free(map);
	reader_close(&in);
}

static void
prepare(Run *run, const char *path)
{
	run->name = strcmp(path, "-") ? path : "standard input";
	must(reader_open(&run->in, path));
	must(predictions_check(&run->in.about, run->name));
	must(scores_init(&run->scores, run->in.about.class_count, run->in.about.classes));
	run->scores.threads = threads_default(threads);
	if (assertion)
		check_assertion(run);
	if (baseline)
		read_baseline(run);
	if (wants_wrong) {
		must(wrong_open(&run->wrong, &run->in.about, pair, memory_default(memory)));
		json_decref(run->wrong.about.history);
		run->wrong.about.history = history(&run->in);
	}
}

static void
measure(Run *run)
{
	Record record;

	while (must(reader_next(&run->in, &record))) {
		Predictions predictions = predictions_of(&record);
		must(scores_add(&run->scores, predictions.prob, predictions.label, predictions.n));
		if (baseline)
			must(outcomes_add(&run->new, &record, run->scores.classes, NULL));
		if (wants_wrong)
			must(wrong_keep(&run->wrong, &record));
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
send_wrong(Run *run)
{
	Writer writer;
	Record record = {0};

	must(writer_open(&writer, STDOUT_FILENO, "standard output", &run->wrong.about));
	for (uint64_t at = 0; must(wrong_gather(&run->wrong, at, &record)); at += record.n)
		must(writer_send(&writer, &record));
	json_t *complete = history(&run->in);
	must(writer_finish(&writer, complete));
	json_decref(complete);
	writer_close(&writer);
	spool_record_release(&record);
}

static void
print_wrong(Run *run)
{
	Rows rows;
	Record record = {0};

	must(rows_open(&rows, stdout, strcmp(format, "tsv") != 0 ? ROWS_JSONL : ROWS_TSV, &run->wrong.about, top));
	for (uint64_t at = 0; must(wrong_gather(&run->wrong, at, &record)); at += record.n)
		must(rows_put(&rows, &record));
	rows_close(&rows);
	spool_record_release(&record);
}

static void
put_wrong(Run *run)
{
	must(wrong_sort(&run->wrong));
	if (strcmp(format, "stream") != 0)
		print_wrong(run);
	else
		send_wrong(run);
	wrong_close(&run->wrong);
}

static void
put_scores(const Run *run, const json_t *object)
{
	const Scores *scores = &run->scores;

	if (wants_json)
		must(scores_write(stdout, object, wants_curves(scores) ? scores : NULL));
	else
		must(report_print(stdout, scores, bootstrap ? &run->intervals : NULL, baseline ? &run->paired : NULL));
}

/* @return STATUS_OK, or STATUS_NO, said why */
static Status
say_verdict(Status status)
{
	if (status != STATUS_NO)
		return must(status);
	say_failure();
	return status;
}

static Status
judge(const Run *run, const json_t *object)
{
	Status asserted = assertion ? say_verdict(gate_judge(assertion, object)) : STATUS_OK;
	Status compared = STATUS_OK;

	if (baseline && cli_given("allow-worse"))
		compared = say_verdict(paired_is_not_worse(&run->paired, allow_worse));
	else if (baseline)
		compared = say_verdict(paired_is_better(&run->paired));
	return asserted < 0 ? asserted : compared;
}

int
main(int argc, char **argv)
{
	Run run = {0};

	/* arguments */
	const char *path = cli_start(&manual, &argc, &argv);
	check_arguments(path);

	/* prepare */
	prepare(&run, path);

	/* run */
	measure(&run);

	/* finish */
	json_t *object = wants_json || assertion || bootstrap || baseline ? results(&run, UINT64_MAX) : NULL;
	if (wants_wrong)
		put_wrong(&run);
	else
		put_scores(&run, object);
	Status verdict = judge(&run, object);
	json_decref(object);
	outcomes_release(&run.new);
	outcomes_release(&run.old);
	scores_release(&run.scores);
	reader_close(&run.in);
	return cli_finish(verdict);
}
