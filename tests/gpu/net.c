/* The CUDA backend against the reference and the CPU: whole networks of every kind of layer. */
#include "under_test.h"

#include "cpu/cpu.h"
#include "device/device.h"
#include "kernels/nets.h"
#include "ref/ref.h"
#include "unit/check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* How near to the reference a precision stays. */
typedef struct Path {
	const char *name;
	Precision precision;
	int capability; /* of the card, where that can be chosen: without tensor cores, or with them */
	double gradient, loss, probability, trajectory;
	double alone; /* how far a batch's size moves a prediction */
} Path;

/*
 * Of 16 bits: where rounding changes which of a window is largest, or what ReLU passes, a gradient changes at once.
 *
 * A picture's prediction doesn't depend on its neighbours'; but cuBLAS chooses by the batch's size how it adds up, so that
 * a sum may end on the other side of where cells, or TF32's operands, are rounded: a few of them then differ by a unit in
 * the last place, and what is added up of many moves by less than a half (fp16: 2e-6 on an H100). Of fp32 none is rounded.
 */
static const Path paths[] = {
	{ "fp32", PRECISION_FP32, 60, 3e-4, 1e-5, 1e-5, 2e-3, 1e-6 },
	{ "fp16", PRECISION_FP16, 60, 2e-1, 5e-3, 1e-2, 5e-2, 0x1p-12 },
	{ "tf32", PRECISION_TF32, 80, 2e-1, 5e-3, 1e-2, 5e-2, 0x1p-12 },
	{ "bf16", PRECISION_BF16, 80, 4e-1, 1e-2, 3e-2, 5e-2, 0x1p-9 },
	{ "fp16", PRECISION_FP16, 80, 2e-1, 5e-3, 1e-2, 5e-2, 0x1p-12 },
};

static const BackendTable *cuda;
static const Path *path;

static Backend *
open_backend(const BackendTable *table, const Data *data, Optimizer optimizer, bool is_training)
{
	const BackendOptions options = {
		.is_training = is_training, .precision = table == cuda ? path->precision : PRECISION_FP32, .batch_most = MOST,
		.threads = 2, .seed = 11, .optimizer = optimizer, .label_smoothing = 0.1, .ema_rate = 0.9,
	};
	Backend *backend;

	if (table->open(&backend, table == cuda ? under_test_host() : device_host(), &data->net, data->param, data->bn, &options) < 0) {
		printf("# %s: %s\n", path->name, status_message());
		exit(1);
	}
	return backend;
}

/* ---- what a backend makes of a case ---- */

/* A prediction's images, and those of another one that begins some images later. */
enum { PREDICTED = 10, SOME = 7, LATER = 3 };

static void
must(Status status)
{
	if (status < 0) {
		printf("# %s: %s\n", path->name, status_message());
		exit(1);
	}
}

typedef struct Gradient {
	Sums sums;
	float *gradient, *bn; /* [param_count], [bn_count] */
} Gradient;

/* The gradient divided by its weight, in the model's order: SGD's velocity after one step without momentum. */
static Gradient
gradient_of(const BackendTable *table, const Data *data)
{
	const Hyper plain = { .step = 1, .rate = 0 };
	Backend *backend = open_backend(table, data, OPTIMIZER_SGD, true);
	Gradient made = { .gradient = malloc(data->net.param_count * sizeof(float)),
			  .bn = calloc(data->net.bn_count + 1, sizeof(float)) };

	must(table->step(backend, &data->batch, &plain));
	must(table->drain(backend, &made.sums));
	must(table->read(backend, VECTOR_M, made.gradient));
	must(table->read(backend, VECTOR_BN, made.bn));
	table->close(backend);
	return made;
}

static void
gradient_release(Gradient *gradient)
{
	free(gradient->gradient);
	free(gradient->bn);
}

typedef struct Prediction {
	float prob[PREDICTED * CLASSES], some[SOME * CLASSES];
} Prediction;

static Prediction
prediction_of(const BackendTable *table, const Data *data)
{
	const size_t image = (size_t)data->net.input.h * data->net.input.w * data->net.input.c;
	const Batch batch = { .n = PREDICTED, .pixels = data->pixels }, some = { .n = SOME, .pixels = data->pixels + LATER * image };
	Backend *backend = open_backend(table, data, OPTIMIZER_ADAM, false);
	Prediction made;

	memset(&made, 0xff, sizeof made);
	must(table->predict(backend, &batch, VECTOR_PARAM, made.prob));
	must(table->predict(backend, &some, VECTOR_PARAM, made.some));
	table->close(backend);
	return made;
}

enum { STEPS = 4 };

/* Losses of a few steps, and predictions with the averages after them. */
typedef struct Trajectory {
	Sums sums[STEPS];
	float prob[PREDICTED * CLASSES];
} Trajectory;

