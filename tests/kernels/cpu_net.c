/* The CPU backend against the reference, whole networks, every instruction set that this machine has. */
#include "cpu/cpu.h"
#include "device/device.h"
#include "moves.h"
#include "nets.h"
#include "ref/ref.h"
#include "unit/check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A path through the code, and how near to the reference it must stay. */
typedef struct Path {
	const char *instruction_set;
	Precision precision;
	double gradient, loss, probability, trajectory;
} Path;

/* bf16: where rounding changes which of a window is largest, or what ReLU passes, a gradient changes at once. */
static const Path paths[] = {
	{ "plain", PRECISION_FP32, 3e-4, 1e-5, 1e-5, 2e-3 },
	{ "avx2", PRECISION_FP32, 3e-4, 1e-5, 1e-5, 2e-3 },
	{ "avx512", PRECISION_FP32, 3e-4, 1e-5, 1e-5, 2e-3 },
	{ "neon", PRECISION_FP32, 3e-4, 1e-5, 1e-5, 2e-3 },
	{ "avx512bf16", PRECISION_BF16, 4e-1, 1e-2, 4e-2, 5e-2 },
};

static const Path *path;

static Backend *
open_backend(const BackendTable *table, const Data *data, int threads, Optimizer optimizer, bool is_training)
{
	const Precision precision = table == &cpu_backend ? path->precision : PRECISION_FP32;
	const BackendOptions options = {
		.is_training = is_training, .precision = precision, .batch_most = MOST, .threads = threads,
		.seed = 11, .optimizer = optimizer, .label_smoothing = 0.1, .ema_rate = 0.9,
	};
	Backend *backend;

	if (table->open(&backend, device_host(), &data->net, data->param, data->bn, &options) < 0) {
		printf("# %s\n", status_message());
		exit(1);
	}
	return backend;
}

static Status
copy_vector(void *context, float *vector, size_t count, bool is_device)
{
	(void)is_device;
	memcpy(context, vector, count * sizeof *vector);
	return STATUS_OK;
}

static void
check_gradient(const Case *test)
{
	Data data;
	data_init(&data, test);
	Backend *cpu = open_backend(&cpu_backend, &data, 2, OPTIMIZER_ADAM, true);
	Backend *ref = open_backend(&ref_backend, &data, 1, OPTIMIZER_ADAM, true);
	const size_t count = data.net.param_count + 1;
	float *a = malloc(count * sizeof *a), *b = malloc(count * sizeof *b);
	Sums x, y;

	cpu_backend.gradient(cpu, &data.batch);
	ref_backend.gradient(ref, &data.batch);
	cpu_backend.reduce(cpu, copy_vector, a);
	ref_backend.reduce(ref, copy_vector, b);
	cpu_backend.drain(cpu, &x);
	ref_backend.drain(ref, &y);
	CHECK(fabs(x.loss - y.loss) <= path->loss * y.loss, "%s: loss %.9g, not %.9g", test->text, x.loss, y.loss);
	CHECK((path->precision == PRECISION_BF16 || x.correct == y.correct) && x.n == y.n && fabs(x.weight - y.weight) <= 1e-9 && !x.bad_step, "%s", test->text);
	CHECK(a[count - 1] == b[count - 1], "%s: weight", test->text);
	for (size_t i = 0; i < data.net.tensor_count; i++) {
		const TensorInfo *tensor = &data.net.tensors[i];
		if (tensor->vector != NET_PARAM || is_idle(&data.net, tensor))
			continue;
		/* shift and scale of a batch norm together: the shift's gradient alone can be a sum that cancels */
		const bool has_shift = tensor->layer->kind == LAYER_BN && tensor->offset == tensor->layer->weight;
		if (tensor->layer->kind == LAYER_BN && !has_shift)
			continue;
		const size_t floats = has_shift ? 2 * tensor->count : tensor->count;
		double error = relative_error(a + tensor->offset, b + tensor->offset, floats);
		CHECK(error <= path->gradient, "%s: %s by %g", test->text, tensor->name, error);
	}
	cpu_backend.close(cpu);
	ref_backend.close(ref);
	free(a);
	free(b);
	data_release(&data);
}

