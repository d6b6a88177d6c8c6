/* patch.h: the pixels under the windows of a tile, of a convolution of stride 1 whose outputs are as many as its inputs: there
 * a tap is the same pixel so many pixels on, in all pictures one after the other. */
#ifndef FM_GPU_PATCH_H
#define FM_GPU_PATCH_H

#include "direct_window.h"
#include "tensor_tile.h"

struct Patch {
	uint32_t pixels, halo; /* all of them; those before the tile's first */
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

	return Patch{ before + tile_span(job) + after, before };
}

#ifdef FM_KERNELS

/** The least pixel of a tile's rows. */
__device__ inline uint32_t
first_pixel_of(const DirectJob &job, uint32_t first_row)
{
	return job.is_windowed ? divide(first_row / 4, job.half_w) * 2 * job.shape.out_w : first_row;
}

/** Bit t: tap t of a pixel's window is inside of the picture. None of a pixel beyond the last. */
__device__ inline uint32_t
taps_inside(const DirectJob &job, uint32_t pixel)
{
	const Convolution &shape = job.shape;
	uint32_t inside = 0, bit = 1, x, y;

	if (pixel >= job.pixels)
		return 0;
	divide(divide(pixel, job.out_w, &x), job.out_h, &y);
	for (uint32_t row = 0; row < shape.kernel_h; row++)
		for (uint32_t column = 0; column < shape.kernel_w; column++, bit *= 2)
			/* on padding they wrap */
			if (y + row - shape.pad_top < shape.in_h && x + column - shape.pad_left < shape.in_w)
				inside |= bit;
	return inside;
}

#endif

#endif
