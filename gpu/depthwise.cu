/* depthwise.cu: see depthwise.h. */
#include "depthwise.h"

#include "partial.h"
#include "taps.h"

enum { LANES = 32, ROWS = 8, TILE_ROWS = 256 };

template <typename Cell, typename Out>
__global__ static void
depthwise_forward_kernel(Taps taps, uint32_t count, const Cell *x, const Cell *weight, Out *y)
{
	const uint32_t at = blockIdx.x * blockDim.x + threadIdx.x;
	uint32_t channel, out_x, out_y;
	float sum = 0;

	if (at >= count)
		return;
	const uint32_t sample = divide(divide(divide(at, taps.in_c, &channel), taps.out_w, &out_x), taps.out_h, &out_y);
	for (uint32_t row = 0; row < taps.shape.kernel_h; row++)
		for (uint32_t column = 0; column < taps.shape.kernel_w; column++) {
			const Cell *from = input_under(taps.shape, x, sample, out_y, out_x, row, column, channel);

			if (from)
				sum = fmaf(widen(*from),
					   widen(weight[(row * taps.shape.kernel_w + column) * taps.in_c.value + channel]), sum);
		}
	y[at] = narrow<Out>(sum);
}

template <typename Cell, typename Out>
void
depthwise_forward(Work &work, const Convolution &shape, uint32_t n, const Cell *x, const Cell *weight, Out *y)
{
	const uint32_t count = n * shape.out_h * shape.out_w * shape.out_c;

	QUEUE(work, grid_for(work, count), (depthwise_forward_kernel<Cell, Out>), taps_of(shape), count, x, weight, y);
}

template <typename Cell>
__global__ static void
depthwise_input_kernel(Taps taps, uint32_t count, const Cell *dy, const Cell *weight, Cell *dx)
{
	const uint32_t at = blockIdx.x * blockDim.x + threadIdx.x, channels = taps.in_c.value;
	uint32_t channel, x, y;
	float sum = 0;

	if (at >= count)
		return;
	const uint32_t sample = divide(divide(divide(at, taps.in_c, &channel), taps.in_w, &x), taps.in_h, &y);
	outputs_over(taps, sample, y, x, [&](size_t pixel, uint32_t tap) {
		sum = fmaf(widen(dy[pixel * channels + channel]), widen(weight[tap * channels + channel]), sum);
	});
	dx[at] = narrow<Cell>(sum);
}

template <typename Cell>
void
depthwise_input(Work &work, const Convolution &shape, uint32_t n, const Cell *dy, const Cell *weight, Cell *dx)
{
	const uint32_t count = n * shape.in_h * shape.in_w * shape.in_c;

	QUEUE(work, grid_for(work, count), depthwise_input_kernel<Cell>, taps_of(shape), count, dy, weight, dx);
}

static uint32_t
tiles_of(const Convolution &shape, uint32_t n)
{
	return (n * shape.out_h * shape.out_w + TILE_ROWS - 1) / TILE_ROWS;
}

size_t
depthwise_weight_room(const Convolution &shape, uint32_t n)
{
	return static_cast<size_t>(tiles_of(shape, n)) * shape.kernel_h * shape.kernel_w * shape.in_c;
}

struct Lanes {
	float sums[ROWS][LANES];
};

/* Blocks: tiles of rows, 32 channels, taps; 8 rows at a time. */
template <typename Cell>
__global__ static void
depthwise_weight_kernel(Taps taps, uint32_t rows, const Cell *x, const Cell *dy, float *partial)
{
	SHARED(Lanes, lanes);
	const uint32_t channel = blockIdx.y * LANES + threadIdx.x, channels = taps.in_c.value;
	uint32_t column, out_x, out_y;
	const uint32_t tap_row = divide(blockIdx.z, taps.kernel_w, &column);
	float sum = 0;

	for (uint32_t i = threadIdx.y; channel < channels && i < TILE_ROWS; i += ROWS) {
		const uint32_t row = blockIdx.x * TILE_ROWS + i;

		if (row >= rows)
			break;
		const uint32_t sample = divide(divide(row, taps.out_w, &out_x), taps.out_h, &out_y);
		const Cell *from = input_under(taps.shape, x, sample, out_y, out_x, tap_row, column, channel);
		if (from)
			sum = fmaf(widen(*from), widen(dy[static_cast<size_t>(row) * channels + channel]), sum);
	}
	lanes.sums[threadIdx.y][threadIdx.x] = sum;
	__syncthreads();
	if (threadIdx.y || channel >= channels)
		return;
	for (int i = 1; i < ROWS; i++)
		sum += lanes.sums[i][threadIdx.x];
	partial[(static_cast<size_t>(blockIdx.x) * gridDim.z + blockIdx.z) * channels + channel] = sum;
}

template <typename Cell>
void
depthwise_weight(Work &work, const Convolution &shape, uint32_t n, const Cell *x, const Cell *dy, float *partial, float alpha,
		 float *dw)
{
	const uint32_t taps = shape.kernel_h * shape.kernel_w, tiles = tiles_of(shape, n);
	const Grid grid = { dim3(tiles, (shape.in_c + LANES - 1) / LANES, taps), dim3(LANES, ROWS), 0, work.stream };

	QUEUE(work, grid, depthwise_weight_kernel<Cell>, taps_of(shape), n * shape.out_h * shape.out_w, x, dy, partial);
	partial_add<double>(work, taps * shape.in_c, tiles, partial, alpha, dw);
}

#define MAKE(Cell)                                                                                                     \
	template void depthwise_input<Cell>(Work &, const Convolution &, uint32_t, const Cell *, const Cell *, Cell *); \
	template void depthwise_weight<Cell>(Work &, const Convolution &, uint32_t, const Cell *, const Cell *,        \
					     float *, float, float *);
FOR_CELLS(MAKE)

#define MAKE_FORWARD(Cell, Out)                                                                                        \
	template void depthwise_forward<Cell, Out>(Work &, const Convolution &, uint32_t, const Cell *, const Cell *, Out *);
FOR_CELL_PAIRS(MAKE_FORWARD)
