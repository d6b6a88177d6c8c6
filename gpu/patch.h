/* patch.h: the pixels under the windows of a tile, of a convolution of stride 1 whose outputs are as many as its inputs: there
 * a tap is the same pixel so many pixels on, in all pictures one after the other. */
#ifndef FM_GPU_PATCH_H
#define FM_GPU_PATCH_H

#include "direct_window.h"
#include "tensor_tile.h"

struct Patch {
	uint32_t pixels, halo; /* all of them; those before the tile's first */
	uint32_t row_bits;     /* the first tap of every row of taps */
};

/* Bits of taps_inside. */
enum { TAPS_MOST = 32 };

inline bool
has_patch(const Convolution &shape)
{
	return shape.stride == 1 && shape.in_h == shape.out_h && shape.in_w == shape.out_w &&
	       shape.kernel_h * shape.kernel_w <= TAPS_MOST;
}

/* Pixels from a tile's first to its last; rows of windows two rows of pixels at a time. */
inline uint32_t
tile_span(const DirectJob &job)
{
	const uint32_t windows = TENSOR_ROWS / 4, half_w = job.half_w.value;

	return job.is_windowed ? (windows + 2 * half_w - 2) / half_w * 2 * job.shape.out_w : 4 * windows;
}

inline Patch
patch_of(const DirectJob &job)
{
	const Convolution &shape = job.shape;
	const uint32_t before = shape.pad_top * shape.in_w + shape.pad_left;
	const uint32_t after = (shape.kernel_h - 1 - shape.pad_top) * shape.in_w + shape.kernel_w - 1 - shape.pad_left;

	uint32_t row_bits = 0;

	for (uint32_t row = 0; row < shape.kernel_h; row++)
		row_bits |= 1u << row * shape.kernel_w;
	return Patch{ before + tile_span(job) + after, before, row_bits };
}

#ifdef FM_KERNELS

/** The least pixel of a tile's rows. */
__device__ inline uint32_t
first_pixel_of(const DirectJob &job, uint32_t first_row)
{
	return job.is_windowed ? divide(first_row / 4, job.half_w) * 2 * job.shape.out_w : first_row;
}

/* Bits first … end - 1, of 32 at most. */
__device__ inline uint32_t
bits_between(uint32_t first, uint32_t end)
{
	return first < end ? 0xffffffffu >> (32 - end) & 0xffffffffu << first : 0;
}

/* The taps of one axis that are inside: bits of them, each `step` from the next. */
__device__ inline uint32_t
axis_inside(uint32_t at, uint32_t pad, uint32_t kernel, uint32_t size, uint32_t step)
{
	const uint32_t first = at < pad ? pad - at : 0, room = size + pad - at; /* taps that end before the far edge */

	return bits_between(first * step, (room < kernel ? room : kernel) * step);
}

/** Bit t: tap t of a pixel's window is inside of the picture. None of a pixel beyond the last. */
__device__ inline uint32_t
taps_inside(const DirectJob &job, const Patch &patch, uint32_t pixel)
{
	const Convolution &shape = job.shape;
	uint32_t x, y;

	if (pixel >= job.pixels)
		return 0;
	divide(divide(pixel, job.out_w, &x), job.out_h, &y);
	/* the row's bits once for every row */
	return axis_inside(x, shape.pad_left, shape.kernel_w, shape.in_w, 1) *
	       (patch.row_bits & axis_inside(y, shape.pad_top, shape.kernel_h, shape.in_h, shape.kernel_w));
}

#endif

#endif
