/* The CUDA backend's door: what backend.h promises, bit for bit, in every order of threads and streams. */
#include "runs.h"

#include "kernels/moves.h"

#include <math.h>

TEST(vectors_come_back_as_written)
{
	Backend *backend = open_backend(&training);
	float *values = calloc(net.param_count + net.bn_count, sizeof *values), *back = calloc(net.param_count + net.bn_count, sizeof *back);

	for (int i = 0; i < VECTOR_COUNT; i++) {
		const size_t size = vector_size(i);

		for (size_t k = 0; k < size / sizeof *values; k++)
			values[k] = (float)(k * 3 + (size_t)i);
		CHECK(!cuda->write(backend, i, values) && !cuda->read(backend, i, back), "%s", status_message());
		CHECK(!memcmp(values, back, size), "vector %d", i);
	}
	CHECK(!cuda->copy(backend, VECTOR_BEST, VECTOR_M) && !cuda->read(backend, VECTOR_BEST, back), "%s", status_message());
	CHECK(back[5] == 5 * 3 + VECTOR_M, "%g", (double)back[5]);
	CHECK(cuda->copy(backend, VECTOR_BEST, VECTOR_BN) == STATUS_USAGE, "lengths differ");
	cuda->close(backend);
	free(values);
	free(back);
}

/* ---- pictures ---- */

TEST(held_rows_are_pixels)
{
	static uint8_t turned[sizeof pixels];
	int64_t rows[SAMPLES];
	Backend *sent = open_backend(&training), *held = open_backend(&training);
	Batch by_row = batch;

	for (size_t i = 0; i < SAMPLES; i++) {
		rows[i] = (int64_t)(SAMPLES - 1 - i);
		memcpy(turned + i * PICTURE, pixels + (SAMPLES - 1 - i) * PICTURE, PICTURE);
	}
	by_row.pixels = NULL;
	by_row.rows = rows;
	CHECK(cuda->gradient(held, &by_row) == STATUS_USAGE, "rows that nobody held");
	CHECK(cuda->hold(held, 1, 1, turned) == STATUS_USAGE, "a gap");
	CHECK(!cuda->hold(held, 0, 4, turned), "%s", status_message());
	for (uint64_t i = 4; i < SAMPLES; i++)
		CHECK(!cuda->hold(held, i, 1, turned + i * PICTURE), "%s", status_message());
	for (uint64_t step = 1; step <= 5; step++) {
		const Hyper now = hyper(step);

		CHECK(!cuda->step(sent, &batch, &now) && !cuda->step(held, &by_row, &now), "%s", status_message());
	}
	CHECK(end_alike(sent, held), "vectors differ");
}

/* A transform with the batch is the transform before it, bit for bit. */
static void
check_transforms(Fill fill)
{
	static uint8_t moved[sizeof pixels];
	Moves moves = { .fill = fill, .value = 7, .state = 9 + fill };
	Backend *before = open_backend(&training), *along = open_backend(&training);
	Batch warped = batch;

	warped.pixels = moved;
	for (uint64_t step = 1; step <= 5; step++) {
		const Hyper now = hyper(step);

		moves_make(&moves, SAMPLES, net.input, pixels, moved);
		const Batch lazy = moves_batch(&moves, batch);
		CHECK(!cuda->step(before, &warped, &now) && !cuda->step(along, &lazy, &now), "%s", status_message());
	}
	CHECK(end_alike(before, along), "fill %s: vectors differ", fill_names[fill]);
}

TEST(transforms_are_pixels)
{
	for (int fill = 0; fill < FILL_COUNT && check_ok; fill++)
		check_transforms(fill);
}

/* ---- losses, weights, averages ---- */