static void
check_prediction(const Case *test)
{
	Data data;
	data_init(&data, test);
	Backend *cpu = open_backend(&cpu_backend, &data, 2, OPTIMIZER_ADAM, false);
	Backend *ref = open_backend(&ref_backend, &data, 1, OPTIMIZER_ADAM, false);
	const size_t image = (size_t)test->input.h * test->input.w * test->input.c;
	float a[MOST * CLASSES], b[MOST * CLASSES], one[CLASSES];
	Batch batch = { .n = MOST, .pixels = data.pixels };

	memset(a, 0xff, sizeof a);
	cpu_backend.predict(cpu, &batch, VECTOR_PARAM, a);
	ref_backend.predict(ref, &batch, VECTOR_PARAM, b);
	for (int i = 0; i < MOST * CLASSES; i++)
		CHECK(fabs((double)a[i] - (double)b[i]) <= path->probability, "%s: %g, not %g", test->text, (double)a[i], (double)b[i]);
	batch.n = 1;
	for (int i = 0; i < MOST; i++) {
		batch.pixels = data.pixels + i * image;
		cpu_backend.predict(cpu, &batch, VECTOR_PARAM, one);
		CHECK(!memcmp(one, a + i * CLASSES, sizeof one), "%s: image %d differs alone", test->text, i);
	}
	batch.n = 7;
	batch.pixels = data.pixels + 3 * image;
	cpu_backend.predict(cpu, &batch, VECTOR_PARAM, b);
	CHECK(!memcmp(b, a + 3 * CLASSES, 7 * sizeof one), "%s: seven differ", test->text);
	cpu_backend.close(cpu);
	ref_backend.close(ref);
	data_release(&data);
}

/* A network whose stages are large enough that threads share one image's. */
static void
check_alone(void)
{
	static const Case seed = { "seed", PICTURE(28, 28, 1), 4 };
	enum { IMAGES = 4 };
	const size_t image = 28 * 28;
	float together[IMAGES * CLASSES], alone[IMAGES * CLASSES];
	Data data;

	data_init(&data, &seed);
	Backend *one = open_backend(&cpu_backend, &data, 1, OPTIMIZER_ADAM, false);
	Backend *three = open_backend(&cpu_backend, &data, 3, OPTIMIZER_ADAM, false);
	cpu_backend.predict(one, &(Batch){ .n = IMAGES, .pixels = data.pixels }, VECTOR_PARAM, together);
	for (int i = 0; i < 2; i++) {
		const Batch batch = { .n = 1, .pixels = data.pixels + i * image };
		cpu_backend.predict(three, &batch, VECTOR_PARAM, alone + i * CLASSES);
	}
	cpu_backend.predict(three, &(Batch){ .n = 2, .pixels = data.pixels + 2 * image }, VECTOR_PARAM, alone + 2 * CLASSES);
	CHECK(!memcmp(alone, together, sizeof alone), "three threads on one image differ from one on four");
	cpu_backend.close(one);
	cpu_backend.close(three);
	data_release(&data);
}

enum { STEPS = 3 };

/* Ways that must lead to the same bits. */
typedef enum Way { AT_ONCE, IN_PARTS, PREDICTING } Way;

/* More and more of a net, until its last stage alone learns. */
static uint32_t
frozen_at(const Net *net, uint64_t step)
{
	return (uint32_t)((step < STEPS ? step - 1 : STEPS - 1) * (net->stage_count - 1) / (STEPS - 1));
}

