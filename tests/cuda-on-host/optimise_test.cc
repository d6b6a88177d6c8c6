/* Each optimiser, weight decay, the averages, the running statistics and what stays frozen, step by step against the reference. */
#include "compare.h"
#include "optimise.h"

#include <algorithm>

enum { STEPS = 4, BN = 300 };

/* Tensors as cut into runs: whole, one element, a rest; every other one is decayed. */
static const Run runs[] = { { 0, RUN_ELEMENTS, 1 }, { 1024, 500, 1 }, { 1524, 1, 0 }, { 1525, 255, 0 }, { 1780, 257, 1 } };
enum { RUNS = sizeof runs / sizeof *runs, COUNT = 1780 + 257 };

/* Elements that stay as they are: none, two whole tensors, part of another one too. */
static const uint32_t bounds[] = { 0, 1524, 1600 };

static const Optimizer optimizers[] = { OPTIMIZER_SGD, OPTIMIZER_ADAM, OPTIMIZER_ADAMW };

static Hyper
hyper(uint64_t step)
{
	Hyper now = {};

	now.step = step;
	now.rate = 0.01 / static_cast<double>(step);
	now.beta1 = step % 2 ? 0.9 : 0.85;
	now.weight_decay = 0.1;
	return now;
}

/* As step.cc sends it. */
static Head
head_of(const Hyper &now, uint32_t frozen)
{
	Head head = {};

	head.rate = now.rate;
	head.beta1 = now.beta1;
	head.weight_decay = now.weight_decay;
	head.correct1 = 1 - pow(now.beta1, static_cast<double>(now.step));
	head.correct2 = 1 - pow(ADAM_BETA2, static_cast<double>(now.step));
	head.keep = 1 - now.rate * now.weight_decay;
	head.step = now.step;
	head.frozen = frozen;
	return head;
}

/* All that an update changes. */
struct Vectors {
	Floats param, m, v, ema, bn, ema_bn;
};

static Vectors
some_vectors(void)
{
	Vectors vectors = { noises(COUNT), noises(COUNT), noises(COUNT), noises(COUNT), noises(BN), noises(BN) };

	for (float &v : vectors.v)
		v = fabsf(v); /* a mean of squares, now and then 0 */
	return vectors;
}

static void
step_ref(Vectors *to, Optimizer optimizer, const Hyper &now, uint32_t frozen, double ema_rate, const Floats &gradient,
	 const Floats &batch_bn)
{
	const double weight = gradient[COUNT] != 0 ? static_cast<double>(gradient[COUNT]) : 1;

	for (const Run &run : runs) {
		const double decay = run.is_decayed && optimizer != OPTIMIZER_ADAM ? now.weight_decay : 0;
		const uint32_t first = std::max(run.offset, frozen), end = run.offset + run.count;
		const float *from = &gradient[first];
		float *m = &to->m[first], *v = &to->v[first], *param = &to->param[first];

		if (first >= end)
			continue;
		if (optimizer == OPTIMIZER_SGD)
			ref_sgd(&now, end - first, from, weight, decay, m, param);
		else
			ref_adam(&now, end - first, from, weight, decay, m, v, param);
	}
	ref_average(BN_MOMENTUM, BN, batch_bn.data(), to->bn.data());
	if (!(ema_rate > 0))
		return;
	ref_average(ema_rate, COUNT, to->param.data(), to->ema.data());
	ref_average(ema_rate, BN, to->bn.data(), to->ema_bn.data());
}

struct DeviceVectors {
	Buffer<float> param, m, v, ema, bn, ema_bn;

	explicit DeviceVectors(const Vectors &from)
		: param(from.param), m(from.m), v(from.v), ema(from.ema), bn(from.bn), ema_bn(from.ema_bn)
	{
	}
};

static Optimise
job_of(Optimizer optimizer, double ema_rate, const DeviceVectors &vectors)
{
	Optimise job = {};

	job.runs = runs;
	job.run_count = RUNS;
	job.param_count = COUNT;
	job.bn_count = BN;
	job.is_sgd = optimizer == OPTIMIZER_SGD;
	job.decays_weight = optimizer == OPTIMIZER_ADAMW;
	job.decays_gradient = optimizer == OPTIMIZER_SGD;
	job.ema_rate = ema_rate;
	job.param = vectors.param.cells;
	job.m = vectors.m.cells;
	job.v = vectors.v.cells;
	job.ema = vectors.ema.cells;
	job.bn = vectors.bn.cells;
	job.ema_bn = vectors.ema_bn.cells;
	return job;
}

static double
worst_of(const DeviceVectors &found, const Vectors &right)
{
	const double errors[] = { worst(found.param, right.param), worst(found.m, right.m),   worst(found.v, right.v),
				  worst(found.ema, right.ema),	   worst(found.bn, right.bn), worst(found.ema_bn, right.ema_bn) };
	double most = 0;

	for (const double error : errors)
		most = error > most ? error : most; /* none of them is NaN */
	return most;
}