TEST(weights_and_mixing)
{
	float weight[SAMPLES] = { 2, 0, 1, 1, 0.5F, 0.5F }, lambda[SAMPLES] = { 1, 0, 1, 0, 1, 0 };
	int32_t other[SAMPLES];
	Backend *plain = open_backend(&training), *mixed = open_backend(&training);
	Batch weighted = batch, both;
	const Hyper first = hyper(1);
	Sums sums, same;

	for (size_t i = 0; i < SAMPLES; i++)
		other[i] = lambda[i] == 0 ? labels[i] : (labels[i] + 1) % CLASSES; /* where lambda is 0 as label_a */
	weighted.weight = weight;
	both = weighted;
	both.label_b = other;
	both.lambda = lambda;
	CHECK(!cuda->step(plain, &weighted, &first) && !cuda->step(mixed, &both, &first), "%s", status_message());
	CHECK(!cuda->drain(plain, &sums) && !cuda->drain(mixed, &same), "%s", status_message());
	CHECK(sums.weight == 5 && sums.n == SAMPLES && sums.loss == same.loss, "%g %g", sums.weight, sums.loss);
	CHECK(!cuda->drain(plain, &sums) && sums.loss == 0 && sums.n == 0, "drained twice");
	CHECK(end_alike(plain, mixed), "vectors differ");
}

/* However late somebody asks: each step's own sums, which the sum of all is made of in their order. */
TEST(sums_step_by_step)
{
	Backend *asked = open_backend(&training), *queued = open_backend(&training);
	Sums alone[5], each[BACKEND_QUEUE_MOST], sums;
	uint32_t count;

	for (uint64_t step = 1; step <= 5; step++) {
		CHECK(!take_step(asked, AT_ONCE, step) && !take_step(queued, AT_ONCE, step), "%s", status_message());
		CHECK(!cuda->drain(asked, &alone[step - 1]), "%s", status_message());
	}
	CHECK(!cuda->drain_each(queued, each, &count) && count == 5, "%u steps", count);
	for (int i = 0; i < 5; i++)
		CHECK(each[i].loss == alone[i].loss && each[i].weight == alone[i].weight && each[i].correct == alone[i].correct &&
		      each[i].n == alone[i].n && !each[i].bad_step, "step %d: %g, not %g", i + 1, each[i].loss, alone[i].loss);
	CHECK(!cuda->drain_each(queued, each, &count) && count == 0, "%u steps are left", count);
	for (int i = 0; i < BACKEND_QUEUE_MOST + 3; i++)
		CHECK(!cuda->gradient(queued, &batch), "%s", status_message());
	CHECK(!cuda->drain(queued, &sums) && sums.n == (BACKEND_QUEUE_MOST + 3) * SAMPLES, "%g samples", sums.n);
	CHECK(end_alike(asked, queued), "vectors differ");
}

TEST(samples_that_all_weigh_nothing)
{
	const float none[SAMPLES] = { 0 };
	BackendOptions options = training;
	Batch nothing = batch;
	float *now = calloc(net.param_count, sizeof *now);
	const Hyper first = hyper(1);
	Backend *backend;
	Sums sums;

	options.optimizer = OPTIMIZER_ADAM;
	nothing.weight = none;
	backend = open_backend(&options);
	CHECK(!cuda->step(backend, &nothing, &first) && !cuda->drain(backend, &sums), "%s", status_message());
	CHECK(sums.bad_step == 0 && sums.loss == 0, "%g", sums.loss);
	CHECK(!cuda->read(backend, VECTOR_PARAM, now) && !memcmp(now, param, net.param_count * sizeof *now), "they moved");
	free(now);
	cuda->close(backend);
}

TEST(after_a_loss_that_is_not_finite_nothing_moves)
{
	Backend *backend = open_backend(&training);
	float *values = calloc(net.param_count + net.bn_count, sizeof *values), *before, *after;
	Sums sums;

	for (uint64_t step = 1; step <= 3; step++)
		CHECK(!take_step(backend, AT_ONCE, step), "%s", status_message());
	CHECK(!cuda->read(backend, VECTOR_PARAM, values), "%s", status_message());
	values[net.param_count - 1] = NAN; /* a bias of the last layer */
	CHECK(!cuda->write(backend, VECTOR_PARAM, values), "%s", status_message());
	before = read_all(backend);
	for (uint64_t step = 4; step <= 6; step++)
		CHECK(!take_step(backend, AT_ONCE, step), "%s", status_message());
	after = read_all(backend);
	CHECK(!cuda->drain(backend, &sums) && sums.bad_step == 4 && !isfinite(sums.loss), "step %g", (double)sums.bad_step);
	CHECK(!cuda->drain(backend, &sums) && sums.bad_step == 4, "it stays");
	CHECK(are_equal(before, after), "they moved");
	cuda->close(backend);
	free(values);
	free(before);
	free(after);
}

