/* direct_weight.cu: the weights' derivative: rows are (tap, input channel), columns output channels, depth the pixels.
 *
 * Pixels are cut into slices, so that there are blocks enough; how many follows from the shape alone. Each slice's sum is
 * written down, then they are added in order. */
#include "direct.h"

#include "direct_tile.h"
#include "direct_window.h"
#include "partial.h"
#include "patch_weight.h"
#include "tensor.h"

enum { COLUMNS = 64, BLOCKS_WANTED = 512, SLICE_LEAST = 256, SLICE_STEP = 16 };

static uint32_t
rows_of(const Convolution &shape)
{
	return shape.kernel_h * shape.kernel_w * shape.in_c;
}

static uint32_t
slice_count(const Convolution &shape, uint32_t n)
{
	const uint32_t tiles = (rows_of(shape) + TILE_ROWS - 1) / TILE_ROWS * ((shape.out_c + COLUMNS - 1) / COLUMNS);
	const uint32_t most = (n * shape.out_h * shape.out_w + SLICE_LEAST - 1) / SLICE_LEAST;
	const uint32_t wanted = (BLOCKS_WANTED + tiles - 1) / tiles;

	return wanted < most ? wanted : most;
}

bool
direct_has_weight(const Convolution &shape)
{
	return shape.in_c % TILE_DEPTH == 0 && shape.out_c % 4 == 0 && rows_of(shape) >= TILE_ROWS / 2;
}

size_t
direct_weight_room(const Convolution &shape, uint32_t n)
{
	const uint32_t tiles = slice_count(shape, n), patches = patch_weight_slices(shape, n);

	return static_cast<size_t>(tiles > patches ? tiles : patches) * rows_of(shape) * shape.out_c;
}

template <typename Cell>
__device__ static void
load_rows(const WeightJob &job, const Window &window, const Output &output, uint32_t end, const Cell *x, float *to)
{
	const Cell *from = window_cells(job, window, output, end, x);

#pragma unroll
	for (int i = 0; i < 8; i++)
		to[i] = 0;
	if (from)
		load8(from, to);
}

template <typename Cell>
__device__ static void
load_columns(const WeightJob &job, DerivativeColumns *columns, uint32_t pixel, const Cell *dy, float *to)
{
#pragma unroll
	for (int i = 0; i < 4; i++)
		to[i] = 0;
	if (pixel < columns->end)
		load4(dy + columns->index, to);
	columns->index += job.step * job.shape.out_c;
}

/* Thread t brings pixel t / 16 of eight: eight rows and four columns of it. */
__device__ static void
put_tile(TileMemory<COLUMNS> &memory, int half, const float *rows, const float *columns)
{
	const uint32_t k = threadIdx.x / 16, place = threadIdx.x % 16;

	*reinterpret_cast<float4 *>(&memory.rows[half][k][place * 8]) = make_float4(rows[0], rows[1], rows[2], rows[3]);
	*reinterpret_cast<float4 *>(&memory.rows[half][k][place * 8 + 4]) = make_float4(rows[4], rows[5], rows[6], rows[7]);
	*reinterpret_cast<float4 *>(&memory.columns[half][k][place * 4]) =
		make_float4(columns[0], columns[1], columns[2], columns[3]);
}

__device__ static void
store_tile(const WeightJob &job, uint32_t first_row, uint32_t first_column, const TileSums<COLUMNS> &sums, float *partial)
{
	partial += static_cast<size_t>(blockIdx.z) * job.rows * job.shape.out_c;
#pragma unroll
	for (int i = 0; i < THREAD_ROWS; i++)
#pragma unroll
		for (int group = 0; group < COLUMNS / 32; group++) {
			const uint32_t row = first_row + tile_row() + i, column = first_column + tile_column(group);

			if (row < job.rows && column < job.shape.out_c)
				store4(partial + static_cast<size_t>(row) * job.shape.out_c + column, &sums.at[i][4 * group]);
		}
}

