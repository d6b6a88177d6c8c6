/* norm.cu: see norm.h. */
#include "norm.h"

#include "cell.h"

/* Keras's epsilon, see fm-train(1). */
#define EPSILON 1e-3

enum { LANES = 32, ROWS = 32, AT_ONCE = 8 };

struct Moments {
	float2 sums[ROWS][LANES];
};

/*
 * Mean of rows `first` to `end` - 1 and the sum of squares about it, of a channel, by a block (32 channels, 32 rows at a time):
 * values less the first one, so that squares don't cancel. A thread's eight loads are under way together: a tile is short, so that
 * its time is that of waiting for memory. All threads of the block call it.
 *
 * @return true for the thread that has the channel's
 */
template <typename Y>
__device__ static bool
tile_moments(Moments &moments, uint32_t first, uint32_t end, uint32_t c, const Y *y, float2 *made)
{
	const uint32_t channel = blockIdx.y * LANES + threadIdx.x;
	const bool is_inside = channel < c;
	const float pivot = is_inside ? widen(y[static_cast<size_t>(first) * c + channel]) : 0;
	float2 sums = make_float2(0, 0);

	for (uint32_t begin = first + threadIdx.y; begin < end; begin += AT_ONCE * ROWS) {
		float values[AT_ONCE];

#pragma unroll
		for (uint32_t i = 0; i < AT_ONCE; i++) {
			const uint32_t row = begin + i * ROWS;

			values[i] = is_inside && row < end ? widen(y[static_cast<size_t>(row) * c + channel]) : pivot;
		}
#pragma unroll
		for (uint32_t i = 0; i < AT_ONCE; i++) {
			const float value = values[i] - pivot;

			sums.x += value;
			sums.y += value * value;
		}
	}
	moments.sums[threadIdx.y][threadIdx.x] = sums;
	__syncthreads();
	if (threadIdx.y || !is_inside)
		return false;
#pragma unroll
	for (int i = 1; i < ROWS; i++) {
		sums.x += moments.sums[i][threadIdx.x].x;
		sums.y += moments.sums[i][threadIdx.x].y;
	}
	const float mean = sums.x / static_cast<float>(end - first);
	*made = make_float2(pivot + mean, sums.y - mean * sums.x);
	return true;
}

template <typename Y>
__global__ static void __launch_bounds__(LANES * ROWS)
moments_kernel(uint32_t rows, uint32_t c, const Y *y, float2 *partial)
{
	SHARED(Moments, moments);
	const uint32_t first = blockIdx.x * MOMENT_ROWS;
	const uint32_t end = rows - first < MOMENT_ROWS ? rows : first + MOMENT_ROWS;
	float2 made;

	if (tile_moments(moments, first, end, c, y, &made))
		partial[static_cast<size_t>(blockIdx.x) * c + blockIdx.y * LANES + threadIdx.x] = made;
}

template <typename Y>
void
norm_moments(Work &work, uint32_t rows, uint32_t c, const Y *y, float2 *partial)
{
	const Grid grid = { dim3((rows + MOMENT_ROWS - 1) / MOMENT_ROWS, (c + LANES - 1) / LANES), dim3(LANES, ROWS), 0,
			    work.stream };

	QUEUE(work, grid, moments_kernel<Y>, rows, c, y, partial);
}

#define MAKE(Y) template void norm_moments<Y>(Work &, uint32_t, uint32_t, const Y *, float2 *);
FOR_CELLS(MAKE)

/* ---- from statistics to the affine map ---- */

/* A channel's parameters. */
struct Given {
	float gamma, beta, bias;
};

/* Read before the sums are made, which takes as long as that does. */
__device__ static Given
given_of(const Norm &norm, uint32_t channel, uint32_t c)
{
	if (channel >= c)
		return Given{ 0, 0, 0 };
	return Given{ norm.gamma[channel], norm.beta[channel], norm.bias ? norm.bias[channel] : 0 };
}

/* The affine map that batch norm is, given its statistics. */
__device__ static void
fold(const Norm &norm, const Given &given, uint32_t channel, double mean, double variance)
{
	const double inverse = 1 / sqrt(variance + EPSILON), scale = given.gamma * inverse;

	norm.scale[channel] = static_cast<float>(scale);
	norm.shift[channel] = static_cast<float>(given.beta - mean * scale);
	if (norm.mean) {
		norm.mean[channel] = static_cast<float>(mean);
		norm.inverse[channel] = static_cast<float>(inverse);
	}
}

