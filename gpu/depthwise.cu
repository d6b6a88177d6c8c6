/* depthwise.cu: see depthwise.h. */
#include "depthwise.h"

#include "divide.h"

enum { LANES = 32, ROWS = 8, TILE_ROWS = 256 };

struct DepthwiseJob {
	Convolution shape;
	Divisor c, out_w, out_h, in_w, in_h, stride, kernel_w;
	uint32_t rows, count; /* n out.h out.w; threads */
};

static DepthwiseJob
job_of(const Convolution &shape, uint32_t n, uint32_t count)
{
	return DepthwiseJob{ shape,
			     divisor_of(shape.in_c),
			     divisor_of(shape.out_w),
			     divisor_of(shape.out_h),
			     divisor_of(shape.in_w),
			     divisor_of(shape.in_h),
			     divisor_of(shape.stride),
			     divisor_of(shape.kernel_w),
			     n * shape.out_h * shape.out_w,
			     count };
}

/* The input cell under element (row, column) of the window of output (y, x). @return NULL on padding */
template <typename Cell>
__device__ static const Cell *
input_cell(const DepthwiseJob &job, const Cell *x, uint32_t sample, uint32_t out_y, uint32_t out_x, uint32_t row, uint32_t column,
	   uint32_t channel)
{
	const Convolution &shape = job.shape;
	const int32_t in_y = static_cast<int32_t>(out_y * shape.stride + row) - static_cast<int32_t>(shape.pad_top);
	const int32_t in_x = static_cast<int32_t>(out_x * shape.stride + column) - static_cast<int32_t>(shape.pad_left);

	if (in_y < 0 || in_x < 0 || in_y >= static_cast<int32_t>(shape.in_h) || in_x >= static_cast<int32_t>(shape.in_w))
		return nullptr;
	return x + (static_cast<size_t>(sample * shape.in_h + in_y) * shape.in_w + in_x) * shape.in_c + channel;
}

template <typename Cell, typename Out>
__global__ static void
depthwise_forward_kernel(DepthwiseJob job, const Cell *x, const Cell *weight, Out *y)
{
	const uint32_t at = blockIdx.x * blockDim.x + threadIdx.x;
	uint32_t channel, out_x, out_y;
	float sum = 0;

	if (at >= job.count)
		return;
	const uint32_t sample = divide(divide(divide(at, job.c, &channel), job.out_w, &out_x), job.out_h, &out_y);
	for (uint32_t row = 0; row < job.shape.kernel_h; row++)
		for (uint32_t column = 0; column < job.shape.kernel_w; column++) {
			const Cell *from = input_cell(job, x, sample, out_y, out_x, row, column, channel);

			if (from)
				sum = fmaf(widen(*from),
					   widen(weight[(row * job.shape.kernel_w + column) * job.c.value + channel]), sum);
		}
	y[at] = narrow<Out>(sum);
}

template <typename Cell, typename Out>
void
depthwise_forward(Work &work, const Convolution &shape, uint32_t n, const Cell *x, const Cell *weight, Out *y)
{
	const uint32_t count = n * shape.out_h * shape.out_w * shape.out_c;

	QUEUE(work, grid_for(work, count), (depthwise_forward_kernel<Cell, Out>), job_of(shape, n, count), x, weight, y);
}

/* The output, along one axis, whose window's element `element` is place `at`. @return false: there is none */
__device__ static bool
output_with(uint32_t at, uint32_t pad, uint32_t element, const Divisor &stride, uint32_t count, uint32_t *output)
{
	uint32_t rest;

	if (at + pad < element)
		return false;
	*output = divide(at + pad - element, stride, &rest);
	return !rest && *output < count;
}