static Trajectory
trajectory_of(const BackendTable *table, const Data *data, Optimizer optimizer)
{
	const Batch all = { .n = PREDICTED, .pixels = data->pixels };
	Backend *backend = open_backend(table, data, optimizer, true);
	Trajectory made;

	for (uint64_t step = 0; step < STEPS; step++) {
		const Hyper now = hyper(step + 1);

		must(table->step(backend, &data->batch, &now));
		must(table->drain(backend, &made.sums[step]));
	}
	must(table->predict(backend, &all, VECTOR_EMA, made.prob));
	table->close(backend);
	return made;
}

/* ---- comparisons ---- */

/* What the reference makes of the cases: every path is compared with the same, so it is asked once. */
typedef struct Truth {
	bool has_gradient, has_prediction, has_trajectory;
	Gradient gradient;
	Prediction prediction;
	Trajectory trajectory;
} Truth;

static Truth truths[CASES];

/* The largest error of a tensor; shift and scale of a batch norm together, since the shift's can be a sum that cancels. */
static double
worst_error(const Net *net, const float *a, const float *b, const char **where)
{
	double worst = 0;

	for (size_t i = 0; i < net->tensor_count; i++) {
		const TensorInfo *tensor = &net->tensors[i];
		const bool is_norm = tensor->layer->kind == LAYER_BN;
		const bool is_scale = is_norm && tensor->offset == tensor->layer->weight;

		if (tensor->vector != NET_PARAM || is_idle(net, tensor) || (is_norm && !is_scale))
			continue;
		const double error = relative_error(a + tensor->offset, b + tensor->offset, is_scale ? 2 * tensor->count : tensor->count);
		if (!(error <= worst)) {
			worst = isnan(error) ? INFINITY : error; /* which no later one overtakes */
			*where = tensor->name;
		}
	}
	return worst;
}

static void
check_gradient(int i)
{
	const char *text = cases[i].text, *where = "";
	Truth *truth = &truths[i];
	char tensor[64];
	Data data;

	data_init(&data, &cases[i]);
	Gradient made = gradient_of(cuda, &data);
	if (!truth->has_gradient)
		truth->gradient = gradient_of(&ref_backend, &data);
	truth->has_gradient = true;
	const Sums x = made.sums, y = truth->gradient.sums;
	const double moved = relative_error(made.bn, truth->gradient.bn, data.net.bn_count);
	const double error = worst_error(&data.net, made.gradient, truth->gradient.gradient, &where);
	snprintf(tensor, sizeof tensor, "%s", where); /* the net's */
	gradient_release(&made);
	data_release(&data);
	CHECK(moved <= path->loss / 10, "%s %s: running statistics by %g", path->name, text, moved);
	CHECK(fabs(x.loss - y.loss) <= path->loss * y.loss, "%s %s: loss %.9g, not %.9g", path->name, text, x.loss, y.loss);
	CHECK(path->precision != PRECISION_FP32 || x.correct == y.correct, "%s: %g right, not %g", text, x.correct, y.correct);
	CHECK(x.n == y.n && fabs(x.weight - y.weight) <= 1e-9 && !x.bad_step, "%s", text);
	CHECK(error <= path->gradient, "%s %s: %s by %g", path->name, text, tensor, error);
}

/* The largest difference; infinite where a number is none. */
static double
farthest(const float *a, const float *b, size_t count)
{
	double most = 0;

	for (size_t i = 0; i < count; i++) {
		const double difference = fabs((double)a[i] - (double)b[i]);

		if (!(difference <= most))
			most = isnan(difference) ? INFINITY : difference;
	}
	return most;
}

static void
check_prediction(int i)
{
	const char *text = cases[i].text;
	Truth *truth = &truths[i];
	Data data;

	data_init(&data, &cases[i]);
	const Prediction made = prediction_of(cuda, &data);
	if (!truth->has_prediction)
		truth->prediction = prediction_of(&ref_backend, &data);
	truth->has_prediction = true;
	data_release(&data);
	const double apart = farthest(made.some, made.prob + LATER * CLASSES, SOME * CLASSES);
	CHECK(apart <= path->alone, "%s %s: alone seven differ by %g", path->name, text, apart);
	const double off = farthest(made.prob, truth->prediction.prob, PREDICTED * CLASSES);
	CHECK(off <= path->probability, "%s %s: by %g", path->name, text, off);
}

