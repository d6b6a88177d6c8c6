/* transform.c: what a transform does, a pixel at a time. Every faster way must give these bits. */
#include "pixel/transform.h"

#include <stdbool.h>
#include <stddef.h>

enum {
	PIXEL = 1 << 20,  /* affine coordinates count 2^-20 pixel */
	WEIGHT = 1 << 11, /* weights count 2^-11 */
	OUTSIDE = -1,
};

const char *const fill_names[FILL_COUNT] = {
	[FILL_NEAREST] = "nearest", [FILL_CONSTANT] = "constant", [FILL_REFLECT] = "reflect", [FILL_WRAP] = "wrap",
};

const Transform transform_none = { { PIXEL, 0, 0, 0, PIXEL, 0 }, { 1 << 16, 0 }, { 0, 0, 0, 0, 0 } };

typedef struct Picture {
	uint32_t h, w, c;
	const uint8_t *pixels; /* [h, w, c] */
} Picture;

/* a x + b y + c, wrapping in 32 bits. */
static int32_t
coordinate(const int32_t *row, uint32_t x, uint32_t y)
{
	return (int32_t)((uint32_t)row[0] * x + (uint32_t)row[1] * y + (uint32_t)row[2]);
}

/* scipy's reflect: mirrors stand on the outer edges of the pixels, half a pixel outside their centres. */
static int64_t
reflect(int64_t at, int64_t size)
{
	int64_t period = 2 * size * PIXEL, last = (size - 1) * PIXEL;

	at = (at % period + period) % period;
	if (at >= size * PIXEL)
		at = period - PIXEL - at;
	return at < 0 ? 0 : at > last ? last : at;
}

/* scipy's wrap: the last pixel falls on the first of the next copy, so the period is one pixel short; coming from the
 * left the seam shows the last pixel, from the right the first. */
static int64_t
wrap(int64_t at, int64_t size)
{
	int64_t period = (size - 1) * PIXEL;

	if (size == 1)
		return 0;
	return at < 0 ? at + period * (-at / period + 1) : at % period;
}

/* Bring a coordinate onto an axis of that many pixels. */
static int64_t
bring_inside(int64_t at, int64_t size, Fill fill)
{
	int64_t last = (size - 1) * PIXEL;

	if (at >= 0 && at <= last)
		return at;
	switch (fill) {
	case FILL_CONSTANT:
		return OUTSIDE;
	case FILL_REFLECT:
		return reflect(at, size);
	case FILL_WRAP:
		return wrap(at, size);
	case FILL_NEAREST:
	default:
		return at < 0 ? 0 : last;
	}
}

/* One output pixel, all channels, read at (x, y) inside the picture. */
static void
interpolate(const Picture *from, int64_t x, int64_t y, uint8_t *to)
{
	uint32_t at_x = (uint32_t)((x + 256) >> 9), at_y = (uint32_t)((y + 256) >> 9);
	uint32_t right = at_x % WEIGHT, below = at_y % WEIGHT, left = WEIGHT - right, above = WEIGHT - below;
	/* on the last pixel the fraction is 0, and there is no neighbour */
	size_t step_x = right ? from->c : 0, step_y = below ? (size_t)from->w * from->c : 0;
	const uint8_t *p = from->pixels + ((size_t)(at_y / WEIGHT) * from->w + at_x / WEIGHT) * from->c;

	for (uint32_t k = 0; k < from->c; k++, p++)
		to[k] = (uint8_t)((above * (left * p[0] + right * p[step_x]) +
				   below * (left * p[step_y] + right * p[step_y + step_x]) + (1 << 21)) >> 22);
}

static void
warp(const Transform *transform, Fill fill, uint8_t value, const Picture *from, uint8_t *to)
{
	for (uint32_t y = 0; y < from->h; y++)
		for (uint32_t x = 0; x < from->w; x++, to += from->c) {
			int64_t from_x = bring_inside(coordinate(transform->affine, x, y), from->w, fill);
			int64_t from_y = bring_inside(coordinate(transform->affine + 3, x, y), from->h, fill);

			if (from_x != OUTSIDE && from_y != OUTSIDE)
				interpolate(from, from_x, from_y, to);
			else
				for (uint32_t k = 0; k < from->c; k++)
					to[k] = value;
		}
}

static void
tone(const int32_t *gain_offset, uint8_t *pixels, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int64_t level = ((int64_t)pixels[i] * gain_offset[0] + gain_offset[1] + (1 << 15)) >> 16;

		pixels[i] = (uint8_t)(level < 0 ? 0 : level > 255 ? 255 : level);
	}
}

/* Is begin <= at < begin + size? Hostile numbers may not overflow. */
static bool
is_within(uint32_t at, int32_t begin, int32_t size)
{
	return (int64_t)at >= begin && (int64_t)at < (int64_t)begin + size;
}

static void
erase(const int32_t *box, const Picture *shape, uint8_t *pixels)
{
	for (uint32_t y = 0; y < shape->h; y++)
		for (uint32_t x = 0; x < shape->w; x++, pixels += shape->c)
			if (is_within(y, box[0], box[2]) && is_within(x, box[1], box[3]))
				for (uint32_t k = 0; k < shape->c; k++)
					pixels[k] = (uint8_t)box[4];
}

void
transform_apply(const Transform *transform, Fill fill, uint8_t value, uint32_t h, uint32_t w, uint32_t c,
		const uint8_t *from, uint8_t *to)
{
	Picture picture = { h, w, c, from };

	warp(transform, fill, value, &picture, to);
	tone(transform->tone, to, (size_t)h * w * c);
	erase(transform->erase, &picture, to);
}
