/* pixel/kernel.h: what the warp's fast paths share: one channel, laid out for them, and how they fold coordinates.
 *
 * A plane holds, for every pixel, itself and the one below as two bytes, so that four bytes from an entry on are the four
 * neighbours that bilinear interpolation reads: one load, or one lane of a gather. The entry right of a row's last pixel
 * and the bytes below the last row are readable and count nothing, because there the fraction is 0. */
#ifndef FM_PIXEL_KERNEL_H
#define FM_PIXEL_KERNEL_H

#include "pixel/warp.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	WARP_PIXEL = 1 << 20,	/* coordinates count 2^-20 pixel */
	WARP_HALF = 1 << 8,	/* half of 2^-11 pixel */
	WARP_TO_WEIGHT = 9,	/* bits from coordinate to 2^-11 pixel */
	WARP_WEIGHT_BITS = 11,
	WARP_ENTRIES = 32,	/* rows of a plane are padded to this many entries, one more than pixels at least */
};

/** One axis, prepared for folding: q = (pixel * magic) >> shift is pixel / period for pixel <= 2048, in 32 bits. */
typedef struct Axis {
	int32_t last;	 /* the last pixel, in 2^-20 pixel */
	uint32_t period; /* pixels after which the fill repeats */
	uint32_t magic, shift;
} Axis;

typedef struct Plane {
	uint32_t h, w;
	const uint8_t *pixels; /* [h, w] */
	const uint8_t *pairs;  /* [h, stride, 2], after lay_out */
	uint32_t stride;
	Axis x, y;
	uint8_t value; /* of FILL_CONSTANT */
} Plane;

typedef struct WarpKernel {
	const char *name;

	/** planes[c, pixels] from pictures [pixels, c], and back. */
	void (*take_apart)(const uint8_t *from, size_t pixels, size_t c, uint8_t *planes);
	void (*join)(const uint8_t *planes, size_t pixels, size_t c, uint8_t *to);

	/** The plane's pairs from its pixels; the last row stands for the one below it. */
	void (*lay_out)(const Plane *plane, uint8_t *pairs);

	/** By fill: to[h, w] = the plane, warped. */
	void (*warp[4])(const Plane *plane, const int32_t affine[6], uint8_t *to);
} WarpKernel;

/* WarpKernel's four out of one that is always inlined, so that what depends on the fill is decided once and not for each pixel:
 * warp(const Plane *, const int32_t affine[6], uint8_t *to, Fill). */
#define WARP_OF_FILL(warp, name, fill)                                                                                 \
	static void name(const Plane *plane, const int32_t affine[6], uint8_t *to)                                     \
	{                                                                                                              \
		warp(plane, affine, to, fill);                                                                         \
	}
#define WARPS_OF_FILLS(warp)                                                                                           \
	WARP_OF_FILL(warp, warp_nearest, FILL_NEAREST)                                                                 \
	WARP_OF_FILL(warp, warp_constant, FILL_CONSTANT)                                                               \
	WARP_OF_FILL(warp, warp_reflect, FILL_REFLECT)                                                                 \
	WARP_OF_FILL(warp, warp_wrap, FILL_WRAP)
#define WARPS                                                                                                          \
	{ [FILL_NEAREST] = warp_nearest, [FILL_CONSTANT] = warp_constant, [FILL_REFLECT] = warp_reflect,               \
	  [FILL_WRAP] = warp_wrap }

extern const WarpKernel warp_plain, warp_avx2, warp_avx512;

/**
 * to[h, w] = the plane's pixels, warped, without pairs.
 *
 * @return false: not for this picture, this map or this fill; nothing is done then
 */
typedef bool WarpSmall(const Plane *plane, Fill fill, const int32_t affine[6], uint8_t *to);

WarpSmall warp_small_avx512vbmi;

/**
 * What fits the processor, or what FM_CPU demands: plain, avx2 or avx512.
 *
 * @param small  out, may be NULL after the call
 * @return STATUS_OK; STATUS_DEVICE where FM_CPU is another word or can't run here
 */
MUST_CHECK Status warp_choose(const WarpKernel **kernel, WarpSmall **small);

/* a x + b y + c at the start of row y, wrapping. */
static inline int32_t
warp_row_start(const int32_t *row, uint32_t y)
{
	return (int32_t)((uint32_t)row[1] * y + (uint32_t)row[2]);
}

#endif