static void
check_trajectory(int i, Optimizer optimizer, const BackendTable *other)
{
	const char *text = cases[i].text;
	Truth *truth = &truths[i];
	Trajectory right;
	Data data;

	data_init(&data, &cases[i]);
	const Trajectory made = trajectory_of(cuda, &data, optimizer);
	if (other == &ref_backend && !truth->has_trajectory) {
		truth->trajectory = trajectory_of(other, &data, optimizer);
		truth->has_trajectory = true;
	}
	right = other == &ref_backend ? truth->trajectory : trajectory_of(other, &data, optimizer);
	data_release(&data);
	for (int step = 0; step < STEPS; step++)
		CHECK(fabs(made.sums[step].loss - right.sums[step].loss) <= path->trajectory * right.sums[step].loss,
		      "%s %s: loss %.9g, %s has %.9g at step %d", path->name, text, made.sums[step].loss, other->name,
		      right.sums[step].loss, step + 1);
	const double off = farthest(made.prob, right.prob, PREDICTED * CLASSES);
	CHECK(off <= 3 * path->trajectory, "%s %s: predictions after it, by %g from %s", path->name, text, off, other->name);
}

/* ---- first stages that stay as they are ---- */

/* Parameters and SGD's velocity after a few steps. */
typedef struct Moved {
	float *param, *velocity; /* [param_count] */
} Moved;

static Moved
moved_by(const BackendTable *table, const Data *data, uint32_t stages)
{
	const size_t size = data->net.param_count * sizeof(float);
	Backend *backend = open_backend(table, data, OPTIMIZER_SGD, true);
	const Moved made = { malloc(size), malloc(size) };

	for (uint64_t step = 1; step <= STEPS; step++) {
		Hyper now = hyper(step);

		now.frozen = stages;
		must(table->step(backend, &data->batch, &now));
	}
	must(table->read(backend, VECTOR_PARAM, made.param));
	must(table->read(backend, VECTOR_M, made.velocity));
	table->close(backend);
	return made;
}

static void
moved_release(const Moved *moved)
{
	free(moved->param);
	free(moved->velocity);
}

/* Frozen ones have a velocity of 0, from which nothing may differ. */
static void
check_frozen(int i, uint32_t stages)
{
	const char *text = cases[i].text, *where = "";
	char tensor[64];
	Data data;

	data_init(&data, &cases[i]);
	const size_t bound = net_params_before(&data.net, stages) * sizeof(float);
	const Moved made = moved_by(cuda, &data, stages), right = moved_by(&ref_backend, &data, stages);
	const bool has_stayed = !memcmp(made.param, data.param, bound) && !memcmp(right.param, data.param, bound);
	const double off = relative_error(made.param, right.param, data.net.param_count);
	const double error = worst_error(&data.net, made.velocity, right.velocity, &where);
	snprintf(tensor, sizeof tensor, "%s", where); /* the net's */
	moved_release(&made);
	moved_release(&right);
	data_release(&data);
	CHECK(bound && has_stayed, "%s: of the first %u stages something moved", text, stages);
	CHECK(off <= path->gradient / 10, "%s, %u frozen: parameters by %g", text, stages, off);
	CHECK(error <= path->gradient, "%s, %u frozen: %s by %g", text, stages, tensor, error);
}

static const Optimizer optimizers[] = { OPTIMIZER_ADAM, OPTIMIZER_ADAMW, OPTIMIZER_SGD };

TEST(gradients)
{
	for (int i = 0; i < CASES && check_ok; i++)
		check_gradient(i);
}

TEST(predictions)
{
	for (int i = 0; i < CASES && check_ok; i++)
		check_prediction(i);
}

TEST(trajectories)
{
	for (int i = 0; i < 3 && check_ok; i++)
		check_trajectory(i, optimizers[i], &ref_backend);
}

TEST(trajectories_of_the_cpu)
{
	for (int i = 0; i < 3 && check_ok; i++)
		check_trajectory(i, optimizers[i], &cpu_backend);
}

/* A chain, and residuals that begin in what stays. */
TEST(frozen_as_the_reference)
{
	static const struct {
		int which;
		uint32_t stages; /* in the last case the first one is the pixels, which are read twice */
	} runs[] = { { 0, 1 }, { 0, 2 }, { 10, 1 }, { 10, 2 }, { 13, 2 }, { 13, 3 } };

	for (size_t i = 0; i < sizeof runs / sizeof *runs && check_ok; i++)
		check_frozen(runs[i].which, runs[i].stages);
}

int
main(void)
{
	const char *why;

	cuda = under_test(&why);
	if (!cuda) {
		printf("1..1\nok 1 - networks # SKIP %s\n", why);
		return 0;
	}
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		path = &paths[i];
		if (!under_test_capability(path->capability) && i == 1)
			continue; /* a real card has tensor cores or not: once is enough */
		under_test_way((int)i % under_test_ways());
		printf("# %s, sm_%d, %s\n", path->name, path->capability, under_test_way_name((int)i % under_test_ways()));
		RUN(gradients);
		RUN(predictions);
		RUN(trajectories);
		if (path->precision == PRECISION_FP32) {
			RUN(trajectories_of_the_cpu);
			RUN(frozen_as_the_reference);
		}
	}
	return check_done();
}
