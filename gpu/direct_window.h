/* direct_window.h: where a convolution's windows lie, for kernels that read them there. */
#ifndef FM_GPU_DIRECT_WINDOW_H
#define FM_GPU_DIRECT_WINDOW_H

#include "convolution.h"
#include "divide.h"

/* A convolution as the kernel sees it: x [n, in] times weights [taps, in_c][out_c] gives y [pixels, out_c]. */
struct DirectJob {
	Convolution shape;
	Divisor out_w, out_h, in_c, kernel_w;
	uint32_t pixels, depth; /* n out.h out.w; kernel.h kernel.w in.c */
	bool is_windowed;	/* tiles take pixels by windows of 2 x 2, see pixel_at */
	Divisor half_w;		/* out.w / 2, then */
};

inline DirectJob
job_of(const Convolution &shape, uint32_t n, bool is_windowed)
{
	return DirectJob{ shape,
			  divisor_of(shape.out_w),
			  divisor_of(shape.out_h),
			  divisor_of(shape.in_c),
			  divisor_of(shape.kernel_w),
			  n * shape.out_h * shape.out_w,
			  shape.kernel_h * shape.kernel_w * shape.in_c,
			  is_windowed,
			  divisor_of(is_windowed ? shape.out_w / 2 : 1) };
}

/* The weights' derivative: rows (tap, input channel) by output channels, summed over pixels. */
struct WeightJob {
	Convolution shape;
	Divisor out_w, out_h, in_c, kernel_w;
	uint32_t pixels, rows; /* n out.h out.w; kernel.h kernel.w in.c */
	uint32_t slice;	       /* pixels of one, a multiple of 16 */
	uint32_t step;	       /* pixels that a block takes at a time: in samples, rows of the output, and pixels of a row */
	uint32_t step_samples, step_rows, step_columns;
};

#ifdef FM_KERNELS

/* The pixel that row `at` of the tiles stands for: the same, or, where a pool follows, so that a window's four pixels are STEP
 * rows apart, all of them one thread's. @return job.pixels or more: none */
template <uint32_t STEP>
__device__ inline uint32_t
pixel_at(const DirectJob &job, uint32_t at)
{
	const uint32_t window = at / (4 * STEP) * STEP + at % STEP, element = at / STEP % 4;
	uint32_t x;

	if (!job.is_windowed)
		return at;
	if (window >= job.pixels / 4)
		return job.pixels;
	const uint32_t row = 2 * divide(window, job.half_w, &x) + element / 2;
	return row * job.shape.out_w + 2 * x + element % 2;
}

/* The pixel whose windows a thread loads. */
struct Pixel {
	bool is_inside;
	uint32_t sample;
	int32_t top, left; /* of its window, in the input */
};

__device__ inline Pixel
pixel_of(const DirectJob &job, uint32_t at)
{
	Pixel pixel;
	uint32_t x, y;

	pixel.is_inside = at < job.pixels;
	pixel.sample = divide(divide(pixel.is_inside ? at : 0, job.out_w, &x), job.out_h, &y);
	pixel.top = static_cast<int32_t>(y * job.shape.stride) - static_cast<int32_t>(job.shape.pad_top);
	pixel.left = static_cast<int32_t>(x * job.shape.stride) - static_cast<int32_t>(job.shape.pad_left);
	return pixel;
}

/* A pixel's window gone through by steps that divide the input's channels, so that none of them asks for a division. */
struct Walk {
	uint32_t top, left;	  /* of the tap, in the input; on padding they wrap */
	uint32_t index;		  /* in x, of the next cells; likewise */
	uint32_t channel, column; /* of the tap: the same for all threads */
};

__device__ inline Walk
walk_of(const DirectJob &job, const Pixel &pixel)
{
	Walk walk = { static_cast<uint32_t>(pixel.top), static_cast<uint32_t>(pixel.left), 0, 0, 0 };

	walk.index = ((pixel.sample * job.shape.in_h + walk.top) * job.shape.in_w + walk.left) * job.shape.in_c;
	if (!pixel.is_inside)
		walk.top = 1u << 31; /* on padding, whatever the row */
	return walk;
}

__device__ inline void
walk_on(const DirectJob &job, uint32_t step, Walk *walk)
{
	walk->index += step;
	walk->channel += step;
	if (walk->channel < job.shape.in_c)
		return;
	walk->channel = 0;
	walk->left++;
	if (++walk->column < job.shape.kernel_w)
		return;
	walk->column = 0;
	walk->left -= job.shape.kernel_w;
	walk->top++;
	walk->index += (job.shape.in_w - job.shape.kernel_w) * job.shape.in_c;
}

/* Address of the next cells. Indices are below 2^31 (plan.cc), so that what wraps comes back. @return NULL on padding */
template <typename Cell>
__device__ inline const Cell *
walk_cell(const DirectJob &job, const Walk &walk, const Cell *x)
{
	return walk.top < job.shape.in_h && walk.left < job.shape.in_w ? x + walk.index : nullptr;
}

