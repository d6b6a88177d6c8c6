/* direct.cu: forward, and the input's derivative, which is a convolution of dy with the turned weights. */
#include "direct.h"

#include "direct_tile.h"
#include "direct_window.h"
#include "tensor.h"

/* Eight of depth: of one tap where channels come in eights, else one by one. */
template <bool IN_EIGHTS, typename Cell>
__device__ static void
load_window(const DirectJob &job, const Pixel &pixel, const Cell *x, uint32_t k, Walk *walk, float *to)
{
	if constexpr (IN_EIGHTS) {
		const Cell *from = walk_cell(job, *walk, x);

		walk_on(job, TILE_DEPTH, walk);

#pragma unroll
		for (int i = 0; i < TILE_DEPTH; i++)
			to[i] = 0;
		if (from)
			load8(from, to);
	} else {
#pragma unroll
		for (int i = 0; i < TILE_DEPTH; i++) {
			const Cell *from = window_cell(job, pixel, x, k + i);

			to[i] = from ? widen(*from) : 0;
		}
	}
}

/* A thread's share of 8 x COLUMNS weights: four of a row; half of the threads for 32 columns. */
template <int COLUMNS, typename Cell>
__device__ static void
load_weights(const DirectJob &job, const Cell *weight, uint32_t k, Descent *descent, float *to)
{
#pragma unroll
	for (int i = 0; i < 4; i++)
		to[i] = 0;
	if (threadIdx.x < TILE_DEPTH * COLUMNS / 4 && k < descent->reach)
		load4(weight + descent->index, to);
	descent->index += TILE_DEPTH * job.shape.out_c;
}

template <int COLUMNS>
__device__ static void
put_tile(TileMemory<COLUMNS> &memory, int half, const float *window, const float *weights)
{
#pragma unroll
	for (int k = 0; k < TILE_DEPTH; k++)
		memory.rows[half][k][threadIdx.x] = window[k];
	if (threadIdx.x < TILE_DEPTH * COLUMNS / 4)
		*reinterpret_cast<float4 *>(&memory.columns[half][threadIdx.x / (COLUMNS / 4)][threadIdx.x % (COLUMNS / 4) * 4]) =
			make_float4(weights[0], weights[1], weights[2], weights[3]);
}

/* ---- what becomes of the sums ---- */

/* Beyond the pixels and channels sums are 0, and not stored. */
template <int COLUMNS, typename Out>
__device__ static void
store_tile(const DirectJob &job, uint32_t first_row, uint32_t first_column, const TileSums<COLUMNS> &sums, Out *y)
{
	const uint32_t row = first_row + tile_row(), column = first_column + tile_column(0), out_c = job.shape.out_c;

#pragma unroll
	for (int i = 0; i < THREAD_ROWS; i++) {
		const uint32_t pixel = pixel_at<1>(job, row + i);
		Out *to = y + static_cast<size_t>(pixel) * out_c + column;

#pragma unroll
		for (int group = 0; group < COLUMNS / 32; group++)
			if (pixel < job.pixels && column + group * 32 < out_c)
				store4(to + group * 32, &sums.at[i][4 * group]);
	}
}

/* Four columns of one window, of whose rows the thread has the first as its row `first`. */
template <int COLUMNS, typename Cell>
__device__ static void
store_winner(const TileSums<COLUMNS> &sums, int first, int group, uint32_t column, size_t at, const Winners<Cell> &winners)
{
	alignas(16) float best[4];
	uint32_t elements = 0, element;

#pragma unroll
	for (int j = 0; j < 4; j++) {
		const float four[4] = { sums.at[first][4 * group + j], sums.at[first + 1][4 * group + j],
					sums.at[first + 2][4 * group + j], sums.at[first + 3][4 * group + j] };

		best[j] = winner_of<Cell>(four, winner_gamma(winners, column + j), &element);
		elements |= element << 8 * j;
	}
	store4(winners.value + at, best);
	if (winners.element)
		*reinterpret_cast<uint32_t *>(winners.element + at) = elements;
}

/* A thread's eight rows are two windows. */
template <int COLUMNS, typename Cell>
__device__ static void
store_winners(const DirectJob &job, uint32_t first_row, uint32_t first_column, const TileSums<COLUMNS> &sums,
	      const Winners<Cell> &winners)
{
	const uint32_t window = (first_row + tile_row()) / 4, out_c = job.shape.out_c;

#pragma unroll
	for (int half = 0; half < 2; half++)
#pragma unroll
		for (int group = 0; group < COLUMNS / 32; group++) {
			const uint32_t column = first_column + tile_column(group);

			if (window + half < job.pixels / 4 && column < out_c)
				store_winner(sums, 4 * half, group, column, static_cast<size_t>(window + half) * out_c + column, winners);
		}
}

