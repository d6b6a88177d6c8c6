/* augment/kernel.h: what the warp's fast paths share: a channel laid out for them, and how they fold coordinates.
 *
 * A plane holds, for every pixel, itself and the one below as two bytes, so that four bytes from an entry on are the four
 * neighbours that bilinear interpolation reads: one load, or one lane of a gather. The entry right of a row's last pixel
 * and the bytes below the last row are readable and count nothing, because there the fraction is 0. */
#ifndef FM_AUGMENT_KERNEL_H
#define FM_AUGMENT_KERNEL_H

#include "augment/warp.h"

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
	int32_t size, last; /* pixels; (size - 1) in 2^-20 pixel */
	uint32_t period;    /* pixels after which the fill repeats */
	uint32_t magic, shift;
} Axis;

typedef struct Plane {
	uint32_t h, w;
	uint32_t stride; /* entries */
	const uint8_t *pairs;
	Axis x, y;
	uint8_t value; /* of FILL_CONSTANT */
} Plane;

typedef struct WarpKernel {
	const char *name;

	/** pairs[y, x] = from[y, x, 0] and from[y + 1, x, 0]; the last row stands for the one below it. */
	void (*lay_out)(const uint8_t *from, uint32_t h, uint32_t w, uint32_t c, uint32_t stride, uint8_t *pairs);

	/** By fill: to[h, w] = the plane, warped. */
	void (*warp[4])(const Plane *plane, const int32_t affine[6], uint8_t *to);
} WarpKernel;

extern const WarpKernel warp_plain;

/* a x + b y + c at the start of row y, wrapping. */
static inline int32_t
warp_row_start(const int32_t *row, uint32_t y)
{
	return (int32_t)((uint32_t)row[1] * y + (uint32_t)row[2]);
}

#endif
