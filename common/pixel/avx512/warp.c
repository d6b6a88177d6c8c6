/* avx512/warp.c: sixteen pixels at a time, their four neighbours by one gather. */
#include "pixel/channels.h"
#include "pixel/kernel.h"

#include <immintrin.h>

enum { LANES = 16 };

/* One axis of plane and map, in every lane. */
typedef struct Lanes {
	__m512i step;	 /* lane times what one output pixel to the right moves */
	__m512i last, back, period, magic;
	__m128i shift;
} Lanes;

static inline Lanes
lanes_make(const Axis *axis, int32_t step)
{
	const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);

	return (Lanes){
		.step = _mm512_mullo_epi32(lane, _mm512_set1_epi32(step)),
		.last = _mm512_set1_epi32(axis->last),
		.back = _mm512_set1_epi32((int32_t)((axis->period - 1) << 20)),
		.period = _mm512_set1_epi32((int32_t)(axis->period << 20)),
		.magic = _mm512_set1_epi32((int32_t)axis->magic),
		.shift = _mm_cvtsi32_si128((int)axis->shift),
	};
}

/* What is left of a distance after whole periods. */
static inline __m512i
modulo(__m512i distance, const Lanes *axis)
{
	__m512i pixels = _mm512_srli_epi32(distance, 20);
	__m512i periods = _mm512_srl_epi32(_mm512_mullo_epi32(pixels, axis->magic), axis->shift);

	return _mm512_sub_epi32(distance, _mm512_mullo_epi32(periods, axis->period));
}

static inline __m512i
reflect(__m512i at, const Lanes *axis)
{
	const __m512i zero = _mm512_setzero_si512();
	__mmask16 is_negative = _mm512_movepi32_mask(at);
	__m512i mirrored = _mm512_mask_sub_epi32(at, is_negative, _mm512_set1_epi32(-WARP_PIXEL), at);
	__m512i there = modulo(_mm512_max_epi32(mirrored, zero), axis);

	return _mm512_min_epi32(there, _mm512_sub_epi32(axis->back, there));
}

static inline __m512i
wrap(__m512i at, const Lanes *axis)
{
	__m512i rest = modulo(_mm512_abs_epi32(at), axis);
	__mmask16 is_beyond = _mm512_cmpgt_epi32_mask(at, axis->last);

	at = _mm512_mask_sub_epi32(at, _mm512_movepi32_mask(at), axis->last, rest);
	return _mm512_mask_mov_epi32(at, is_beyond, rest);
}

/* Bring coordinates onto their axis and round them to 2^-11 pixel. */
static inline __m512i
fold(__m512i at, const Lanes *axis, Fill fill)
{
	if (fill == FILL_REFLECT)
		at = reflect(at, axis);
	else if (fill == FILL_WRAP)
		at = wrap(at, axis);
	at = _mm512_min_epi32(_mm512_max_epi32(at, _mm512_setzero_si512()), axis->last);
	return _mm512_srli_epi32(_mm512_add_epi32(at, _mm512_set1_epi32(WARP_HALF)), WARP_TO_WEIGHT);
}

/* Pixels between four neighbours (bytes: left, left below, right, right below) at x and y in 2^-11 pixel. */
static inline __m512i
interpolate(__m512i four, __m512i x, __m512i y)
{
	const __m512i fraction = _mm512_set1_epi32(2047), even = _mm512_set1_epi32(0x00ff00ff);
	__m512i right = _mm512_and_si512(x, fraction), down = _mm512_and_si512(y, fraction);
	/* pairs of 16 bits: 2048 - right, right */
	__m512i weights = _mm512_add_epi32(_mm512_sub_epi32(_mm512_slli_epi32(right, 16), right), _mm512_set1_epi32(2048));
	__m512i above = _mm512_madd_epi16(_mm512_and_si512(four, even), weights);
	__m512i below = _mm512_madd_epi16(_mm512_srli_epi16(four, 8), weights);
	__m512i sum = _mm512_add_epi32(_mm512_slli_epi32(above, 11), _mm512_mullo_epi32(_mm512_sub_epi32(below, above), down));

	return _mm512_srli_epi32(_mm512_add_epi32(sum, _mm512_set1_epi32(1 << 21)), 22);
}