/* Address of element k of a pixel's window. @return NULL on padding, and beyond the depth or the pixels */
template <typename Cell>
__device__ inline const Cell *
window_cell(const DirectJob &job, const Pixel &pixel, const Cell *x, uint32_t k)
{
	const Convolution &shape = job.shape;
	uint32_t channel, column;
	const uint32_t row = divide(divide(k, job.in_c, &channel), job.kernel_w, &column);
	const int32_t in_y = pixel.top + static_cast<int32_t>(row), in_x = pixel.left + static_cast<int32_t>(column);

	if (!pixel.is_inside || k >= job.depth || in_y < 0 || in_x < 0 || in_y >= static_cast<int32_t>(shape.in_h) ||
	    in_x >= static_cast<int32_t>(shape.in_w))
		return nullptr;
	return x + (static_cast<size_t>(pixel.sample * shape.in_h + in_y) * shape.in_w + in_x) * shape.in_c + channel;
}

/* A thread's four columns of the weights, gone down by steps. */
struct Descent {
	uint32_t index; /* of the next row's, in the weights */
	uint32_t reach; /* depth that is left for this thread, from 0 on: 0 beyond the columns */
};

/* From row `row` of the weights on, whose columns begin at `column`. */
__device__ inline Descent
descent_of(const DirectJob &job, uint32_t row, uint32_t column)
{
	return Descent{ row * job.shape.out_c + column, column < job.shape.out_c && row < job.depth ? job.depth - row : 0 };
}

/* The eight input channels of one tap that a thread loads, of whatever pixel. */
struct Window {
	bool is_inside;
	int32_t row, column; /* of the tap, less the padding */
	uint32_t channel;
};

__device__ inline Window
window_of(const WeightJob &job, uint32_t at)
{
	Window window;
	uint32_t column;

	window.is_inside = at < job.rows;
	const uint32_t row = divide(divide(window.is_inside ? at : 0, job.in_c, &window.channel), job.kernel_w, &column);
	window.row = static_cast<int32_t>(row) - static_cast<int32_t>(job.shape.pad_top);
	window.column = static_cast<int32_t>(column) - static_cast<int32_t>(job.shape.pad_left);
	return window;
}

/* An output pixel, of which a thread takes every job.step-th: the next is found by adding. */
struct Output {
	uint32_t pixel, x, y, sample;
};

__device__ inline Output
output_of(const WeightJob &job, uint32_t pixel)
{
	Output output;

	output.pixel = pixel;
	output.sample = divide(divide(pixel, job.out_w, &output.x), job.out_h, &output.y);
	return output;
}

__device__ inline void
output_move(const WeightJob &job, Output *output, uint32_t pixels, uint32_t columns, uint32_t rows, uint32_t samples)
{
	output->pixel += pixels;
	output->x += columns;
	output->y += rows;
	output->sample += samples;
	if (output->x >= job.shape.out_w) {
		output->x -= job.shape.out_w;
		output->y++;
	}
	if (output->y >= job.shape.out_h) {
		output->y -= job.shape.out_h;
		output->sample++;
	}
}

__device__ inline void
output_on(const WeightJob &job, Output *output)
{
	output_move(job, output, job.step, job.step_columns, job.step_rows, job.step_samples);
}

/* The pixel beside it. */
__device__ inline Output
output_next(const WeightJob &job, Output output)
{
	output_move(job, &output, 1, 1, 0, 0);
	return output;
}

/* Address of those channels under the window of an output pixel. @return NULL on padding, and beyond rows or pixels */
template <typename Cell>
__device__ inline const Cell *
window_cells(const WeightJob &job, const Window &window, const Output &output, uint32_t end, const Cell *x)
{
	const Convolution &shape = job.shape;
	const uint32_t in_y = output.y * shape.stride + static_cast<uint32_t>(window.row);
	const uint32_t in_x = output.x * shape.stride + static_cast<uint32_t>(window.column);

	/* on padding they wrap */
	if (!window.is_inside || output.pixel >= end || in_y >= shape.in_h || in_x >= shape.in_w)
		return nullptr;
	return x + (((output.sample * shape.in_h + in_y) * shape.in_w + in_x) * shape.in_c + window.channel);
}

/* A thread's four columns of the derivative by the outputs. */
struct DerivativeColumns {
	uint32_t index, end; /* of the next in dy; the pixel beyond the last, 0 beyond the columns */
};

__device__ inline DerivativeColumns
derivative_columns(const WeightJob &job, uint32_t pixel, uint32_t column, uint32_t end)
{
	return DerivativeColumns{ pixel * job.shape.out_c + column, column < job.shape.out_c ? end : 0 };
}

#endif

#endif