/* Sum of a value of each thread down its column of 16 threads, in order; all threads get it. */
template <int COLUMNS>
__device__ static void
add_columns(float (*corner)[COLUMNS], const float *mine, float *total)
{
	__syncthreads();
#pragma unroll
	for (int j = 0; j < COLUMNS / 8; j++)
		corner[threadIdx.x / 8][tile_column(j / 4) + j % 4] = mine[j];
	__syncthreads();
#pragma unroll
	for (int j = 0; j < COLUMNS / 8; j++) {
		total[j] = 0;
		/* not unrolled: all of them on their way at once would spill sums */
#pragma unroll 1
		for (int i = 0; i < TILE_THREADS / 8; i++)
			total[j] += corner[i][tile_column(j / 4) + j % 4];
	}
}

/* Mean of each column and squares about it, while sums are in registers, before rounding: y is not read for them. */
template <int COLUMNS>
__device__ static void
store_moments(const DirectJob &job, uint32_t first_row, uint32_t first_column, const TileSums<COLUMNS> &sums,
	      TileMemory<COLUMNS> &memory, float2 *moments)
{
	float (*corner)[COLUMNS] = reinterpret_cast<float (*)[COLUMNS]>(&memory.rows); /* 16 rows of them */
	const uint32_t rows = job.pixels - first_row < TILE_ROWS ? job.pixels - first_row : static_cast<uint32_t>(TILE_ROWS);
	float mine[COLUMNS / 8], mean[COLUMNS / 8], squares[COLUMNS / 8];

#pragma unroll
	for (int j = 0; j < COLUMNS / 8; j++) {
		mine[j] = 0;
#pragma unroll
		for (int i = 0; i < THREAD_ROWS; i++)
			mine[j] += sums.at[i][j];
	}
	add_columns<COLUMNS>(corner, mine, mean);
#pragma unroll
	for (int j = 0; j < COLUMNS / 8; j++) {
		mean[j] /= static_cast<float>(rows);
		mine[j] = 0;
#pragma unroll
		for (int i = 0; i < THREAD_ROWS; i++) {
			const float rest = tile_row() + i < rows ? sums.at[i][j] - mean[j] : 0;

			mine[j] += rest * rest;
		}
	}
	add_columns<COLUMNS>(corner, mine, squares);
#pragma unroll
	for (int j = 0; j < COLUMNS / 8; j++) {
		const uint32_t column = first_column + tile_column(j / 4) + j % 4;

		if (threadIdx.x < 8 && column < job.shape.out_c)
			moments[static_cast<size_t>(blockIdx.x) * job.shape.out_c + column] = make_float2(mean[j], squares[j]);
	}
}

/* Blocks: tiles of pixels by tiles of channels. */
template <int COLUMNS, bool IN_EIGHTS, typename Cell>
__global__ static void __launch_bounds__(TILE_THREADS, TILE_BLOCKS)
forward_kernel(DirectJob job, const Cell *x, const Cell *weight, Cell *y, float2 *moments, Winners<Cell> winners)
{
	if (!has_arithmetic<Cell>())
		return;
	SHARED(TileMemory<COLUMNS>, memory);
	const uint32_t first_row = blockIdx.x * TILE_ROWS, first_column = blockIdx.y * COLUMNS;
	const Pixel pixel = pixel_of(job, pixel_at<1>(job, first_row + threadIdx.x));
	float window[TILE_DEPTH], weights[4];
	TileSums<COLUMNS> sums;
	Walk walk = walk_of(job, pixel);
	Descent descent = descent_of(job, threadIdx.x / (COLUMNS / 4), first_column + threadIdx.x % (COLUMNS / 4) * 4);
	int half = 0;

	tile_clear(sums);
	load_window<IN_EIGHTS>(job, pixel, x, 0, &walk, window);
	load_weights<COLUMNS>(job, weight, 0, &descent, weights);
	put_tile(memory, half, window, weights);
	for (uint32_t k = TILE_DEPTH; k < job.depth; k += TILE_DEPTH) {
		__syncthreads();
		load_window<IN_EIGHTS>(job, pixel, x, k, &walk, window);
		load_weights<COLUMNS>(job, weight, k, &descent, weights);
		tile_multiply(memory, half, sums);
		half = !half;
		put_tile(memory, half, window, weights);
	}
	__syncthreads();
	tile_multiply(memory, half, sums);
	if (y)
		store_tile(job, first_row, first_column, sums, y);
	if (winners.value)
		store_winners(job, first_row, first_column, sums, winners);
	if (moments)
		store_moments(job, first_row, first_column, sums, memory, moments);
}