/* The first ones haven't moved by a bit. */
static bool
have_stayed(const DeviceVectors &now, const Vectors &before, uint32_t count)
{
	const size_t size = count * sizeof(float);

	return !memcmp(now.param.cells, before.param.data(), size) && !memcmp(now.m.cells, before.m.data(), size) &&
	       !memcmp(now.v.cells, before.v.data(), size);
}

static void
check_optimizer(Optimizer optimizer, double ema_rate, double weight, uint32_t frozen)
{
	const Vectors before = some_vectors();
	Vectors right = before;
	const DeviceVectors vectors(before);
	Optimise job = job_of(optimizer, ema_rate, vectors);
	DeviceSums sums = {};

	job.sums = &sums;
	for (uint64_t step = 1; step <= STEPS; step++) {
		const Hyper now = hyper(step);
		const Head head = head_of(now, frozen);
		Floats gradient = noises(COUNT + 1), batch_bn = noises(BN);

		gradient[COUNT] = static_cast<float>(weight);
		std::fill_n(gradient.begin(), frozen, NAN); /* nobody has written it */
		const Buffer<float> device_gradient(gradient), device_bn(batch_bn);
		job.head = &head;
		job.gradient = device_gradient.cells;
		job.batch_bn = device_bn.cells;
		optimise(host_work, job);
		step_ref(&right, optimizer, now, frozen, ema_rate, gradient, batch_bn);
		CHECK(compare_wait() && !sums.bad_step, "step %u", static_cast<unsigned>(step));
		CHECK(worst_of(vectors, right) <= 1e-6, "optimizer %d, averages %g, weight %g, %u frozen, step %u: by %g",
		      optimizer, ema_rate, weight, frozen, static_cast<unsigned>(step), worst_of(vectors, right));
		CHECK(have_stayed(vectors, before, frozen), "optimizer %d: of %u some moved", optimizer, frozen);
	}
}

TEST(optimizers_step_by_step)
{
	for (const Optimizer optimizer : optimizers)
		for (const double ema_rate : { 0.0, 0.9 })
			for (const double weight : { 3.5, 0.0 })
				for (const uint32_t frozen : bounds)
					if (check_ok)
						check_optimizer(optimizer, ema_rate, weight, frozen);
}

/* After a weight that is no number nothing moves, and the step stays the first one. */
TEST(a_weight_that_is_no_number)
{
	const Vectors before = some_vectors();
	const DeviceVectors vectors(before);
	Optimise job = job_of(OPTIMIZER_ADAMW, 0.9, vectors);
	Floats gradient = noises(COUNT + 1);
	const Floats batch_bn = noises(BN);
	DeviceSums sums = {};

	job.sums = &sums;
	for (uint64_t step = 7; step <= 9; step++) {
		const Head head = head_of(hyper(step), 0);

		gradient[COUNT] = step < 9 ? NAN : 1;
		const Buffer<float> device_gradient(gradient), device_bn(batch_bn);
		job.head = &head;
		job.gradient = device_gradient.cells;
		job.batch_bn = device_bn.cells;
		optimise(host_work, job);
		CHECK(compare_wait() && sums.bad_step == 7, "step %u", static_cast<unsigned>(sums.bad_step));
		CHECK(worst_of(vectors, before) == 0, "they moved");
	}
}

/* Nor is it forgotten where nothing is there that could move. */
TEST(a_bad_step_of_nothing)
{
	const Floats gradient = { NAN };
	const Buffer<float> device_gradient(gradient);
	const Head head = head_of(hyper(3), 0);
	Optimise job = {};
	DeviceSums sums = {};

	job.head = &head;
	job.gradient = device_gradient.cells;
	job.sums = &sums;
	optimise(host_work, job);
	CHECK(compare_wait() && sums.bad_step == 3, "step %u", static_cast<unsigned>(sums.bad_step));
}

template <typename Cell>
static void
check_narrow(void)
{
	for (const uint32_t count : { 1u, 4u, 255u, 257u, 1026u }) {
		Floats values = noises(count);

		for (float &value : values)
			value *= 1.2345678F;
		const Buffer<float> from(values);
		Buffer<Cell> to(count);
		optimise_narrow(host_work, count, from.cells, to.cells);
		CHECK(compare_wait() && worst(to, values) <= tolerance<Cell>(), "%u: by %g", count, worst(to, values));
	}
}

TEST(weights_as_cells)
{
	check_narrow<Half>();
	if (check_ok)
		check_narrow<Brain>();
}

static void
run(void)
{
	RUN(optimizers_step_by_step);
	RUN(a_weight_that_is_no_number);
	RUN(a_bad_step_of_nothing);
	RUN(weights_as_cells);
}

int
main(void)
{
	return compare_main(run);
}
