/* loss.cu: a warp a sample, exponentials in fp64 (they are few: n classes), samples added in one order. */
#include "loss.h"

enum { LANES = 32, WARPS = 4, SUMMERS = 512 };

#define ALL 0xffffffffu

struct Largest {
	float value;
	uint32_t index;
};

/* The larger; of equal ones the first; what is not a number loses, the loss shows it anyway. */
__device__ static Largest
larger(const Largest &a, const Largest &b)
{
	return b.value > a.value || (b.value == a.value && b.index < a.index) ? b : a;
}

__device__ static Largest
warp_largest(Largest mine)
{
	for (int bits = LANES / 2; bits; bits /= 2) {
		const Largest other = { __shfl_xor_sync(ALL, mine.value, bits), __shfl_xor_sync(ALL, mine.index, bits) };

		mine = larger(mine, other);
	}
	return mine;
}

__device__ static double
warp_sum(double mine)
{
	for (int bits = LANES / 2; bits; bits /= 2)
		mine += __shfl_xor_sync(ALL, mine, bits);
	return mine;
}

/* log(sum of exp(logits)) and where the largest is, the same in all lanes. */
__device__ static double
log_sum(uint32_t classes, const float *logits, uint32_t lane, uint32_t *largest)
{
	Largest mine = { -INFINITY, 0xffffffff };
	double sum = 0;

	for (uint32_t k = lane; k < classes; k += LANES)
		mine = larger(mine, Largest{ logits[k], k });
	mine = warp_largest(mine);
	*largest = mine.index;
	for (uint32_t k = lane; k < classes; k += LANES)
		sum += exp(static_cast<double>(logits[k]) - mine.value);
	return mine.value + log(warp_sum(sum));
}

__device__ static double
target_of(const Loss &loss, uint32_t sample, uint32_t k)
{
	const Record &record = loss.record;
	const double share = record.head->is_mixed ? static_cast<double>(record.lambda[sample]) : 1;
	double target = static_cast<uint32_t>(record.label_a[sample]) == k ? share : 0;

	if (record.head->is_mixed && static_cast<uint32_t>(record.label_b[sample]) == k)
		target += 1 - share;
	return (1 - loss.smoothing) * target + loss.smoothing / loss.classes;
}

__global__ static void
loss_kernel(Loss loss)
{
	const uint32_t lane = threadIdx.x, sample = blockIdx.x * WARPS + threadIdx.y;
	const bool is_inside = sample < loss.n;
	const uint32_t row = is_inside ? sample : 0; /* the whole warp takes part in warp functions */
	const float *logits = loss.logits + static_cast<size_t>(row) * loss.classes;
	uint32_t largest;
	const double log_total = log_sum(loss.classes, logits, lane, &largest);
	const double weight = loss.record.head->is_weighted ? static_cast<double>(loss.record.weight[row]) : 1;
	double cross_entropy = 0;

	for (uint32_t k = lane; is_inside && k < loss.classes; k += LANES) {
		const double target = target_of(loss, row, k), log_prob = logits[k] - log_total;

		if (target != 0)
			cross_entropy -= target * log_prob;
		loss.dlogits[static_cast<size_t>(row) * loss.classes + k] =
			static_cast<float>(weight * (exp(log_prob) - target)) * loss.scale;
	}
	cross_entropy = warp_sum(cross_entropy);
	if (lane || !is_inside)
		return;
	loss.sample[row] = weight * cross_entropy;
	loss.sample[loss.n + row] = weight;
	loss.sample[2 * static_cast<size_t>(loss.n) + row] =
		largest == static_cast<uint32_t>(loss.record.label_a[row]) ? 1 : 0;
}

enum { LOSS, WEIGHT, CORRECT, SUM_COUNT };

struct Summers {
	double sums[SUM_COUNT][SUMMERS / LANES];
};

__device__ static void
note_step(DeviceSums *sums, const StepSums &step)
{
	if (sums->count < STEPS_MOST) {
		sums->each[sums->count++] = step;
		return;
	}
	StepSums &last = sums->each[STEPS_MOST - 1];
	last.loss += step.loss;
	last.weight += step.weight;
	last.correct += step.correct;
	last.n += step.n;
}

/* A thread's own: every 512th sample, its three numbers at a time; then a warp's, by halves. */
__device__ static void
put_sums(const Loss &loss, Summers &summers)
{
	double sums[SUM_COUNT] = {};

	for (uint32_t i = threadIdx.x; i < loss.n; i += SUMMERS)
#pragma unroll
		for (uint32_t which = 0; which < SUM_COUNT; which++)
			sums[which] += loss.sample[static_cast<size_t>(which) * loss.n + i];
#pragma unroll
	for (uint32_t which = 0; which < SUM_COUNT; which++) {
		const double sum = warp_sum(sums[which]);

		if (threadIdx.x % LANES == 0)
			summers.sums[which][threadIdx.x / LANES] = sum;
	}
}

/* One block; its warps in order. */
__global__ static void __launch_bounds__(SUMMERS)
sum_kernel(Loss loss)
{
	SHARED(Summers, summers);

	put_sums(loss, summers);
	__syncthreads();
	if (threadIdx.x < SUM_COUNT)
		for (int warp = 1; warp < SUMMERS / LANES; warp++)
			summers.sums[threadIdx.x][0] += summers.sums[threadIdx.x][warp];
	__syncthreads();
	if (threadIdx.x)
		return;
	note_step(loss.sums, StepSums{ summers.sums[LOSS][0], summers.sums[WEIGHT][0], summers.sums[CORRECT][0],
				       static_cast<double>(loss.n) });
	*loss.total_weight = isfinite(summers.sums[LOSS][0]) ? static_cast<float>(summers.sums[WEIGHT][0]) : NAN;
}

void
loss_fill(Work &work, const Loss &loss)
{
	const Grid samples = { dim3((loss.n + WARPS - 1) / WARPS), dim3(LANES, WARPS), 0, work.stream };
	const Grid one = { dim3(1), dim3(SUMMERS), 0, work.stream };

	QUEUE(work, samples, loss_kernel, loss);
	QUEUE(work, one, sum_kernel, loss);
}

__global__ static void
softmax_kernel(uint32_t n, uint32_t classes, const float *logits, float *prob)
{
	const uint32_t lane = threadIdx.x, sample = blockIdx.x * WARPS + threadIdx.y;
	const size_t at = static_cast<size_t>(sample < n ? sample : 0) * classes;
	uint32_t largest;
	const double log_total = log_sum(classes, logits + at, lane, &largest);

	for (uint32_t k = lane; sample < n && k < classes; k += LANES)
		prob[at + k] = static_cast<float>(exp(logits[at + k] - log_total));
}

void
loss_softmax(Work &work, uint32_t n, uint32_t classes, const float *logits, float *prob)
{
	const Grid samples = { dim3((n + WARPS - 1) / WARPS), dim3(LANES, WARPS), 0, work.stream };

	QUEUE(work, samples, softmax_kernel, n, classes, logits, prob);
}