template <int COLUMNS, typename Cell>
static void
queue_forward(Work &work, const DirectJob &job, const Cell *x, const Cell *weight, Cell *y, float2 *moments,
	      const Winners<Cell> &winners)
{
	const Grid grid = { dim3((job.pixels + TILE_ROWS - 1) / TILE_ROWS, (job.shape.out_c + COLUMNS - 1) / COLUMNS),
			    dim3(TILE_THREADS), 0, work.stream };

	if (job.shape.in_c % TILE_DEPTH == 0)
		QUEUE(work, grid, (forward_kernel<COLUMNS, true, Cell>), job, x, weight, y, moments, winners);
	else
		QUEUE(work, grid, (forward_kernel<COLUMNS, false, Cell>), job, x, weight, y, moments, winners);
}

bool
direct_has_forward(const Convolution &shape, size_t weight)
{
	return shape.out_c % 4 == 0 && weight % 4 == 0;
}

bool
direct_has_winners(const Convolution &shape)
{
	return shape.out_h % 2 == 0 && shape.out_w % 2 == 0;
}

template <typename Cell>
void
direct_forward(Work &work, const Convolution &shape, uint32_t n, const Cell *x, const Cell *weight, Cell *y, float2 *moments,
	       const Winners<Cell> &winners)
{
	const DirectJob job = job_of(shape, n, winners.value != nullptr);

	if (work.has_tensor_cores)
		tensor_forward(work, job, x, weight, y, moments, winners);
	else if (shape.out_c <= 32)
		queue_forward<32>(work, job, x, weight, y, moments, winners);
	else
		queue_forward<64>(work, job, x, weight, y, moments, winners);
}

/* ---- the input's derivative ---- */

/* turned[taps - 1 - tap][out][in] = weight[tap][in][out] */
template <typename Cell>
__global__ static void
turn_kernel(uint32_t taps, Divisor in_c, Divisor out_c, const Cell *weight, Cell *turned)
{
	const uint32_t at = blockIdx.x * blockDim.x + threadIdx.x;
	uint32_t in, out;

	if (at >= taps * in_c.value * out_c.value)
		return;
	const uint32_t tap = divide(divide(at, in_c, &in), out_c, &out);
	turned[at] = weight[(static_cast<size_t>(taps - 1 - tap) * in_c.value + in) * out_c.value + out];
}

bool
direct_has_input(const Convolution &shape)
{
	return shape.stride == 1 && shape.out_c % TILE_DEPTH == 0 && shape.in_c % 4 == 0;
}

/* The convolution that leads from dy to dx. */
static Convolution
turned_shape(const Convolution &shape)
{
	return Convolution{ shape.out_h,   shape.out_w,
			    shape.out_c,   shape.in_h,
			    shape.in_w,	   shape.in_c,
			    shape.kernel_h, shape.kernel_w,
			    1,		   shape.kernel_h - 1 - shape.pad_top,
			    shape.kernel_w - 1 - shape.pad_left };
}

template <typename Cell>
void
direct_input(Work &work, const Convolution &shape, uint32_t n, const Cell *dy, const Cell *weight, Cell *turned, Cell *dx)
{
	const uint32_t taps = shape.kernel_h * shape.kernel_w;

	QUEUE(work, grid_for(work, static_cast<uint64_t>(taps) * shape.in_c * shape.out_c), turn_kernel<Cell>, taps,
	      divisor_of(shape.in_c), divisor_of(shape.out_c), weight, turned);
	direct_forward(work, turned_shape(shape), n, dy, static_cast<const Cell *>(turned), dx, nullptr, Winners<Cell>{});
}

#define MAKE(Cell)                                                                                                     \
	template void direct_forward<Cell>(Work &, const Convolution &, uint32_t, const Cell *, const Cell *, Cell *,  \
					   float2 *, const Winners<Cell> &);                                           \
	template void direct_input<Cell>(Work &, const Convolution &, uint32_t, const Cell *, const Cell *, Cell *,    \
					 Cell *);
FOR_CELLS(MAKE)