TEST(averages_follow)
{
	Backend *backend = open_backend(&training);
	float *now = calloc(net.param_count, sizeof *now), *ema = calloc(net.param_count, sizeof *ema);
	const Hyper first = hyper(1);

	CHECK(!cuda->step(backend, &batch, &first), "%s", status_message());
	CHECK(!cuda->read(backend, VECTOR_PARAM, now) && !cuda->read(backend, VECTOR_EMA, ema), "%s", status_message());
	for (size_t i = 0; i < net.param_count; i++)
		CHECK(fabs((double)ema[i] - (0.5 * (double)param[i] + 0.5 * (double)now[i])) <= 1e-7, "ema[%zu]", i);
	free(now);
	free(ema);
	cuda->close(backend);
}

/* ---- refusals ---- */

TEST(what_it_refuses)
{
	const int32_t wrong[SAMPLES] = { 0, 1, 2, CLASSES }, unknown[SAMPLES] = { 0, -1 };
	const BackendOptions predicting = { .batch_most = SAMPLES, .precision = PRECISION_FP32 };
	BackendOptions options = { .batch_most = 1, .precision = PRECISION_INT8 };
	const Hyper nothing = { .step = 1, .frozen = (uint32_t)net.stage_count };
	float prob[SAMPLES * CLASSES];
	Backend *backend;
	Batch bad = batch;

	CHECK(cuda->open(&backend, under_test_host(), &net, param, bn, &options) == STATUS_USAGE && !backend, "int8");
	backend = open_backend(&training);
	bad.label_a = wrong;
	CHECK(cuda->gradient(backend, &bad) == STATUS_INPUT, "a label too large");
	bad.label_a = unknown;
	CHECK(cuda->gradient(backend, &bad) == STATUS_INPUT, "label -1");
	bad = batch;
	bad.n = SAMPLES + 1;
	CHECK(cuda->gradient(backend, &bad) == STATUS_USAGE, "too large a batch");
	CHECK(cuda->predict(backend, &batch, VECTOR_BN, prob) == STATUS_USAGE, "statistics aren't weights");
	CHECK(cuda->step(backend, &batch, &nothing) == STATUS_USAGE && cuda->update(backend, &nothing) == STATUS_USAGE,
	      "a step in which no stage learns");
	cuda->close(backend);
	backend = open_backend(&predicting);
	CHECK(cuda->predict(backend, &batch, VECTOR_EMA, prob) == STATUS_USAGE, "averages without training");
	CHECK(cuda->gradient(backend, &batch) == STATUS_USAGE, "a gradient without training");
	cuda->close(backend);
}

/* ---- only where the device can be watched and broken ---- */

TEST(a_step_is_captured_once)
{
	const GraphCounts before = under_test_graphs();
	Backend *backend = open_backend(&training);
	GraphCounts after;

	for (uint64_t step = 1; step <= 40; step++) {
		const Hyper now = hyper(step);

		CHECK(!cuda->step(backend, &batch, &now), "%s", status_message());
	}
	cuda->close(backend);
	after = under_test_graphs();
	if (!after.launched)
		return;
	CHECK(after.made - before.made == 2, "%llu graphs for two records", after.made - before.made);
	CHECK(after.launched - before.launched == 38, "%llu launches", after.launched - before.launched);
}

/* Kernels of a step, however many have run before. */
static unsigned long long
launches_of(uint32_t stages)
{
	Backend *backend = open_backend(&training);
	const unsigned long long before = under_test_launches();
	Sums sums;

	frozen = stages;
	if (take_step(backend, AT_ONCE, 1) < 0 || cuda->drain(backend, &sums) < 0)
		abort();
	frozen = 0;
	cuda->close(backend);
	return under_test_launches() - before;
}

/*
 * Not of a frozen stage: sums for batch norm's gradient, what follows from them, dy, the weights' gradient in slices and their
 * sum; not of the next one: its weights turned, the derivative by what it reads.
 */