/* Blocks: tiles of rows, tiles of columns, slices. */
template <typename Cell>
__global__ static void __launch_bounds__(TILE_THREADS, WEIGHT_TILE_BLOCKS)
weight_kernel(WeightJob job, const Cell *x, const Cell *dy, float *partial)
{
	if (!has_arithmetic<Cell>())
		return;
	SHARED(TileMemory<COLUMNS>, memory);
	const uint32_t first_row = blockIdx.x * TILE_ROWS, first_column = blockIdx.y * COLUMNS;
	const uint32_t begin = blockIdx.z * job.slice, own = threadIdx.x / 16, place = threadIdx.x % 16;
	const uint32_t end = job.pixels - begin < job.slice ? job.pixels : begin + job.slice;
	const Window window = window_of(job, first_row + place * 8);
	Output output = output_of(job, begin + own);
	DerivativeColumns derivative = derivative_columns(job, begin + own, first_column + place * 4, end);
	float rows[8], columns[4];
	TileSums<COLUMNS> sums;
	int half = 0;

	tile_clear(sums);
	load_rows(job, window, output, end, x, rows);
	load_columns(job, &derivative, output.pixel, dy, columns);
	put_tile(memory, half, rows, columns);
	for (uint32_t pixel = begin + TILE_DEPTH; pixel < end; pixel += TILE_DEPTH) {
		__syncthreads();
		output_on(job, &output);
		load_rows(job, window, output, end, x, rows);
		load_columns(job, &derivative, output.pixel, dy, columns);
		tile_multiply(memory, half, sums);
		half = !half;
		put_tile(memory, half, rows, columns);
	}
	__syncthreads();
	tile_multiply(memory, half, sums);
	store_tile(job, first_row, first_column, sums, partial);
}

/* @return slices */
template <typename Cell>
static uint32_t
queue_tiles(Work &work, const Convolution &shape, uint32_t n, const Cell *x, const Cell *dy, float *partial)
{
	const uint32_t pixels = n * shape.out_h * shape.out_w, rows = rows_of(shape), wanted = slice_count(shape, n);
	const uint32_t slice = ((pixels + wanted - 1) / wanted + SLICE_STEP - 1) / SLICE_STEP * SLICE_STEP;
	const uint32_t slices = (pixels + slice - 1) / slice;
	const uint32_t step = work.has_tensor_cores ? TENSOR_WORDS * word_cells<Cell>() : static_cast<uint32_t>(TILE_DEPTH);
	const WeightJob job = { shape, divisor_of(shape.out_w), divisor_of(shape.out_h), divisor_of(shape.in_c),
				divisor_of(shape.kernel_w), pixels, rows, slice, step, step / (shape.out_w * shape.out_h),
				step / shape.out_w % shape.out_h, step % shape.out_w };
	const Grid grid = { dim3((rows + TILE_ROWS - 1) / TILE_ROWS, (shape.out_c + COLUMNS - 1) / COLUMNS, slices),
			    dim3(TILE_THREADS), 0, work.stream };

	if (work.has_tensor_cores)
		tensor_weight(work, job, grid.blocks, x, dy, partial);
	else
		QUEUE(work, grid, weight_kernel<Cell>, job, x, dy, partial);
	return slices;
}

template <typename Cell>
void
direct_weight(Work &work, const Convolution &shape, uint32_t n, const Cell *x, const Cell *dy, float *partial, float alpha,
	      float *dw)
{
	uint32_t slices = work.has_tensor_cores ? patch_weight(work, shape, n, x, dy, partial) : 0;

	if (!slices)
		slices = queue_tiles(work, shape, n, x, dy, partial);
	partial_add<float>(work, rows_of(shape) * shape.out_c, slices, partial, alpha, dw);
}

#define MAKE(Cell)                                                                                                     \
	template void direct_weight<Cell>(Work &, const Convolution &, uint32_t, const Cell *, const Cell *, float *,  \
					  float, float *);
FOR_CELLS(MAKE)
