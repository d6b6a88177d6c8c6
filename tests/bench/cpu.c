/* Speed of the CPU backend: images a second and the share of the machine's roof, taken in turns in the same run.
 *
 * usage: cpu [--train|--predict] [--batch N] [--threads N] [--arch TEXT] [--input HxWxC] [--classes N] [--seconds S]
 * [--cpu-time] [--precision P], or --one: how long one image takes */
#include "bench/roof.h"
#include "cpu/cpu.h"
#include "device/device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct Bench {
	const char *text;
	Shape input;
	uint32_t classes, batch;
	int threads;
	double seconds;
	Precision precision;
} Bench;

typedef struct Run {
	Net net;
	Backend *backend;
	float *param, *bn, *prob;
	uint8_t *pixels;
	int32_t *labels;
	int64_t *ids;
	float *ranges;
	Batch batch;
	uint64_t step;
} Run;

/* Of the run's own images, by fp32: what int8 wants to know. */
static float *
find_ranges(Run *run, BackendOptions options)
{
	float *ranges = calloc(2 * run->net.stage_count, sizeof *ranges);

	options.precision = PRECISION_FP32;
	options.ranges_seen = ranges;
	if (cpu_backend.open(&run->backend, device_host(), &run->net, run->param, run->bn, &options) < 0)
		exit((puts(status_message()), 2));
	cpu_backend.predict(run->backend, &run->batch, VECTOR_PARAM, run->prob);
	cpu_backend.close(run->backend);
	return ranges;
}

static void
run_init(Run *run, const Bench *bench, bool is_training)
{
	const size_t image = (size_t)bench->input.h * bench->input.w * bench->input.c;
	BackendOptions options = {
		.is_training = is_training, .precision = bench->precision, .batch_most = bench->batch,
		.threads = bench->threads, .seed = 1, .optimizer = OPTIMIZER_ADAM,
	};

	*run = (Run){ 0 };
	if (net_init(&run->net, bench->text, bench->input, bench->classes) < 0)
		exit((puts(status_message()), 2));
	run->param = calloc(run->net.param_count, sizeof(float));
	run->bn = calloc(run->net.bn_count + 1, sizeof(float));
	net_initialise(&run->net, 1, run->param, run->bn);
	run->pixels = malloc(bench->batch * image);
	run->labels = calloc(bench->batch, sizeof *run->labels);
	run->ids = calloc(bench->batch, sizeof *run->ids);
	run->prob = calloc((size_t)bench->batch * bench->classes, sizeof *run->prob);
	for (size_t i = 0; i < bench->batch * image; i++)
		run->pixels[i] = (uint8_t)(i * 2654435761u >> 13);
	for (uint32_t i = 0; i < bench->batch; i++) {
		run->labels[i] = (int32_t)(i % bench->classes);
		run->ids[i] = i;
	}
	run->batch = (Batch){ .n = bench->batch, .pixels = run->pixels, .label_a = run->labels, .ids = run->ids };
	if (bench->precision == PRECISION_INT8)
		options.ranges = run->ranges = find_ranges(run, options);
	if (cpu_backend.open(&run->backend, device_host(), &run->net, run->param, run->bn, &options) < 0)
		exit((puts(status_message()), 2));
}

static void
run_release(Run *run)
{
	cpu_backend.close(run->backend);
	net_release(&run->net);
	free(run->param);
	free(run->bn);
	free(run->pixels);
	free(run->labels);
	free(run->ids);
	free(run->prob);
	free(run->ranges);
}

static void
run_once(Run *run, bool is_training)
{
	const Hyper hyper = { .step = ++run->step, .rate = 1e-3, .beta1 = 0.9 };

	if (is_training)
		cpu_backend.step(run->backend, &run->batch, &hyper);
	else
		cpu_backend.predict(run->backend, &run->batch, VECTOR_PARAM, run->prob);
}

/* Multiply-adds of one image forward, padding counted. */
static double
forward_work(const Net *net, bool is_training)
{
	double work = 0;

	for (size_t i = 0; i < net->layer_count; i++) {
		const Layer *layer = &net->layers[i];
		double here = 0;
		if (layer->kind == LAYER_CONV)
			here = (double)layer->out.h * layer->out.w * layer->out.c * layer->in.c * layer->kernel_h * layer->kernel_w;
		if (layer->kind == LAYER_DENSE)
			here = (double)layer->in.c * layer->out.c;
		work += here * (!is_training ? 1 : i == 0 ? 2 : 3);
	}
	return 2 * work;
}

