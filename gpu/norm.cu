/* norm.cu: see norm.h. */
#include "norm.h"

#include "cell.h"

/* Keras's epsilon, see fm-train(1). */
#define EPSILON 1e-3

enum { LANES = 32, ROWS = 8, SLOTS = 32 };

struct Moments {
	float2 sums[ROWS][LANES];
};

/* Block (32 channels, 8 rows at a time). Values less the tile's first one, so that squares don't cancel. */
template <typename Y>
__global__ static void
moments_kernel(uint32_t rows, uint32_t c, const Y *y, float2 *partial)
{
	SHARED(Moments, moments);
	const uint32_t channel = blockIdx.y * LANES + threadIdx.x, first = blockIdx.x * MOMENT_ROWS;
	const bool is_inside = channel < c;
	const float pivot = is_inside ? widen(y[static_cast<size_t>(first) * c + channel]) : 0;
	const uint32_t end = rows - first < MOMENT_ROWS ? rows : first + MOMENT_ROWS;
	float2 sums = make_float2(0, 0);

	for (uint32_t row = first + threadIdx.y; is_inside && row < end; row += ROWS) {
		const float value = widen(y[static_cast<size_t>(row) * c + channel]) - pivot;

		sums.x += value;
		sums.y += value * value;
	}
	moments.sums[threadIdx.y][threadIdx.x] = sums;
	__syncthreads();
	if (threadIdx.y || !is_inside)
		return;
	for (int i = 1; i < ROWS; i++) {
		sums.x += moments.sums[i][threadIdx.x].x;
		sums.y += moments.sums[i][threadIdx.x].y;
	}
	const float mean = sums.x / static_cast<float>(end - first);
	partial[static_cast<size_t>(blockIdx.x) * c + channel] = make_float2(pivot + mean, sums.y - mean * sums.x);
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

/* ---- tiles together ---- */

struct Double2 {
	double x, y;
};

struct Columns {
	Double2 sums[SLOTS][LANES];
};

/* Sum of a column of 32 slots into slot 0, by halves. All threads of the block call it. */
__device__ static void
add_slots(Columns &columns, const Double2 &mine)
{
	columns.sums[threadIdx.y][threadIdx.x] = mine;
	for (unsigned half = SLOTS / 2; half; half /= 2) {
		__syncthreads();
		if (threadIdx.y < half) {
			columns.sums[threadIdx.y][threadIdx.x].x += columns.sums[threadIdx.y + half][threadIdx.x].x;
			columns.sums[threadIdx.y][threadIdx.x].y += columns.sums[threadIdx.y + half][threadIdx.x].y;
		}
	}
	__syncthreads();
}

static Grid
columns_grid(const Work &work, uint32_t c)
{
	return Grid{ dim3((c + LANES - 1) / LANES), dim3(LANES, SLOTS), 0, work.stream };
}

/* The affine map that batch norm is, given its statistics. */
__device__ static void
fold(const Norm &norm, uint32_t channel, double mean, double variance)
{
	const double inverse = 1 / sqrt(variance + EPSILON), scale = norm.gamma[channel] * inverse;

	norm.scale[channel] = static_cast<float>(scale);
	norm.shift[channel] = static_cast<float>(norm.beta[channel] - mean * scale);
	if (norm.mean) {
		norm.mean[channel] = static_cast<float>(mean);
		norm.inverse[channel] = static_cast<float>(inverse);
	}
}

__global__ static void
finish_kernel(uint32_t rows, uint32_t tile_rows, uint32_t c, const float2 *partial, Norm norm)
{
	SHARED(Columns, columns);
	const uint32_t channel = blockIdx.x * LANES + threadIdx.x, tiles = (rows + tile_rows - 1) / tile_rows;
	Double2 sums = { 0, 0 };

	for (uint32_t tile = threadIdx.y; channel < c && tile < tiles; tile += SLOTS) {
		const float2 moments = partial[static_cast<size_t>(tile) * c + channel];
		const double mean = moments.x, count = tile + 1 < tiles ? tile_rows : rows - tile * tile_rows;

		sums.x += count * mean;
		sums.y += moments.y + count * mean * mean;
	}
	add_slots(columns, sums);
	if (threadIdx.y || channel >= c)
		return;
	const double mean = columns.sums[0][threadIdx.x].x / rows;
	const double square = columns.sums[0][threadIdx.x].y / rows - mean * mean;
	const double variance = square > 0 || isnan(square) ? square : 0;
	fold(norm, channel, mean, variance);
	norm.batch_mean[channel] = static_cast<float>(mean + (norm.bias ? norm.bias[channel] : 0));
	norm.batch_variance[channel] = static_cast<float>(rows > 1 ? variance * rows / (rows - 1) : variance);
}

void
norm_finish(Work &work, uint32_t rows, uint32_t tile_rows, uint32_t c, const float2 *partial, const Norm &norm)
{
	QUEUE(work, columns_grid(work, c), finish_kernel, rows, tile_rows, c, partial, norm);
}

/* Running statistics count the bias, y doesn't. */
__global__ static void
fold_kernel(uint32_t c, const float *running_mean, const float *running_variance, Norm norm)
{
	const uint32_t channel = blockIdx.x * blockDim.x + threadIdx.x;

	if (channel < c)
		fold(norm, channel, static_cast<double>(running_mean[channel]) - (norm.bias ? norm.bias[channel] : 0),
		     running_variance[channel]);
}

void
norm_fold(Work &work, uint32_t c, const float *running_mean, const float *running_variance, const Norm &norm)
{
	QUEUE(work, grid_for(work, c), fold_kernel, c, running_mean, running_variance, norm);
}

__global__ static void
derivatives_kernel(uint32_t rows, uint32_t tiles, uint32_t c, const float2 *partial, NormDerivatives norm)
{
	SHARED(Columns, columns);
	const uint32_t channel = blockIdx.x * LANES + threadIdx.x;
	Double2 sums = { 0, 0 };

	for (uint32_t tile = threadIdx.y; channel < c && tile < tiles; tile += SLOTS) {
		const float2 pair = partial[static_cast<size_t>(tile) * c + channel];

		sums.x += pair.x;
		sums.y += pair.y;
	}
	add_slots(columns, sums);
	if (threadIdx.y || channel >= c)
		return;
	sums = columns.sums[0][threadIdx.x];
	norm.dbeta[channel] = static_cast<float>(sums.x / norm.loss_scale);
	if (!norm.gamma)
		return;
	norm.dgamma[channel] = static_cast<float>(sums.y / norm.loss_scale);
	/* mean and variance move with every y: dh's mean goes, and its part along the normalised y */
	const double inverse = norm.inverse[channel], a = norm.gamma[channel] * inverse;
	norm.a[channel] = static_cast<float>(a);
	norm.b[channel] = static_cast<float>(-a * inverse * sums.y / rows);
	norm.shift[channel] = static_cast<float>(-a * sums.x / rows);
}

void
norm_derivatives(Work &work, uint32_t rows, uint32_t tiles, uint32_t c, const float2 *partial, const NormDerivatives &norm)
{
	QUEUE(work, columns_grid(work, c), derivatives_kernel, rows, tiles, c, partial, norm);
}