/* All that a channel's mean and variance in a batch of that many rows lead to. */
__device__ static void
finish_channel(const Norm &norm, const Given &given, uint32_t channel, uint32_t rows, double mean, double variance)
{
	fold(norm, given, channel, mean, variance);
	norm.batch_mean[channel] = static_cast<float>(mean + given.bias);
	norm.batch_variance[channel] = static_cast<float>(rows > 1 ? variance * rows / (rows - 1) : variance);
}

/* ---- tiles together ---- */

struct Double2 {
	double x, y;
};

enum { WARP = 32, CHANNELS = 4, SLOTS_LEAST = WARP / CHANNELS, SLOTS_MOST = 256 };

struct WarpSums {
	Double2 sums[SLOTS_MOST * CHANNELS / WARP][CHANNELS];
};

/* The thread's channel: of four neighbours, which are a sector of memory. */
__device__ static uint32_t
channel_of_thread(void)
{
	return blockIdx.x * CHANNELS + threadIdx.x % CHANNELS;
}

/*
 * The sum of what add_share(tile, pair, &sum) adds for every tile of a channel: a thread every slots-th tile, eight loads
 * under way at a time; a warp's by halves; warps in order. All threads of the block call it.
 *
 * @return true for the thread that has the channel's sum
 */
template <typename AddShare>
__device__ static bool
add_tiles(WarpSums &warps, uint32_t tiles, uint32_t c, const float2 *partial, const AddShare &add_share, Double2 *sum)
{
	const uint32_t channel = channel_of_thread(), slots = blockDim.x / CHANNELS;
	Double2 mine = { 0, 0 };

	for (uint32_t first = threadIdx.x / CHANNELS; first < tiles; first += AT_ONCE * slots) {
		float2 pairs[AT_ONCE];

#pragma unroll
		for (uint32_t i = 0; i < AT_ONCE; i++) {
			const uint32_t tile = first + i * slots;

			pairs[i] = channel < c && tile < tiles ? partial[static_cast<size_t>(tile) * c + channel] : make_float2(0, 0);
		}
#pragma unroll
		for (uint32_t i = 0; i < AT_ONCE; i++)
			add_share(first + i * slots, pairs[i], &mine);
	}
#pragma unroll
	for (int bits = CHANNELS; bits < WARP; bits *= 2) {
		mine.x += __shfl_xor_sync(0xffffffff, mine.x, bits);
		mine.y += __shfl_xor_sync(0xffffffff, mine.y, bits);
	}
	if (threadIdx.x % WARP < CHANNELS)
		warps.sums[threadIdx.x / WARP][threadIdx.x % WARP] = mine;
	__syncthreads();
	if (threadIdx.x >= CHANNELS || channel >= c)
		return false;
	for (uint32_t warp = 1; warp < blockDim.x / WARP; warp++) {
		mine.x += warps.sums[warp][threadIdx.x].x;
		mine.y += warps.sums[warp][threadIdx.x].y;
	}
	*sum = mine;
	return true;
}

/* Slots enough that a thread has no more than four tiles, where that many fit in a block. */
static Grid
tiles_grid(const Work &work, uint32_t tiles, uint32_t c)
{
	uint32_t slots = SLOTS_LEAST;

	while (slots < SLOTS_MOST && slots * 4 < tiles)
		slots *= 2;
	return Grid{ dim3((c + CHANNELS - 1) / CHANNELS), dim3(CHANNELS * slots), 0, work.stream };
}

__global__ static void __launch_bounds__(CHANNELS * SLOTS_MOST, 1)
finish_kernel(uint32_t rows, uint32_t tile_rows, uint32_t tiles, uint32_t c, const float2 *partial, Norm norm)
{
	SHARED(WarpSums, warps);
	const double full = tile_rows, last = rows - (tiles - 1) * tile_rows;
	const uint32_t channel = channel_of_thread();
	const Given given = given_of(norm, channel, c);
	Double2 sums;

	if (!add_tiles(warps, tiles, c, partial, [&](uint32_t tile, const float2 &moments, Double2 *sum) {
		const double mean = moments.x, part = (tile + 1 < tiles ? full : last) * mean;

		sum->x += part;
		sum->y += moments.y + part * mean;
	}, &sums))
		return;
	const double mean = sums.x / rows;
	const double square = sums.y / rows - mean * mean;
	const double variance = square > 0 || isnan(square) ? square : 0;
	finish_channel(norm, given, channel, rows, mean, variance);
}

