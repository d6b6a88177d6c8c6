/* plain.c: the warp for any machine: a row's coordinates in loops that compilers vectorise, then its pixels. */
#include "pixel/channels.h"
#include "pixel/kernel.h"

#include <string.h>

enum { SIDE_MOST = 1024 };

/* Where a row's pixels read: entries of the plane, fractions in 2^-11 pixel. */
typedef struct Row {
	uint32_t entry[SIDE_MOST];
	uint32_t fraction_x[SIDE_MOST], fraction_y[SIDE_MOST];
	uint8_t is_outside[SIDE_MOST]; /* FILL_CONSTANT only */
} Row;

static inline int32_t
clamp(int32_t at, int32_t last)
{
	return at < 0 ? 0 : at > last ? last : at;
}

/* What is left of a distance after whole periods. */
static inline uint32_t
modulo(uint32_t distance, const Axis *axis)
{
	uint32_t periods = ((distance >> 20) * axis->magic) >> axis->shift;

	return distance - periods * (axis->period << 20);
}

static inline int32_t
reflect(int32_t at, const Axis *axis)
{
	uint32_t mirrored = at < 0 ? -(uint32_t)at - WARP_PIXEL : (uint32_t)at;
	uint32_t distance = (int32_t)mirrored < 0 ? 0 : mirrored;
	int32_t there = (int32_t)modulo(distance, axis);
	int32_t back = (int32_t)((axis->period - 1) << 20) - there;

	return there < back ? there : back;
}

static inline int32_t
wrap(int32_t at, const Axis *axis)
{
	int32_t rest = (int32_t)modulo(at < 0 ? -(uint32_t)at : (uint32_t)at, axis);

	return at < 0 ? axis->last - rest : at > axis->last ? rest : at;
}

/* Bring a coordinate onto its axis and round it to 2^-11 pixel. */
static inline uint32_t
fold(int32_t at, const Axis *axis, Fill fill)
{
	if (fill == FILL_REFLECT)
		at = reflect(at, axis);
	else if (fill == FILL_WRAP)
		at = wrap(at, axis);
	return (uint32_t)(clamp(at, axis->last) + WARP_HALF) >> WARP_TO_WEIGHT;
}

static inline void
place_row(const Plane *plane, const int32_t affine[6], uint32_t y, Fill fill, Row *row)
{
	/* copies, because a store into row could otherwise change them */
	const Axis axis_x = plane->x, axis_y = plane->y;
	uint32_t at_x = (uint32_t)warp_row_start(affine, y), at_y = (uint32_t)warp_row_start(affine + 3, y);
	uint32_t step_x = (uint32_t)affine[0], step_y = (uint32_t)affine[3], w = plane->w, stride = plane->stride;

	for (uint32_t x = 0; x < w; x++) {
		uint32_t from_x = fold((int32_t)(at_x + step_x * x), &axis_x, fill);
		uint32_t from_y = fold((int32_t)(at_y + step_y * x), &axis_y, fill);

		row->entry[x] = (from_y >> WARP_WEIGHT_BITS) * stride + (from_x >> WARP_WEIGHT_BITS);
		row->fraction_x[x] = from_x & 2047;
		row->fraction_y[x] = from_y & 2047;
	}
	if (fill == FILL_CONSTANT)
		for (uint32_t x = 0; x < w; x++)
			row->is_outside[x] = (at_x + step_x * x > (uint32_t)axis_x.last) |
					     (at_y + step_y * x > (uint32_t)axis_y.last);
}

/* Four neighbours in one load: left, left below, right, right below. The upper and the lower sum share a 64-bit product. */
static inline uint8_t
interpolate(const uint8_t *entry, uint32_t right, uint32_t below)
{
	uint32_t four;
	uint64_t sums;

	memcpy(&four, entry, sizeof four);
	sums = ((four & 0xff) | (uint64_t)(four >> 8 & 0xff) << 32) * (2048 - right) +
	       ((four >> 16 & 0xff) | (uint64_t)(four >> 24) << 32) * right;
	return (uint8_t)(((uint32_t)sums * (2048 - below) + (uint32_t)(sums >> 32) * below + (1 << 21)) >> 22);
}

static inline __attribute__((always_inline)) void
warp(const Plane *plane, const int32_t affine[6], uint8_t *to, Fill fill)
{
	Row row;

	for (uint32_t y = 0; y < plane->h; y++, to += plane->w) {
		place_row(plane, affine, y, fill, &row);
		for (uint32_t x = 0; x < plane->w; x++)
			to[x] = interpolate(plane->pairs + 2 * (size_t)row.entry[x], row.fraction_x[x], row.fraction_y[x]);
		if (fill == FILL_CONSTANT)
			for (uint32_t x = 0; x < plane->w; x++)
				to[x] = row.is_outside[x] ? plane->value : to[x];
	}
}

WARPS_OF_FILLS(warp)

static void
lay_out(const Plane *plane, uint8_t *pairs)
{
	const uint8_t *row = plane->pixels;

	for (uint32_t y = 0; y < plane->h; y++, pairs += 2 * (size_t)plane->stride) {
		const uint8_t *below = y + 1 < plane->h ? row + plane->w : row;

		for (uint32_t x = 0; x < plane->w; x++) {
			pairs[2 * x] = row[x];
			pairs[2 * x + 1] = below[x];
		}
		row = below;
	}
}

const WarpKernel warp_plain = {
	.name = "plain",
	.take_apart = take_apart,
	.join = join,
	.lay_out = lay_out,
	.warp = WARPS,
};