TEST(frozen_stages_have_no_way_back)
{
	const unsigned long long all = launches_of(0), one = launches_of(1), two = launches_of(2);

	if (!all)
		return;
	CHECK(one + 7 <= all && two + 7 <= one, "%llu kernels, %llu, %llu", all, one, two);
}

TEST(memory_runs_out_and_comes_back)
{
	const unsigned long long before = under_test_memory();
	unsigned long long memory = before;
	Backend *backend;

	/* at every one of what a backend asks for, until all of it fits */
	for (; under_test_damage(memory, false); memory += 1 << 13) {
		if (!cuda->open(&backend, under_test_host(), &net, param, bn, &training))
			break;
		CHECK(!backend && strstr(status_message(), "out of memory") && strstr(status_message(), "--batch"), "%s",
		      status_message());
		CHECK(under_test_memory() == before, "%llu bytes are left", under_test_memory() - before);
	}
	if (memory == before)
		return;
	cuda->close(backend);
	under_test_damage(1 << 30, false);
	CHECK(under_test_memory() == before, "%llu bytes are left", under_test_memory() - before);
	backend = open_backend(&training);
	cuda->close(backend);
	CHECK(under_test_memory() == before, "%llu bytes are left", under_test_memory() - before);
}

/* A data set that doesn't fit is refused, and steps go on with pixels. */
TEST(too_large_a_data_set)
{
	Backend *backend = open_backend(&training);
	uint8_t *many;
	const uint64_t rows = (64 << 20) / PICTURE;

	if (!under_test_damage(under_test_memory() + (16 << 20), false))
		return cuda->close(backend);
	many = calloc(rows, PICTURE);
	CHECK(cuda->hold(backend, 0, rows, many) == STATUS_DEVICE, "it fits");
	free(many);
	for (uint64_t step = 1; step <= 3; step++)
		CHECK(!take_step(backend, AT_ONCE, step), "%s", status_message());
	under_test_damage(1 << 30, false);
	cuda->close(backend);
}

TEST(a_lost_device_is_one_clear_line)
{
	Backend *backend = open_backend(&training);
	const Hyper now = hyper(1);
	float prob[SAMPLES * CLASSES];
	Sums sums;

	if (!under_test_damage(1 << 30, true))
		return cuda->close(backend);
	CHECK(cuda->step(backend, &batch, &now) == STATUS_DEVICE, "a step");
	CHECK(strstr(status_message(), "ECC"), "%s", status_message());
	CHECK(cuda->drain(backend, &sums) == STATUS_DEVICE, "drain");
	CHECK(cuda->predict(backend, &batch, VECTOR_PARAM, prob) == STATUS_DEVICE, "predict");
	CHECK(cuda->read(backend, VECTOR_PARAM, param) == STATUS_DEVICE, "read");
	under_test_damage(1 << 30, false);
	cuda->close(backend);
}

int
main(void)
{
	const char *why;

	cuda = under_test(&why);
	if (!cuda) {
		printf("1..1\nok 1 - the door # SKIP %s\n", why);
		return 0;
	}
	if (net_init(&net, "conv 4 3x3 same, bn, relu, maxpool 2, flatten, dense 5, bn, relu, dropout 0.5, dense classes",
		     (Shape){ SIDE, SIDE, 2, false }, CLASSES))
		return 1;
	make_data();
	RUN(vectors_come_back_as_written);
	RUN(held_rows_are_pixels);
	RUN(transforms_are_pixels);
	RUN(weights_and_mixing);
	RUN(sums_step_by_step);
	RUN(samples_that_all_weigh_nothing);
	RUN(after_a_loss_that_is_not_finite_nothing_moves);
	RUN(averages_follow);
	RUN(what_it_refuses);
	RUN(a_step_is_captured_once);
	RUN(memory_runs_out_and_comes_back);
	RUN(too_large_a_data_set);
	RUN(a_lost_device_is_one_clear_line);
	release_data();
	if (net_init(&net, "conv 8 3x3 same, bn, relu, conv 8 3x3 same, bn, relu, conv 8 3x3 same, bn, relu, globalavgpool, "
		     "dense classes", (Shape){ SIDE, SIDE, 2, false }, CLASSES))
		return 1;
	make_data();
	RUN(frozen_stages_have_no_way_back);
	release_data();
	return check_done();
}
