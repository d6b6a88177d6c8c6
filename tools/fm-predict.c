/* fm-predict: add a model's class probabilities to a tensor stream. */
#include "cli/message.h"
#include "cli/options.h"
#include "cli/threads.h"
#include "device/device.h"
#include "predict/hangup.h"
#include "predict/output.h"
#include "predict/provenance.h"
#include "predict/rows.h"
#include "predict/serving.h"
#include "predict/temperature.h"
#include "predict/views.h"
#include "stream/reader.h"
#include "stream/writer.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *model_path;
static const char *format;
static uint64_t top;
static const char *views;
static const char *temperature;
static const char *device = "auto";
static const char *precision = "auto";
static uint64_t threads;

static const Option options[] = {
	OPT_TEXT('m', "model", "MODEL", &model_path, "the model, made by fm-train", .is_manner = true, .joint = ""),
	OPT_CHOICE('f', "format", "stream|tsv|jsonl", &format, "write this", .is_manner = true,
		   .fallback = "stream, on a terminal tsv"),
	OPT_COUNT(0, "top", "K", &top, "tsv, jsonl: also the K most probable classes", .least = 0, .most = 65536,
		  .is_manner = true),
	OPT_CHOICE(0, "tta", VIEWS_CHOICES, &views, "average over these test views", .fallback = "what the model says"),
	OPT_PARSED(0, "temperature", "T", &temperature, temperature_expect, "divide the logits by T",
		   .fallback = "what the model says"),
	OPT_CHOICE(0, "device", DEVICE_CHOICES, &device, "compute here"),
	OPT_CHOICE(0, "precision", PRECISION_CHOICES, &precision, "compute so; auto is fp32"),
	OPT_COUNT(0, "threads", "N", &threads, "use N threads", .least = 1, .most = 1024, .is_manner = true,
		  .fallback = "what the machine gives"),
	OPT_END,
};

static const Manual manual = {
	.name = "fm-predict",
	.summary = "predict a tensor stream, as --format stream or, on a terminal, tsv",
	.usage = "fm-predict -m MODEL [FILE.fms]",
	.options = options,
	.operands = 1,
	.input = STDIO_STREAM,
	.output = STDIO_TEXT,
};

/* What a run is made of. */
typedef struct Run {
	const char *name; /* of the input */
	Reader in;
	Serving serving;
	Output output;
	int hangup; /* descriptor: SIGHUP has come */
} Run;

static void
check_arguments(void)
{
	if (!model_path)
		must(fail(STATUS_USAGE, "no model; say which with -m MODEL, see fm-predict --help"));
	if (!format)
		format = isatty(STDOUT_FILENO) ? "tsv" : "stream";
	if (!strcmp(format, "stream") && isatty(STDOUT_FILENO))
		must(fail(STATUS_USAGE, "standard output is a terminal and a stream is binary; use --format tsv or > FILE.fms"));
	if (!strcmp(format, "stream") && cli_given("top"))
		must(fail(STATUS_USAGE, "--top is for --format tsv and jsonl; a stream holds every class's probability"));
}

/* The device is looked for last, when input and model are known to fit. */
static void
prepare(Run *run, const char *path)
{
	run->name = strcmp(path, "-") ? path : "standard input";
	must(hangup_watch(&run->hangup));
	must(serving_read(&run->serving, model_path));
	const Model *model = &run->serving.now->model;

	must(reader_open(&run->in, path));
	must(model_check_input(model, run->in.about.input, model_path, run->name));
	must(output_init(&run->output, &run->in.about, model, run->name));
	PredictorOptions how = {
		.device = device,
		.precision = precision,
		.views = views,
		.temperature = temperature ? temperature_of(temperature) : 0,
		.threads = threads_default(threads),
	};
	must(serving_start(&run->serving, &how));
	const Device *chosen = &run->serving.now->predictor.device;

	views = run->serving.views;
	verbose("%s: %s; views: %s", chosen->table->chosen(chosen->backend), chosen->why, views);
}

/* A bad model must not stop a service: the one in use goes on. */
static void
reopen_model(Run *run)
{
	Status status = serving_reopen(&run->serving, &run->output.about, run->name);

	if (status < 0)
		warn("%s; the model that was in use stays in use", status_message());
	else
		verbose("%s: %s", model_path, status ? "read again; what comes from here on is predicted by it" : "unchanged");
}

/* Between records, whether one is there already or is waited for, SIGHUP makes us read the model anew. */
static void
await_record(Run *run)
{
	do
		if (hangup_take())
			reopen_model(run);
	while (must(reader_await(&run->in, run->hangup)) == READER_INTERRUPTED);
}

/* @return 1 a record with its predictions, 0 the end */
static int
predict_next(Run *run, Record *out)
{
	Record record;

	await_record(run);
	if (!must(reader_next(&run->in, &record)))
		return 0;
	must(output_begin(&run->output, &record, out));
	const Tensor *image = record_find(&record, "image");
	must(serving_run(&run->serving, image->data, record.n, run->output.prob));
	return 1;
}

static json_t *
history(const Run *run, bool is_ended)
{
	return predict_history(cli_options(), &run->in, &run->serving, is_ended);
}

static void
send_stream(Run *run)
{
	Writer writer;
	Record record;
	Status sent = STATUS_OK;

	json_decref(run->output.about.history);
	run->output.about.history = history(run, false);
	must(writer_open(&writer, STDOUT_FILENO, "standard output", &run->output.about));
	while (sent != WRITER_ENOUGH && predict_next(run, &record))
		sent = must((output_is_too_large(&record) ? writer_send : writer_send_whole)(&writer, &record));
	if (sent != WRITER_ENOUGH) {
		json_t *complete = history(run, true);
		must(writer_finish(&writer, complete));
		json_decref(complete);
	}
	writer_close(&writer);
}

static void
print_rows(Run *run)
{
	Rows rows;
	Record record;

	must(rows_open(&rows, stdout, strcmp(format, "tsv") != 0 ? ROWS_JSONL : ROWS_TSV, &run->output.about, top));
	while (predict_next(run, &record)) {
		must(rows_put(&rows, &record));
		if (reader_would_wait(&run->in))
			fflush(stdout);
	}
	rows_close(&rows);
}

int
main(int argc, char **argv)
{
	Run run;

	/* arguments */
	const char *path = cli_start(&manual, &argc, &argv);
	check_arguments();

	/* prepare */
	prepare(&run, path);

	/* run */
	if (strcmp(format, "stream") != 0)
		print_rows(&run);
	else
		send_stream(&run);

	/* finish */
	serving_close(&run.serving);
	output_release(&run.output);
	reader_close(&run.in);
	return cli_finish(STATUS_OK);
}
