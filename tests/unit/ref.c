/* The backend door as the reference keeps it: what backend.h promises of every backend, bit for bit. */
#include "ref/ref.h"

#include "pixel/transform.h"
#include "unit/check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLES = 6, SIDE = 6, CLASSES = 3 };

static const BackendHost host = { .fail = fail };
static const BackendTable *const ref = &ref_backend;
static Net net;
static float *param, *bn;
static uint8_t pixels[SAMPLES * SIDE * SIDE];
static const int32_t labels[SAMPLES] = { 0, 1, 2, 2, 1, 0 };
static const int64_t ids[SAMPLES] = { 9, 8, 7, 6, 5, 4 };

static const Batch batch = { .n = SAMPLES, .pixels = pixels, .label_a = labels, .ids = ids, .epoch = 1 };
static const BackendOptions training = {
	.is_training = true, .batch_most = SAMPLES, .seed = 2, .optimizer = OPTIMIZER_ADAM, .ema_rate = 0.5
};

static Backend *
open_backend(const BackendOptions *options)
{
	Backend *backend;

	if (ref->open(&backend, &host, &net, param, bn, options))
		abort();
	return backend;
}

static Hyper
hyper(uint64_t step)
{
	return (Hyper){ .step = step, .rate = 0.01, .beta1 = 0.9 };
}

/* Are all vectors of two backends the same bits? */
static bool
are_equal(Backend *a, Backend *b)
{
	bool equal = true;

	for (int i = 0; i < VECTOR_COUNT; i++) {
		float *left = calloc(net.param_count, sizeof *left), *right = calloc(net.param_count, sizeof *right);

		if (ref->read(a, i, left) || ref->read(b, i, right))
			abort();
		equal = equal && !memcmp(left, right, net.param_count * sizeof *left);
		free(left);
		free(right);
	}
	return equal;
}

TEST(step_is_gradient_and_update)
{
	Backend *whole = open_backend(&training), *parts = open_backend(&training);

	for (uint64_t t = 1; t <= 3; t++) {
		Hyper now = hyper(t);

		CHECK(!ref->step(whole, &batch, &now), "%s", status_message());
		CHECK(!ref->gradient(parts, &batch) && !ref->update(parts, &now), "%s", status_message());
	}
	CHECK(are_equal(whole, parts), "vectors differ");
	ref->close(whole);
	ref->close(parts);
}

/* A prediction uses other statistics, and leaves those of the batch alone. */
TEST(prediction_between_gradient_and_update)
{
	Backend *plain = open_backend(&training), *asked = open_backend(&training);
	float prob[SAMPLES * CLASSES];
	Hyper first = hyper(1);

	CHECK(!ref->step(plain, &batch, &first), "%s", status_message());
	CHECK(!ref->gradient(asked, &batch) && !ref->predict(asked, &batch, VECTOR_PARAM, prob) &&
	      !ref->update(asked, &first), "%s", status_message());
	CHECK(are_equal(plain, asked), "vectors differ");
	ref->close(plain);
	ref->close(asked);
}

TEST(held_rows_are_pixels)
{
	static const int64_t rows[SAMPLES] = { 5, 4, 3, 2, 1, 0 };
	uint8_t turned[sizeof pixels];
	Backend *sent = open_backend(&training), *held = open_backend(&training);
	Batch by_row = batch;
	Hyper first = hyper(1);

	for (size_t i = 0; i < SAMPLES; i++)
		memcpy(turned + i * SIDE * SIDE, pixels + (SAMPLES - 1 - i) * SIDE * SIDE, SIDE * SIDE);
	by_row.pixels = NULL;
	by_row.rows = rows;
	CHECK(ref->gradient(held, &by_row) == STATUS_USAGE, "rows that nobody held");
	CHECK(ref->hold(held, 1, 1, turned) == STATUS_USAGE, "a gap");
	CHECK(!ref->hold(held, 0, 4, turned) && !ref->hold(held, 4, 2, turned + (size_t)4 * SIDE * SIDE), "%s",
	      status_message());
	CHECK(!ref->step(sent, &batch, &first) && !ref->step(held, &by_row, &first), "%s", status_message());
	CHECK(are_equal(sent, held), "vectors differ");
	ref->close(sent);
	ref->close(held);
}

