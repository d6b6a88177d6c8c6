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
} Path;

/* Of 16 bits: where rounding changes which of a window is largest, or what ReLU passes, a gradient changes at once. */
static const Path paths[] = {
	{ "fp32", PRECISION_FP32, 60, 3e-4, 1e-5, 1e-5, 2e-3 },
	{ "fp16", PRECISION_FP16, 60, 2e-1, 5e-3, 1e-2, 5e-2 },
	{ "tf32", PRECISION_TF32, 80, 2e-1, 5e-3, 1e-2, 5e-2 },
	{ "bf16", PRECISION_BF16, 80, 4e-1, 1e-2, 3e-2, 5e-2 },
	{ "fp16", PRECISION_FP16, 80, 2e-1, 5e-3, 1e-2, 5e-2 },
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

/* The gradient divided by its weight, in the model's order: SGD's velocity after one step without momentum. */
static void
read_gradient(const BackendTable *table, const Data *data, Sums *sums, float *gradient, float *bn)
{
	const Hyper plain = { .step = 1, .rate = 0 };
	Backend *backend = open_backend(table, data, OPTIMIZER_SGD, true);

	if (table->step(backend, &data->batch, &plain) < 0 || table->drain(backend, sums) < 0 ||
	    table->read(backend, VECTOR_M, gradient) < 0 || table->read(backend, VECTOR_BN, bn) < 0) {
		printf("# %s: %s\n", path->name, status_message());
		exit(1);
	}
	table->close(backend);
}

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
check_gradient(const Case *test)
{
	const char *where = "";
	Data data;
	Sums x, y;

	data_init(&data, test);
	float *a = malloc(data.net.param_count * sizeof *a), *b = malloc(data.net.param_count * sizeof *b);
	float *bn_a = calloc(data.net.bn_count + 1, sizeof *bn_a), *bn_b = calloc(data.net.bn_count + 1, sizeof *bn_b);
	read_gradient(cuda, &data, &x, a, bn_a);
	read_gradient(&ref_backend, &data, &y, b, bn_b);
	const double moved = relative_error(bn_a, bn_b, data.net.bn_count);
	const double error = worst_error(&data.net, a, b, &where);
	free(a);
	free(b);
	free(bn_a);
	free(bn_b);
	data_release(&data);
	CHECK(moved <= path->loss / 10, "%s %s: running statistics by %g", path->name, test->text, moved);
	CHECK(fabs(x.loss - y.loss) <= path->loss * y.loss, "%s %s: loss %.9g, not %.9g", path->name, test->text, x.loss, y.loss);
	CHECK(path->precision != PRECISION_FP32 || x.correct == y.correct, "%s: %g right, not %g", test->text, x.correct, y.correct);
	CHECK(x.n == y.n && fabs(x.weight - y.weight) <= 1e-9 && !x.bad_step, "%s", test->text);
	CHECK(error <= path->gradient, "%s %s: %s by %g", path->name, test->text, where, error);
}

static void
check_prediction(const Case *test)
{
	const BackendTable *tables[2] = { cuda, &ref_backend };
	const size_t image = (size_t)test->input.h * test->input.w * test->input.c;
	float prob[2][MOST * CLASSES], few[7 * CLASSES];
	Data data;

	data_init(&data, test);
	for (int i = 0; i < 2; i++) {
		Backend *backend = open_backend(tables[i], &data, OPTIMIZER_ADAM, false);
		const Batch batch = { .n = MOST, .pixels = data.pixels }, part = { .n = 7, .pixels = data.pixels + 3 * image };

		memset(prob[i], 0xff, sizeof prob[i]);
		CHECK(!tables[i]->predict(backend, &batch, VECTOR_PARAM, prob[i]), "%s", status_message());
		CHECK(!tables[i]->predict(backend, &part, VECTOR_PARAM, few), "%s", status_message());
		tables[i]->close(backend);
		if (i == 0)
			for (int k = 0; k < 7 * CLASSES; k++)
				CHECK(fabs((double)few[k] - (double)prob[0][3 * CLASSES + k]) <= 1e-6, "%s: seven differ", test->text);
	}
	for (int i = 0; i < MOST * CLASSES; i++)
		CHECK(fabs((double)prob[0][i] - (double)prob[1][i]) <= path->probability, "%s %s: %g, not %g", path->name, test->text,
		      (double)prob[0][i], (double)prob[1][i]);
	data_release(&data);
}

/* Losses of a few steps against another backend's, and predictions with the averages after them. */
static void
check_trajectory(const Case *test, Optimizer optimizer, const BackendTable *other)
{
	const BackendTable *tables[2] = { cuda, other };
	float prob[2][MOST * CLASSES];
	Sums sums[2][4];
	Data data;

	data_init(&data, test);
	for (int i = 0; i < 2; i++) {
		Backend *backend = open_backend(tables[i], &data, optimizer, true);
		const Batch all = { .n = MOST, .pixels = data.pixels };

		for (uint64_t step = 0; step < 4; step++) {
			const Hyper now = hyper(step + 1);

			CHECK(!tables[i]->step(backend, &data.batch, &now), "%s", status_message());
			CHECK(!tables[i]->drain(backend, &sums[i][step]), "%s", status_message());
		}
		CHECK(!tables[i]->predict(backend, &all, VECTOR_EMA, prob[i]), "%s", status_message());
		tables[i]->close(backend);
	}
	data_release(&data);
	for (int step = 0; step < 4; step++)
		CHECK(fabs(sums[0][step].loss - sums[1][step].loss) <= path->trajectory * sums[1][step].loss,
		      "%s %s: loss %.9g, %s has %.9g at step %d", path->name, test->text, sums[0][step].loss, other->name,
		      sums[1][step].loss, step + 1);
	for (int i = 0; i < MOST * CLASSES; i++)
		CHECK(fabs((double)prob[0][i] - (double)prob[1][i]) <= 3 * path->trajectory, "%s: %g, %s has %g", test->text,
		      (double)prob[0][i], other->name, (double)prob[1][i]);
}

static const Optimizer optimizers[] = { OPTIMIZER_ADAM, OPTIMIZER_ADAMW, OPTIMIZER_SGD };

TEST(gradients)
{
	for (int i = 0; i < CASES && check_ok; i++)
		check_gradient(&cases[i]);
}

TEST(predictions)
{
	for (int i = 0; i < CASES && check_ok; i++)
		check_prediction(&cases[i]);
}

TEST(trajectories)
{
	for (int i = 0; i < 3 && check_ok; i++)
		check_trajectory(&cases[i], optimizers[i], &ref_backend);
}

TEST(trajectories_of_the_cpu)
{
	for (int i = 0; i < 3 && check_ok; i++)
		check_trajectory(&cases[i], optimizers[i], &cpu_backend);
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
		if (path->precision == PRECISION_FP32)
			RUN(trajectories_of_the_cpu);
	}
	return check_done();
}