/* Parameters after a few steps, the last with fewer images. */
static float *
train(const Case *test, int threads, Optimizer optimizer, Way way, bool freezes)
{
	Data data;
	data_init(&data, test);
	Backend *cpu = open_backend(&cpu_backend, &data, threads, optimizer, true);
	const size_t params = data.net.param_count, bn = data.net.bn_count;
	float *all = calloc(4 * params + 2 * bn + 1, sizeof *all), *ignored = malloc((params + 1) * sizeof *all);
	float prob[MOST * CLASSES];

	for (int step = 1; step <= STEPS; step++) {
		Hyper now = hyper(step);
		now.frozen = freezes ? frozen_at(&data.net, step) : 0;
		if (step == STEPS)
			data.batch.n = 2;
		if (way == PREDICTING)
			cpu_backend.predict(cpu, &(Batch){ .n = MOST, .pixels = data.pixels }, VECTOR_PARAM, prob);
		if (way == IN_PARTS) {
			cpu_backend.gradient(cpu, &data.batch);
			cpu_backend.reduce(cpu, copy_vector, ignored);
			cpu_backend.update(cpu, &now);
		} else {
			cpu_backend.step(cpu, &data.batch, &now);
		}
	}
	cpu_backend.read(cpu, VECTOR_PARAM, all);
	cpu_backend.read(cpu, VECTOR_M, all + params);
	cpu_backend.read(cpu, VECTOR_V, all + 2 * params);
	cpu_backend.read(cpu, VECTOR_EMA, all + 3 * params);
	cpu_backend.read(cpu, VECTOR_BN, all + 4 * params);
	cpu_backend.read(cpu, VECTOR_EMA_BN, all + 4 * params + bn);
	all = realloc(all, (4 * params + 2 * bn + 1) * sizeof *all);
	cpu_backend.close(cpu);
	free(ignored);
	data_release(&data);
	return all;
}

/* Bytes of what train() returns. */
static size_t
trained_size(const Case *test)
{
	Data data;
	data_init(&data, test);
	const size_t size = (4 * data.net.param_count + 2 * data.net.bn_count) * sizeof(float);
	data_release(&data);
	return size;
}

static void
check_same_bits(const Case *test, Optimizer optimizer)
{
	float *run[] = {
		train(test, 1, optimizer, AT_ONCE, false), train(test, 2, optimizer, IN_PARTS, false),
		train(test, 2, optimizer, AT_ONCE, false), train(test, 3, optimizer, AT_ONCE, false),
		train(test, 2, optimizer, PREDICTING, false),
		train(test, 9, optimizer, AT_ONCE, false), /* more than half as many as slices: weights' gradients come last */
	};
	static const char *const how[] = { "", "gradient, reduce, update", "two threads", "three threads",
					   "predictions between the steps", "nine threads" };
	enum { WAYS = sizeof run / sizeof *run };
	int differs = 0;

	for (int i = 1; i < WAYS; i++)
		if (memcmp(run[0], run[i], trained_size(test)))
			differs = i;
	for (int i = 0; i < WAYS; i++)
		free(run[i]);
	CHECK(!differs, "%s: %s differ from a step by one thread", test->text, how[differs]);
}

/* Whose way back a step spares, an update spares alike. */
static void
check_frozen_bits(const Case *test, Optimizer optimizer)
{
	float *at_once = train(test, 2, optimizer, AT_ONCE, true), *in_parts = train(test, 3, optimizer, IN_PARTS, true);

	CHECK(!memcmp(at_once, in_parts, trained_size(test)), "%s: with frozen stages a step is not gradient, reduce, update", test->text);
	free(at_once);
	free(in_parts);
}

enum { KEPT = 4 }; /* vectors of parameters; averages last */

static void
read_kept(Backend *cpu, size_t params, float *to)
{
	static const Vector kept[KEPT] = { VECTOR_PARAM, VECTOR_M, VECTOR_V, VECTOR_EMA };

	for (size_t v = 0; v < KEPT; v++)
		cpu_backend.read(cpu, kept[v], to + v * params);
}