/* A transform with the batch is the transform before it. */
TEST(transforms_are_pixels)
{
	static const Transform shift = { { 1 << 20, 0, 3 << 19, 0, 1 << 20, -(1 << 20) }, { 65536, 0 }, { 1, 2, 2, 3, 200 } };
	uint8_t moved[sizeof pixels];
	int32_t affine[6 * SAMPLES], tone[2 * SAMPLES], erase[5 * SAMPLES];
	Backend *before = open_backend(&training), *along = open_backend(&training);
	Batch warped = batch, lazy = batch;
	Hyper first = hyper(1);

	for (size_t i = 0; i < SAMPLES; i++) {
		transform_apply(&shift, FILL_CONSTANT, 7, SIDE, SIDE, 1, pixels + i * SIDE * SIDE, moved + i * SIDE * SIDE);
		memcpy(affine + 6 * i, shift.affine, sizeof shift.affine);
		memcpy(tone + 2 * i, shift.tone, sizeof shift.tone);
		memcpy(erase + 5 * i, shift.erase, sizeof shift.erase);
	}
	warped.pixels = moved;
	lazy.affine = affine;
	lazy.tone = tone;
	lazy.erase = erase;
	lazy.fill = FILL_CONSTANT;
	lazy.fill_value = 7;
	CHECK(memcmp(moved, pixels, sizeof moved) != 0, "nothing moved");
	CHECK(!ref->step(before, &warped, &first) && !ref->step(along, &lazy, &first), "%s", status_message());
	CHECK(are_equal(before, along), "vectors differ");
	ref->close(before);
	ref->close(along);
}

static Status
scale_by_four(void *context, float *vector, size_t count, bool is_device)
{
	(void)context;
	if (is_device || count != net.param_count + 1)
		return STATUS_DEVICE;
	for (size_t i = 0; i < count; i++)
		vector[i] *= 4; /* as if four ranks had the same batch */
	return STATUS_OK;
}

TEST(reduce_is_a_sum)
{
	Backend *one = open_backend(&training), *four = open_backend(&training);
	Hyper first = hyper(1);

	CHECK(!ref->step(one, &batch, &first), "%s", status_message());
	CHECK(!ref->gradient(four, &batch) && !ref->reduce(four, scale_by_four, NULL) && !ref->update(four, &first), "%s",
	      status_message());
	CHECK(are_equal(one, four), "vectors differ");
	ref->close(one);
	ref->close(four);
}

/* lambda 1 is label_a alone; sums count weights. */
TEST(weights_and_mixing)
{
	const float weight[SAMPLES] = { 2, 0, 1, 1, 0.5F, 0.5F }, lambda[SAMPLES] = { 1, 0, 1, 0, 1, 0 };
	const int32_t other[SAMPLES] = { 1, 1, 0, 2, 2, 0 }; /* where lambda is 0 as label_a */
	Backend *plain = open_backend(&training), *mixed = open_backend(&training);
	Batch weighted = batch, both;
	Hyper first = hyper(1);
	Sums sums, same;

	weighted.weight = weight;
	both = weighted;
	both.label_b = other;
	both.lambda = lambda;
	CHECK(!ref->step(plain, &weighted, &first) && !ref->step(mixed, &both, &first), "%s", status_message());
	CHECK(!ref->drain(plain, &sums) && !ref->drain(mixed, &same), "%s", status_message());
	CHECK(sums.weight == 5 && sums.n == SAMPLES && sums.loss == same.loss, "%g %g", sums.weight, sums.loss);
	CHECK(are_equal(plain, mixed), "vectors differ");
	CHECK(!ref->drain(plain, &sums) && sums.loss == 0 && sums.n == 0, "drained twice");
	ref->close(plain);
	ref->close(mixed);
}

