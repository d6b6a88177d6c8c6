/* gpu/runs.h: a small network, its data and a few steps with it, for tests of one run against another, bit for bit. */
#ifndef FM_TESTS_GPU_RUNS_H
#define FM_TESTS_GPU_RUNS_H

#include "under_test.h"

#include "device/device.h"
#include "unit/check.h"

#include <stdlib.h>
#include <string.h>

enum { SAMPLES = 11, SIDE = 8, CLASSES = 3, PICTURE = SIDE * SIDE * 2 };

static const BackendTable *cuda;
static Net net;
static float *param, *bn;
static uint8_t pixels[SAMPLES * PICTURE];
static int32_t labels[SAMPLES];
static int64_t ids[SAMPLES];
static Batch batch;
static uint32_t frozen; /* stages, in the steps to come */

static const BackendOptions training = {
	.is_training = true, .precision = PRECISION_FP32, .batch_most = SAMPLES, .seed = 2, .optimizer = OPTIMIZER_ADAMW,
	.ema_rate = 0.5
};

static inline Backend *
open_backend(const BackendOptions *options)
{
	Backend *backend;

	if (cuda->open(&backend, under_test_host(), &net, param, bn, options) < 0) {
		printf("# %s\n", status_message());
		exit(1);
	}
	return backend;
}

static inline Hyper
hyper(uint64_t step)
{
	return (Hyper){ .step = step, .rate = 0.01, .beta1 = 0.9, .weight_decay = 0.1, .frozen = frozen };
}

static inline size_t
vector_size(Vector vector)
{
	const bool is_bn = vector == VECTOR_BN || vector == VECTOR_EMA_BN || vector == VECTOR_BEST_BN;

	return (is_bn ? net.bn_count : net.param_count) * sizeof(float);
}

/* All vectors, one after the other; freed by whoever asked. */
static inline float *
read_all(Backend *backend)
{
	const size_t most = net.param_count + net.bn_count;
	float *all = calloc(VECTOR_COUNT * most, sizeof *all);

	for (int i = 0; i < VECTOR_COUNT; i++)
		if (cuda->read(backend, i, all + i * most) < 0)
			abort();
	return all;
}

static inline bool
are_equal(const float *a, const float *b)
{
	return !memcmp(a, b, VECTOR_COUNT * (net.param_count + net.bn_count) * sizeof *a);
}

static inline bool
end_alike(Backend *a, Backend *b)
{
	float *left = read_all(a), *right = read_all(b);
	const bool is_equal = are_equal(left, right);

	free(left);
	free(right);
	cuda->close(a);
	cuda->close(b);
	return is_equal;
}

/* How a step is taken: whole; gradient and update apart; with a prediction between them. */
typedef enum Way { AT_ONCE, IN_PARTS, PREDICTING } Way;

static inline Status
take_step(Backend *backend, Way way, uint64_t step)
{
	const Hyper now = hyper(step);
	Batch some = batch;
	float prob[SAMPLES * CLASSES];
	Status status;

	some.n = step % 3 ? SAMPLES : 5; /* graphs of two sizes */
	some.epoch = (uint32_t)step;
	if (way == AT_ONCE)
		return cuda->step(backend, &some, &now);
	status = cuda->gradient(backend, &some);
	if (status >= 0 && way == PREDICTING)
		status = cuda->predict(backend, &batch, VECTOR_PARAM, prob);
	return status < 0 ? status : cuda->update(backend, &now);
}

static inline void
make_data(void)
{
	for (size_t i = 0; i < sizeof pixels; i++)
		pixels[i] = (uint8_t)(i * 97 + i * i % 13);
	for (int i = 0; i < SAMPLES; i++) {
		labels[i] = i * i % CLASSES;
		ids[i] = 1000 - i;
	}
	batch = (Batch){ .n = SAMPLES, .pixels = pixels, .label_a = labels, .ids = ids, .epoch = 1 };
	param = calloc(net.param_count, sizeof *param);
	bn = calloc(net.bn_count, sizeof *bn);
	net_initialise(&net, 4, param, bn);
}

static inline void
release_data(void)
{
	free(param);
	free(bn);
	net_release(&net);
}

#endif
