/* partial.cu: see partial.h. A block has a few columns and many parts at a time; then its slots are added by halves. */
#include "partial.h"

#include "vector.h"

enum { THREADS = 256, COLUMNS_MANY = 16, COLUMNS_FEW = 4, BLOCKS_WANTED = 128, AT_ONCE = 4 };

/* A column's sums, which go to and from shared memory by 16 bytes. */
template <typename Sum, int WIDTH>
struct alignas(WIDTH == 1 ? sizeof(Sum) : 16) Sums {
	Sum of[WIDTH];
};

template <typename Sum, int WIDTH>
struct Slots {
	Sums<Sum, WIDTH> each[THREADS];
};

template <int WIDTH>
__device__ static void
load_wide(const float *from, float *to)
{
	if (WIDTH == 4)
		load4(from, to);
	else
		*to = *from;
}

/* A thread's own: every slots-th part, four loads under way at a time. */
template <typename Sum, int WIDTH>
__device__ static void
add_parts(uint32_t count, uint32_t parts, const float *column, Sum *sums)
{
	const uint32_t slots = blockDim.y;

	for (uint32_t first = threadIdx.y; first < parts; first += AT_ONCE * slots) {
		float values[AT_ONCE][WIDTH] = {};

#pragma unroll
		for (uint32_t i = 0; i < AT_ONCE; i++)
			if (first + i * slots < parts)
				load_wide<WIDTH>(column + static_cast<size_t>(first + i * slots) * count, values[i]);
#pragma unroll
		for (uint32_t i = 0; i < AT_ONCE; i++)
#pragma unroll
			for (int k = 0; k < WIDTH; k++)
				sums[k] += values[i][k];
	}
}

/* Block (columns, slots); a column is WIDTH neighbours. */
template <typename Sum, int WIDTH>
__global__ static void __launch_bounds__(THREADS)
partial_add_kernel(uint32_t count, uint32_t parts, const float *partial, float alpha, float *to)
{
	typedef Slots<Sum, WIDTH> Shared;
	SHARED(Shared, slots);
	const uint32_t at = (blockIdx.x * blockDim.x + threadIdx.x) * WIDTH;
	const uint32_t own = threadIdx.y * blockDim.x + threadIdx.x;
	Sums<Sum, WIDTH> sums = {};

	if (at < count)
		add_parts<Sum, WIDTH>(count, parts, partial + at, sums.of);
	for (uint32_t half = blockDim.y / 2; half; half /= 2) {
		if (threadIdx.y >= half && threadIdx.y < 2 * half)
			slots.each[own] = sums;
		__syncthreads();
		if (threadIdx.y < half) {
			const Sums<Sum, WIDTH> other = slots.each[own + half * blockDim.x];

#pragma unroll
			for (int k = 0; k < WIDTH; k++)
				sums.of[k] += other.of[k];
		}
	}
	if (threadIdx.y || at >= count)
		return;
#pragma unroll
	for (int k = 0; k < WIDTH; k++)
		to[at + k] = static_cast<float>(alpha * sums.of[k]);
}

/* Many columns: whole lines of memory at a time; few: blocks enough. */
static Grid
columns_grid(const Work &work, uint32_t columns)
{
	const uint32_t each = columns / COLUMNS_MANY >= BLOCKS_WANTED ? COLUMNS_MANY : COLUMNS_FEW;

	return Grid{ dim3((columns + each - 1) / each), dim3(each, THREADS / each), 0, work.stream };
}

template <typename Sum>
void
partial_add(Work &work, uint32_t count, uint32_t parts, const float *partial, float alpha, float *to)
{
	if (count % 4 == 0)
		QUEUE(work, columns_grid(work, count / 4), (partial_add_kernel<Sum, 4>), count, parts, partial, alpha, to);
	else
		QUEUE(work, columns_grid(work, count), (partial_add_kernel<Sum, 1>), count, parts, partial, alpha, to);
}

template void partial_add<float>(Work &, uint32_t, uint32_t, const float *, float, float *);
template void partial_add<double>(Work &, uint32_t, uint32_t, const float *, float, float *);
