/* optimise.cu: bound by bytes: 28 an element with Adam and no averages. */
#include "optimise.h"

#include "vector.h"

#define ADAM_BETA2 0.999
#define ADAM_EPSILON 1e-7
#define BN_MOMENTUM 0.99

enum { THREADS = 256 };

/*
 * A weight that is no number tells of a loss that wasn't finite, here or in another rank; it is asked before bad_step, which a
 * block that is through may already have written because of it.
 */
__device__ static bool
must_not_move(const Optimise &job)
{
	return !isfinite(job.gradient[job.param_count]) || job.sums->bad_step;
}

/* The constants of a step, in fp32: they are the same for all elements. */
struct Rates {
	float inverse_weight, beta1, rest1, beta2, rest2, rate, root_scale, keep, decay, epsilon, ema, ema_rest;
};

__device__ static Rates
rates_of(const Optimise &job, bool is_decayed)
{
	const Head &head = *job.head;
	const double weight = job.gradient[job.param_count];
	Rates rates;

	/* samples that all weigh nothing say nothing: 0 / 1 rather than 0 / 0 */
	rates.inverse_weight = static_cast<float>(1 / (weight != 0 ? weight : 1));
	rates.beta1 = static_cast<float>(head.beta1);
	rates.rest1 = static_cast<float>(1 - head.beta1);
	rates.beta2 = static_cast<float>(ADAM_BETA2);
	rates.rest2 = static_cast<float>(1 - ADAM_BETA2);
	rates.rate = static_cast<float>(job.is_sgd ? head.rate : head.rate / head.correct1);
	rates.root_scale = static_cast<float>(1 / sqrt(head.correct2));
	rates.keep = static_cast<float>(is_decayed && job.decays_weight ? head.keep : 1);
	rates.decay = static_cast<float>(is_decayed && job.decays_gradient ? head.weight_decay : 0);
	rates.epsilon = static_cast<float>(ADAM_EPSILON);
	rates.ema = static_cast<float>(job.ema_rate);
	rates.ema_rest = static_cast<float>(1 - job.ema_rate);
	return rates;
}

__device__ static float
adam(const Optimise &job, const Rates &rates, uint32_t i, float gradient, float param)
{
	const float m = rates.beta1 * job.m[i] + rates.rest1 * gradient;
	const float v = rates.beta2 * job.v[i] + rates.rest2 * gradient * gradient;

	job.m[i] = m;
	job.v[i] = v;
	return param * rates.keep - rates.rate * m / (sqrtf(v) * rates.root_scale + rates.epsilon);
}

__device__ static float
sgd(const Optimise &job, const Rates &rates, uint32_t i, float gradient, float param)
{
	const float velocity = rates.beta1 * job.m[i] + gradient + rates.decay * param;

	job.m[i] = velocity;
	return param - rates.rate * velocity;
}

__device__ static void
update_run(const Optimise &job, const Run &run)
{
	const Rates rates = rates_of(job, run.is_decayed);
	const uint32_t frozen = job.head->frozen;

	for (uint32_t i = run.offset + threadIdx.x; i < run.offset + run.count; i += THREADS) {
		float param = job.param[i];

		if (i >= frozen) { /* else nobody need have written its gradient */
			const float gradient = job.gradient[i] * rates.inverse_weight;

			param = job.is_sgd ? sgd(job, rates, i, gradient, param) : adam(job, rates, i, gradient, param);
			job.param[i] = param;
		}
		if (job.ema_rate > 0)
			job.ema[i] = rates.ema * job.ema[i] + rates.ema_rest * param;
	}
}

__device__ static void
update_statistic(const Optimise &job, uint32_t i)
{
	if (i >= job.bn_count)
		return;
	const float moved = static_cast<float>(BN_MOMENTUM * job.bn[i] + (1 - BN_MOMENTUM) * job.batch_bn[i]);
	job.bn[i] = moved;
	if (job.ema_rate > 0)
		job.ema_bn[i] = static_cast<float>(job.ema_rate * job.ema_bn[i] + (1 - job.ema_rate) * moved);
}

/* Blocks: runs, then batch norm's running statistics; one where there are neither, for bad_step. */
__global__ static void __launch_bounds__(THREADS)
update_kernel(Optimise job)
{
	if (must_not_move(job)) {
		if (!blockIdx.x && !threadIdx.x && !job.sums->bad_step)
			job.sums->bad_step = job.head->step;
		return;
	}
	if (blockIdx.x < job.run_count)
		update_run(job, job.runs[blockIdx.x]);
	else
		update_statistic(job, (blockIdx.x - job.run_count) * THREADS + threadIdx.x);
}

void
optimise(Work &work, const Optimise &job)
{
	const uint32_t blocks = job.run_count + (job.bn_count + THREADS - 1) / THREADS;
	const Grid grid = { dim3(blocks ? blocks : 1), dim3(THREADS), 0, work.stream };

	QUEUE(work, grid, update_kernel, job);
}

/* A thread four neighbours, or what is left of them. */
template <typename Cell>
__global__ static void
narrow_kernel(uint32_t count, const float *from, Cell *to)
{
	const uint32_t first = (blockIdx.x * blockDim.x + threadIdx.x) * 4;
	float four[4];

	if (first + 4 <= count) {
		load4(from + first, four);
		store4(to + first, four);
		return;
	}
	for (uint32_t i = first; i < count; i++)
		to[i] = narrow<Cell>(from[i]);
}

template <typename Cell>
void
optimise_narrow(Work &work, uint32_t count, const float *from, Cell *to)
{
	QUEUE(work, grid_for(work, (static_cast<uint64_t>(count) + 3) / 4), narrow_kernel<Cell>, count, from, to);
}

template void optimise_narrow<float>(Work &, uint32_t, const float *, float *);
template void optimise_narrow<Half>(Work &, uint32_t, const float *, Half *);
template void optimise_narrow<Brain>(Work &, uint32_t, const float *, Brain *);