TEST(averages_follow)
{
	Backend *backend = open_backend(&training);
	float *now = calloc(net.param_count, sizeof *now), *ema = calloc(net.param_count, sizeof *ema);
	float *running = calloc(net.bn_count, sizeof *running), *ema_bn = calloc(net.bn_count, sizeof *ema_bn);
	Hyper first = hyper(1);

	CHECK(!ref->step(backend, &batch, &first), "%s", status_message());
	CHECK(!ref->read(backend, VECTOR_PARAM, now) && !ref->read(backend, VECTOR_EMA, ema) &&
	      !ref->read(backend, VECTOR_BN, running) && !ref->read(backend, VECTOR_EMA_BN, ema_bn), "%s", status_message());
	for (size_t i = 0; i < net.param_count; i++)
		CHECK(ema[i] == (float)(0.5 * param[i] + 0.5 * now[i]), "ema[%zu]", i);
	for (size_t i = 0; i < net.bn_count; i++)
		CHECK(running[i] != bn[i] && ema_bn[i] == (float)(0.5 * bn[i] + 0.5 * running[i]), "ema.bn[%zu]", i);
	free(now);
	free(ema);
	free(running);
	free(ema_bn);
	ref->close(backend);
}

TEST(after_a_loss_that_is_not_finite_nothing_moves)
{
	Backend *backend = open_backend(&training), *good = open_backend(&training);
	float *broken = calloc(net.param_count, sizeof *broken);
	Sums sums;

	for (uint64_t t = 1; t <= 2; t++) {
		Hyper now = hyper(t);

		CHECK(!ref->step(backend, &batch, &now) && !ref->step(good, &batch, &now), "%s", status_message());
	}
	CHECK(!ref->read(backend, VECTOR_PARAM, broken), "%s", status_message());
	broken[net.param_count - 1] = NAN; /* a bias of the last layer */
	CHECK(!ref->write(backend, VECTOR_PARAM, broken), "%s", status_message());
	for (uint64_t t = 3; t <= 5; t++) {
		Hyper now = hyper(t);

		CHECK(!ref->step(backend, &batch, &now), "%s", status_message());
		CHECK(!ref->read(good, VECTOR_PARAM, broken) && !ref->write(backend, VECTOR_PARAM, broken), "%s",
		      status_message());
	}
	CHECK(!ref->drain(backend, &sums) && sums.bad_step == 3 && !isfinite(sums.loss), "bad step %llu",
	      (unsigned long long)sums.bad_step);
	CHECK(!ref->drain(backend, &sums) && sums.bad_step == 3 && sums.loss == 0, "the bad step does not stay");
	CHECK(are_equal(backend, good), "vectors moved");
	free(broken);
	ref->close(backend);
	ref->close(good);
}

TEST(samples_that_all_weigh_nothing)
{
	static const float none[SAMPLES];
	BackendOptions options = training;
	Batch nothing = batch;
	Backend *backend;
	float *now = calloc(net.param_count, sizeof *now);
	Hyper first = hyper(1);
	Sums sums;

	options.optimizer = OPTIMIZER_SGD;
	nothing.weight = none;
	backend = open_backend(&options);
	CHECK(!ref->step(backend, &nothing, &first) && !ref->drain(backend, &sums), "%s", status_message());
	CHECK(sums.bad_step == 0 && sums.loss == 0, "%g", sums.loss);
	CHECK(!ref->read(backend, VECTOR_PARAM, now) && !memcmp(now, param, net.param_count * sizeof *now), "they moved");
	free(now);
	ref->close(backend);
}