static inline __m512i
gather(const Plane *plane, __m512i x, __m512i y, __mmask16 mask)
{
	__m512i row = _mm512_mullo_epi32(_mm512_srli_epi32(y, WARP_WEIGHT_BITS), _mm512_set1_epi32((int32_t)plane->stride));
	__m512i entry = _mm512_add_epi32(row, _mm512_srli_epi32(x, WARP_WEIGHT_BITS));

	return _mm512_mask_i32gather_epi32(_mm512_setzero_si512(), mask, entry, plane->pairs, 2);
}

static inline __attribute__((always_inline)) void
warp_row(const Plane *plane, const Lanes *axis_x, const Lanes *axis_y, const int32_t affine[6], uint32_t y, uint8_t *to,
	 Fill fill)
{
	uint32_t begin_x = (uint32_t)warp_row_start(affine, y), begin_y = (uint32_t)warp_row_start(affine + 3, y);

	for (uint32_t x = 0; x < plane->w; x += LANES) {
		__mmask16 mask = plane->w - x >= LANES ? 0xffff : (__mmask16)((1u << (plane->w - x)) - 1);
		__m512i at_x = _mm512_add_epi32(axis_x->step, _mm512_set1_epi32((int32_t)(begin_x + (uint32_t)affine[0] * x)));
		__m512i at_y = _mm512_add_epi32(axis_y->step, _mm512_set1_epi32((int32_t)(begin_y + (uint32_t)affine[3] * x)));
		__m512i from_x = fold(at_x, axis_x, fill), from_y = fold(at_y, axis_y, fill);
		__m512i level = interpolate(gather(plane, from_x, from_y, mask), from_x, from_y);

		if (fill == FILL_CONSTANT) {
			__mmask16 outside = _mm512_cmpgt_epu32_mask(at_x, axis_x->last) |
					    _mm512_cmpgt_epu32_mask(at_y, axis_y->last);

			level = _mm512_mask_set1_epi32(level, outside, plane->value);
		}
		_mm512_mask_cvtepi32_storeu_epi8(to + x, mask, level);
	}
}

static inline __attribute__((always_inline)) void
warp(const Plane *plane, const int32_t affine[6], uint8_t *to, Fill fill)
{
	Lanes axis_x = lanes_make(&plane->x, affine[0]), axis_y = lanes_make(&plane->y, affine[3]);

	for (uint32_t y = 0; y < plane->h; y++)
		warp_row(plane, &axis_x, &axis_y, affine, y, to + (size_t)y * plane->w, fill);
}

WARPS_OF_FILLS(warp)

/* 32 pixels and the 32 below become one line; a row's padding takes what masked loads leave, zeros. */
static void
lay_out(const Plane *plane, uint8_t *pairs)
{
	for (uint32_t x = 0; x < plane->w; x += 32) {
		__mmask32 mask = plane->w - x >= 32 ? 0xffffffff : (1u << (plane->w - x)) - 1;
		const uint8_t *column = plane->pixels + x;
		uint8_t *to = pairs + 2 * x;
		__m512i row = _mm512_cvtepu8_epi16(_mm256_maskz_loadu_epi8(mask, column));

		for (uint32_t y = 0; y < plane->h; y++, to += 2 * (size_t)plane->stride) {
			column += y + 1 < plane->h ? plane->w : 0;
			__m512i below = _mm512_cvtepu8_epi16(_mm256_maskz_loadu_epi8(mask, column));

			_mm512_storeu_si512(to, _mm512_or_si512(row, _mm512_slli_epi16(below, 8)));
			row = below;
		}
	}
}

const WarpKernel warp_avx512 = {
	.name = "avx512",
	.take_apart = take_apart,
	.join = join,
	.lay_out = lay_out,
	.warp = WARPS,
};