/* What is frozen stays to the bit, but for its averages; all else moves as if nothing were. */
static void
check_frozen(const Case *test)
{
	Data data;
	data_init(&data, test);
	const size_t params = data.net.param_count;
	Hyper now = hyper(1);
	float *before = malloc((3 * KEPT * params + 1) * sizeof *before);
	float *moved = before + KEPT * params, *found = moved + KEPT * params;
	Backend *plain = open_backend(&cpu_backend, &data, 2, OPTIMIZER_ADAM, true);
	Backend *freezing = open_backend(&cpu_backend, &data, 2, OPTIMIZER_ADAM, true);

	cpu_backend.step(plain, &data.batch, &now);
	cpu_backend.step(freezing, &data.batch, &now);
	read_kept(freezing, params, before);
	now = hyper(2);
	cpu_backend.step(plain, &data.batch, &now);
	read_kept(plain, params, moved);
	now.frozen = frozen_at(&data.net, 2);
	cpu_backend.step(freezing, &data.batch, &now);
	read_kept(freezing, params, found);
	const size_t frozen = net_params_before(&data.net, now.frozen);
	for (size_t v = 0; v < KEPT; v++, before += params, moved += params, found += params) {
		CHECK(!memcmp(found + frozen, moved + frozen, (params - frozen) * sizeof *found), "%s: what learns moves otherwise",
		      test->text);
		CHECK(v == KEPT - 1 || !memcmp(found, before, frozen * sizeof *found), "%s: what is frozen moves", test->text);
		for (size_t i = 0; v == KEPT - 1 && i < frozen; i++) {
			const double wanted = 0.9 * (double)before[i] + 0.1 * (double)found[i - v * params];
			CHECK(fabs((double)found[i] - wanted) <= 1e-6, "%s: an average is %g, not %g", test->text, (double)found[i], wanted);
		}
	}
	cpu_backend.close(plain);
	cpu_backend.close(freezing);
	free(before - KEPT * params);
	data_release(&data);
}

/* Rows or pixels with transforms against the pixels that these make: steps, then predictions. */
static void
check_transforms(const Case *test, int threads, Fill fill)
{
	Data data;
	data_init(&data, test);
	Moves moves = { .fill = fill, .value = 90, .state = 3 };
	const size_t params = data.net.param_count, size = (size_t)test->input.h * test->input.w * test->input.c;
	uint8_t *moved = malloc(MOST * size);
	float *found = malloc((params + 1) * sizeof *found), *wanted = malloc((params + 1) * sizeof *wanted);
	float prob[2][MOST * CLASSES];
	int64_t rows[MOST];
	Backend *before = open_backend(&cpu_backend, &data, 1, OPTIMIZER_SGD, true);
	Backend *along = open_backend(&cpu_backend, &data, threads, OPTIMIZER_SGD, true);
	Batch still = data.batch;

	for (int i = 0; i < MOST; i++)
		rows[i] = i;
	still.pixels = moved;
	CHECK(!cpu_backend.hold(along, 0, MOST, data.pixels), "%s", status_message());
	for (int step = 1; step <= STEPS; step++) {
		const Hyper now = hyper(step);
		moves.fill = step == STEPS ? FILL_CONSTANT : fill;
		moves_make(&moves, test->n, test->input, data.pixels, moved);
		Batch lazy = moves_batch(&moves, data.batch);
		lazy.pixels = step == 2 ? data.pixels : NULL;
		lazy.rows = rows;
		CHECK(!cpu_backend.step(before, &still, &now) && !cpu_backend.step(along, &lazy, &now), "%s", status_message());
	}
	cpu_backend.read(before, VECTOR_M, wanted);
	cpu_backend.read(along, VECTOR_M, found);
	CHECK(!memcmp(found, wanted, params * sizeof *found), "%s: %d threads, fill %s: gradients differ", test->text, threads,
	      fill_names[fill]);
	moves_make(&moves, MOST, test->input, data.pixels, moved);
	still.n = MOST;
	const Batch lazy = moves_batch(&moves, (Batch){ .n = MOST, .rows = rows });
	CHECK(!cpu_backend.predict(before, &still, VECTOR_PARAM, prob[0]) && !cpu_backend.predict(along, &lazy, VECTOR_PARAM, prob[1]),
	      "%s", status_message());
	CHECK(!memcmp(prob[0], prob[1], sizeof prob[0]), "%s: predictions differ", test->text);
	cpu_backend.close(before);
	cpu_backend.close(along);
	free(moved);
	free(found);
	free(wanted);
	data_release(&data);
}