TEST(prediction_knows_no_batch)
{
	const BackendOptions predicting = { .batch_most = SAMPLES };
	Backend *backend = open_backend(&predicting);
	float together[SAMPLES * CLASSES], alone[CLASSES];

	CHECK(!ref->predict(backend, &batch, VECTOR_PARAM, together), "%s", status_message());
	for (size_t i = 0; i < SAMPLES; i++) {
		Batch one = { .n = 1, .pixels = pixels + i * SIDE * SIDE };
		double sum = 0;

		CHECK(!ref->predict(backend, &one, VECTOR_PARAM, alone), "%s", status_message());
		CHECK(!memcmp(alone, together + i * CLASSES, sizeof alone), "sample %zu", i);
		for (size_t k = 0; k < CLASSES; k++)
			sum += alone[k];
		CHECK(fabs(sum - 1) < 1e-6, "sum %g", sum);
	}
	CHECK(ref->predict(backend, &batch, VECTOR_EMA, together) == STATUS_USAGE, "averages without training");
	CHECK(ref->gradient(backend, &batch) == STATUS_USAGE, "a gradient without training");
	ref->close(backend);
}

TEST(best_is_a_copy)
{
	Backend *backend = open_backend(&training);
	float before[SAMPLES * CLASSES], best[SAMPLES * CLASSES];

	for (uint64_t t = 1; t <= 4; t++) {
		Hyper now = hyper(t);

		CHECK(!ref->step(backend, &batch, &now), "%s", status_message());
		if (t == 2)
			CHECK(!ref->predict(backend, &batch, VECTOR_EMA, before) &&
			      !ref->copy(backend, VECTOR_BEST, VECTOR_EMA) &&
			      !ref->copy(backend, VECTOR_BEST_BN, VECTOR_EMA_BN), "%s", status_message());
	}
	CHECK(!ref->predict(backend, &batch, VECTOR_BEST, best), "%s", status_message());
	CHECK(!memcmp(before, best, sizeof best), "the copy moved");
	CHECK(ref->copy(backend, VECTOR_BEST, VECTOR_BN) == STATUS_USAGE, "lengths differ");
	ref->close(backend);
}

TEST(what_it_refuses)
{
	const int32_t wrong[SAMPLES] = { 0, 1, 2, 3, 0, 0 }, unknown[SAMPLES] = { 0, -1, 0, 0, 0, 0 };
	BackendOptions options = { .batch_most = 1, .precision = PRECISION_INT8 };
	Backend *backend;
	Batch bad = batch;

	CHECK(ref->open(&backend, &host, &net, param, bn, &options) == STATUS_USAGE, "int8");
	backend = open_backend(&training);
	bad.label_a = wrong;
	CHECK(ref->gradient(backend, &bad) == STATUS_INPUT, "label 3 of 3 classes");
	bad.label_a = unknown;
	CHECK(ref->gradient(backend, &bad) == STATUS_INPUT, "label -1");
	bad = batch;
	bad.n = SAMPLES + 1;
	CHECK(ref->gradient(backend, &bad) == STATUS_USAGE, "too large a batch");
	ref->close(backend);
}

int
main(void)
{
	if (net_init(&net, "conv 4 3x3 same, bn, relu, maxpool 2, flatten, dense 5, bn, relu, dropout 0.5, dense classes",
		     (Shape){ SIDE, SIDE, 1, false }, CLASSES))
		return 1;
	param = calloc(net.param_count, sizeof *param);
	bn = calloc(net.bn_count, sizeof *bn);
	net_initialise(&net, 4, param, bn);
	for (size_t i = 0; i < sizeof pixels; i++)
		pixels[i] = (uint8_t)(i * 97 + i * i % 13);
	RUN(step_is_gradient_and_update);
	RUN(prediction_between_gradient_and_update);
	RUN(held_rows_are_pixels);
	RUN(transforms_are_pixels);
	RUN(reduce_is_a_sum);
	RUN(weights_and_mixing);
	RUN(averages_follow);
	RUN(after_a_loss_that_is_not_finite_nothing_moves);
	RUN(samples_that_all_weigh_nothing);
	RUN(prediction_knows_no_batch);
	RUN(best_is_a_copy);
	RUN(what_it_refuses);
	free(param);
	free(bn);
	net_release(&net);
	return check_done();
}