static int
by_value(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
measure(const Bench *bench, bool is_training)
{
	enum { ROUNDS_MOST = 200 };
	double rates[ROUNDS_MOST], roofs[ROUNDS_MOST];
	Run run;
	int rounds = 0;

	run_init(&run, bench, is_training);
	for (int i = 0; i < 3; i++)
		run_once(&run, is_training);
	const double start = roof_now(), share = roof_clock == CLOCK_MONOTONIC ? 1 : bench->threads;
	while (rounds < ROUNDS_MOST && (rounds < 5 || roof_now() - start < bench->seconds)) {
		double begin = roof_now();
		int repeats = 0;
		do {
			run_once(&run, is_training);
			repeats++;
		} while (roof_now() - begin < 0.03);
		rates[rounds] = repeats * (double)bench->batch * share / (roof_now() - begin);
		roofs[rounds++] = roof_flops(bench->threads, roof_of(cpu_backend.chosen(run.backend)));
	}
	qsort(rates, rounds, sizeof *rates, by_value);
	qsort(roofs, rounds, sizeof *roofs, by_value);
	const double rate = rates[rounds / 2], roof = roofs[rounds / 2], work = forward_work(&run.net, is_training);
	printf("%-8s %-18s batch %4u threads %d  %9.0f images/s (best %9.0f)  %5.1f GFLOP/s, %.3f of %.0f\n",
	       is_training ? "train" : "predict", cpu_backend.chosen(run.backend), bench->batch, bench->threads, rate,
	       rates[rounds - 1], rate * work * 1e-9, rate * work / roof, roof * 1e-9);
	run_release(&run);
}

/* How long one image takes, from call to answer, by the clock on the wall. */
static void
measure_one(const Bench *bench)
{
	enum { CALLS = 4000 };
	static double times[CALLS];
	Run run;

	run_init(&run, bench, false);
	for (int i = 0; i < 100; i++)
		run_once(&run, false);
	for (int i = 0; i < CALLS; i++) {
		struct timespec begin, end;
		clock_gettime(CLOCK_MONOTONIC, &begin);
		run_once(&run, false);
		clock_gettime(CLOCK_MONOTONIC, &end);
		times[i] = (double)(end.tv_sec - begin.tv_sec) * 1e6 + (double)(end.tv_nsec - begin.tv_nsec) * 1e-3;
	}
	qsort(times, CALLS, sizeof *times, by_value);
	printf("one image %-22s threads %d  %6.1f us median, %6.1f the fastest tenth, %6.1f least\n",
	       cpu_backend.chosen(run.backend), bench->threads, times[CALLS / 2], times[CALLS / 10], times[0]);
	run_release(&run);
}

int
main(int argc, char **argv)
{
	Bench bench = { .text = "seed", .input = { 28, 28, 1, false }, .classes = 10, .batch = 128, .threads = 1, .seconds = 2 };
	bool train = true, predict = true, one = false;

	for (int i = 1; i < argc; i++) {
		const char *next = i + 1 < argc ? argv[i + 1] : "";
		if (!strcmp(argv[i], "--train"))
			predict = false;
		else if (!strcmp(argv[i], "--one"))
			one = true;
		else if (!strcmp(argv[i], "--predict"))
			train = false;
		else if (!strcmp(argv[i], "--cpu-time"))
			roof_clock = CLOCK_PROCESS_CPUTIME_ID;
		else if (!strcmp(argv[i], "--batch"))
			bench.batch = (uint32_t)atoi(next);
		else if (!strcmp(argv[i], "--threads"))
			bench.threads = atoi(next);
		else if (!strcmp(argv[i], "--classes"))
			bench.classes = (uint32_t)atoi(next);
		else if (!strcmp(argv[i], "--seconds"))
			bench.seconds = atof(next);
		else if (!strcmp(argv[i], "--arch"))
			bench.text = next;
		else if (!strcmp(argv[i], "--precision"))
			bench.precision = precision_from_name(next);
		else if (!strcmp(argv[i], "--input"))
			sscanf(next, "%ux%ux%u", &bench.input.h, &bench.input.w, &bench.input.c);
	}
	if (one) {
		bench.batch = 1;
		measure_one(&bench);
		return 0;
	}
	if (train && bench.precision != PRECISION_INT8)
		measure(&bench, true);
	if (predict)
		measure(&bench, false);
	return 0;
}