template <typename Cell>
__global__ static void
depthwise_input_kernel(DepthwiseJob job, const Cell *dy, const Cell *weight, Cell *dx)
{
	const uint32_t at = blockIdx.x * blockDim.x + threadIdx.x;
	const Convolution &shape = job.shape;
	uint32_t channel, x, y, out_x, out_y;
	float sum = 0;

	if (at >= job.count)
		return;
	const uint32_t sample = divide(divide(divide(at, job.c, &channel), job.in_w, &x), job.in_h, &y);
	for (uint32_t row = 0; row < shape.kernel_h; row++) {
		if (!output_with(y, shape.pad_top, row, job.stride, shape.out_h, &out_y))
			continue;
		for (uint32_t column = 0; column < shape.kernel_w; column++) {
			if (!output_with(x, shape.pad_left, column, job.stride, shape.out_w, &out_x))
				continue;
			const size_t pixel = static_cast<size_t>(sample * shape.out_h + out_y) * shape.out_w + out_x;

			sum = fmaf(widen(dy[pixel * job.c.value + channel]),
				   widen(weight[(row * shape.kernel_w + column) * job.c.value + channel]), sum);
		}
	}
	dx[at] = narrow<Cell>(sum);
}

template <typename Cell>
void
depthwise_input(Work &work, const Convolution &shape, uint32_t n, const Cell *dy, const Cell *weight, Cell *dx)
{
	const uint32_t count = n * shape.in_h * shape.in_w * shape.in_c;

	QUEUE(work, grid_for(work, count), depthwise_input_kernel<Cell>, job_of(shape, n, count), dy, weight, dx);
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
depthwise_weight_kernel(DepthwiseJob job, const Cell *x, const Cell *dy, float *partial)
{
	SHARED(Lanes, lanes);
	const uint32_t channel = blockIdx.y * LANES + threadIdx.x, taps = gridDim.z;
	uint32_t column, out_x, out_y;
	const uint32_t tap_row = divide(blockIdx.z, job.kernel_w, &column);
	float sum = 0;

	for (uint32_t i = threadIdx.y; channel < job.c.value && i < TILE_ROWS; i += ROWS) {
		const uint32_t row = blockIdx.x * TILE_ROWS + i;

		if (row >= job.rows)
			break;
		const uint32_t sample = divide(divide(row, job.out_w, &out_x), job.out_h, &out_y);
		const Cell *from = input_cell(job, x, sample, out_y, out_x, tap_row, column, channel);
		if (from)
			sum = fmaf(widen(*from), widen(dy[static_cast<size_t>(row) * job.c.value + channel]), sum);
	}
	lanes.sums[threadIdx.y][threadIdx.x] = sum;
	__syncthreads();
	if (threadIdx.y || channel >= job.c.value)
		return;
	for (int i = 1; i < ROWS; i++)
		sum += lanes.sums[i][threadIdx.x];
	partial[(static_cast<size_t>(blockIdx.x) * taps + blockIdx.z) * job.c.value + channel] = sum;
}

__global__ static void
depthwise_add_kernel(uint32_t count, uint32_t tiles, const float *partial, float alpha, float *dw)
{
	const uint32_t at = blockIdx.x * blockDim.x + threadIdx.x;
	double sum = 0;

	if (at >= count)
		return;
	for (uint32_t tile = 0; tile < tiles; tile++)
		sum += partial[static_cast<size_t>(tile) * count + at];
	dw[at] = static_cast<float>(alpha * sum);
}

template <typename Cell>
void
depthwise_weight(Work &work, const Convolution &shape, uint32_t n, const Cell *x, const Cell *dy, float *partial, float alpha,
		 float *dw)
{
	const uint32_t taps = shape.kernel_h * shape.kernel_w, tiles = tiles_of(shape, n), count = taps * shape.in_c;
	const Grid grid = { dim3(tiles, (shape.in_c + LANES - 1) / LANES, taps), dim3(LANES, ROWS), 0, work.stream };

	QUEUE(work, grid, depthwise_weight_kernel<Cell>, job_of(shape, n, 0), x, dy, partial);
	QUEUE(work, grid_for(work, count), depthwise_add_kernel, count, tiles, static_cast<const float *>(partial), alpha, dw);
}

#define MAKE(Cell)                                                                                                     \
	template void depthwise_input<Cell>(Work &, const Convolution &, uint32_t, const Cell *, const Cell *, Cell *); \
	template void depthwise_weight<Cell>(Work &, const Convolution &, uint32_t, const Cell *, const Cell *,        \
					     float *, float, float *);
FOR_CELLS(MAKE)

#define MAKE_FORWARD(Cell, Out)                                                                                        \
	template void depthwise_forward<Cell, Out>(Work &, const Convolution &, uint32_t, const Cell *, const Cell *, Out *);
FOR_CELL_PAIRS(MAKE_FORWARD)