void
norm_finish(Work &work, uint32_t rows, uint32_t tile_rows, uint32_t c, const float2 *partial, const Norm &norm)
{
	const uint32_t tiles = (rows + tile_rows - 1) / tile_rows;

	QUEUE(work, tiles_grid(work, tiles, c), finish_kernel, rows, tile_rows, tiles, c, partial, norm);
}

/* ---- few rows ---- */

/* A dense layer's: a tile has them all, and what it finds is at once the end. */
template <typename Y>
__global__ static void __launch_bounds__(LANES * ROWS)
few_rows_kernel(uint32_t rows, uint32_t c, const Y *y, Norm norm)
{
	SHARED(Moments, moments);
	const uint32_t channel = blockIdx.y * LANES + threadIdx.x;
	const Given given = given_of(norm, channel, c);
	float2 made;

	if (tile_moments(moments, 0, rows, c, y, &made))
		finish_channel(norm, given, channel, rows, made.x, made.y > 0 || isnan(made.y) ? made.y / rows : 0);
}

template <typename Y>
void
norm_statistics(Work &work, uint32_t rows, uint32_t c, const Y *y, float2 *partial, const Norm &norm)
{
	const Grid grid = { dim3(1, (c + LANES - 1) / LANES), dim3(LANES, ROWS), 0, work.stream };

	if (rows <= FEW_ROWS) {
		QUEUE(work, grid, few_rows_kernel<Y>, rows, c, y, norm);
		return;
	}
	norm_moments(work, rows, c, y, partial);
	norm_finish(work, rows, MOMENT_ROWS, c, partial, norm);
}

#define MAKE_STATISTICS(Y) template void norm_statistics<Y>(Work &, uint32_t, uint32_t, const Y *, float2 *, const Norm &);
FOR_CELLS(MAKE_STATISTICS)

/* ---- prediction ---- */

/* Running statistics count the bias, y doesn't. */
__global__ static void
fold_kernel(uint32_t c, const float *running_mean, const float *running_variance, Norm norm)
{
	const uint32_t channel = blockIdx.x * blockDim.x + threadIdx.x;

	if (channel >= c)
		return;
	const Given given = given_of(norm, channel, c);
	fold(norm, given, channel, static_cast<double>(running_mean[channel]) - given.bias, running_variance[channel]);
}

void
norm_fold(Work &work, uint32_t c, const float *running_mean, const float *running_variance, const Norm &norm)
{
	QUEUE(work, grid_for(work, c), fold_kernel, c, running_mean, running_variance, norm);
}

/* ---- derivatives ---- */

__global__ static void __launch_bounds__(CHANNELS * SLOTS_MOST, 1)
derivatives_kernel(uint32_t rows, uint32_t tiles, uint32_t c, const float2 *partial, NormDerivatives norm)
{
	SHARED(WarpSums, warps);
	const uint32_t channel = channel_of_thread();
	const bool has_norm = norm.gamma && channel < c;
	const float gamma = has_norm ? norm.gamma[channel] : 0, factor = has_norm ? norm.inverse[channel] : 0;
	Double2 sums;

	if (!add_tiles(warps, tiles, c, partial, [](uint32_t, const float2 &pair, Double2 *sum) {
		sum->x += pair.x;
		sum->y += pair.y;
	}, &sums))
		return;
	norm.dbeta[channel] = static_cast<float>(sums.x / norm.loss_scale);
	if (!norm.gamma)
		return;
	norm.dgamma[channel] = static_cast<float>(sums.y / norm.loss_scale);
	/* mean and variance move with every y: dh's mean goes, and its part along the normalised y */
	const double inverse = factor, a = gamma * inverse;
	norm.a[channel] = static_cast<float>(a);
	norm.b[channel] = static_cast<float>(-a * inverse * sums.y / rows);
	norm.shift[channel] = static_cast<float>(-a * sums.x / rows);
}

void
norm_derivatives(Work &work, uint32_t rows, uint32_t tiles, uint32_t c, const float2 *partial, const NormDerivatives &norm)
{
	QUEUE(work, tiles_grid(work, tiles, c), derivatives_kernel, rows, tiles, c, partial, norm);
}