/* Losses of a few steps, and predictions after them. */
static void
check_trajectory(const Case *test, Optimizer optimizer, bool freezes)
{
	Data data;
	data_init(&data, test);
	Backend *backend[2] = { open_backend(&cpu_backend, &data, 2, optimizer, true),
				open_backend(&ref_backend, &data, 1, optimizer, true) };
	const BackendTable *table[2] = { &cpu_backend, &ref_backend };
	float prob[2][MOST * CLASSES];
	Sums sums[2];

	for (uint64_t step = 1; step <= 4; step++) {
		Hyper now = hyper(step);
		now.frozen = freezes ? frozen_at(&data.net, step) : 0;
		for (int i = 0; i < 2; i++) {
			table[i]->step(backend[i], &data.batch, &now);
			table[i]->drain(backend[i], &sums[i]);
		}
		CHECK(fabs(sums[0].loss - sums[1].loss) <= path->trajectory * sums[1].loss, "%s: loss %.9g, not %.9g at step %d",
		      test->text, sums[0].loss, sums[1].loss, (int)step);
	}
	data.batch.n = MOST;
	for (int i = 0; i < 2; i++)
		table[i]->predict(backend[i], &data.batch, VECTOR_EMA, prob[i]);
	for (int i = 0; i < MOST * CLASSES; i++)
		CHECK(fabs((double)prob[0][i] - (double)prob[1][i]) <= 3 * path->trajectory, "%s: %g, not %g", test->text, (double)prob[0][i],
		      (double)prob[1][i]);
	for (int i = 0; i < 2; i++)
		table[i]->close(backend[i]);
	data_release(&data);
}

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

TEST(alone)
{
	check_alone();
}

TEST(same_bits)
{
	static const Optimizer optimizers[] = { OPTIMIZER_ADAM, OPTIMIZER_ADAMW, OPTIMIZER_SGD };
	for (int i = 0; i < CASES && check_ok; i++)
		check_same_bits(&cases[i], optimizers[i % 3]);
}

TEST(frozen_stages)
{
	static const Optimizer optimizers[] = { OPTIMIZER_ADAMW, OPTIMIZER_SGD, OPTIMIZER_ADAM };
	for (int i = 0; i < CASES && check_ok; i++) {
		check_frozen(&cases[i]);
		check_frozen_bits(&cases[i], optimizers[i % 3]);
		if (i % 5 == 0) /* a chain, branches */
			check_trajectory(&cases[i], optimizers[i % 3], true);
	}
}

TEST(transforms)
{
	static const int threads[] = { 1, 2, 3, 9 };
	for (int i = 0; i < CASES && check_ok; i++)
		check_transforms(&cases[i], threads[i % 4], (Fill)(i % FILL_COUNT));
}

TEST(trajectories)
{
	static const Optimizer optimizers[] = { OPTIMIZER_ADAM, OPTIMIZER_ADAMW, OPTIMIZER_SGD };
	for (int i = 0; i < 3 && check_ok; i++)
		check_trajectory(&cases[i], optimizers[i], false);
}

static bool
can_run(void)
{
	const BackendOptions options = { .batch_most = 1, .precision = path->precision };
	Backend *probe;
	Data data;

	data_init(&data, &cases[4]);
	const bool is_open = cpu_backend.open(&probe, device_host(), &data.net, data.param, data.bn, &options) >= 0;
	if (is_open)
		cpu_backend.close(probe);
	else
		printf("# %s\n", status_message());
	data_release(&data);
	return is_open;
}

int
main(void)
{
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		path = &paths[i];
		setenv("FM_CPU", path->instruction_set, 1);
		if (!can_run())
			continue;
		printf("# %s\n", path->instruction_set);
		RUN(gradients);
		RUN(predictions);
		RUN(alone);
		RUN(same_bits);
		RUN(frozen_stages);
		RUN(transforms);
		RUN(trajectories);
	}
	return check_done();
}
