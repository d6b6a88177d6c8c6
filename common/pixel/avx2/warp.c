/* avx2/warp.c: eight pixels at a time, their four neighbours by one gather. */
#include "pixel/channels.h"
#include "pixel/kernel.h"

#include <immintrin.h>
#include <string.h>

enum { LANES = 8 };

/* One axis of plane and map, in every lane. */
typedef struct Lanes {
	__m256i step; /* lane times what one output pixel to the right moves */
	__m256i last, back, period, magic;
	__m128i shift;
} Lanes;

static inline Lanes
lanes_make(const Axis *axis, int32_t step)
{
	return (Lanes){
		.step = _mm256_mullo_epi32(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), _mm256_set1_epi32(step)),
		.last = _mm256_set1_epi32(axis->last),
		.back = _mm256_set1_epi32((int32_t)((axis->period - 1) << 20)),
		.period = _mm256_set1_epi32((int32_t)(axis->period << 20)),
		.magic = _mm256_set1_epi32((int32_t)axis->magic),
		.shift = _mm_cvtsi32_si128((int)axis->shift),
	};
}

/* What is left of a distance after whole periods. */
static inline __m256i
modulo(__m256i distance, const Lanes *axis)
{
	__m256i pixels = _mm256_srli_epi32(distance, 20);
	__m256i periods = _mm256_srl_epi32(_mm256_mullo_epi32(pixels, axis->magic), axis->shift);

	return _mm256_sub_epi32(distance, _mm256_mullo_epi32(periods, axis->period));
}

static inline __m256i
reflect(__m256i at, const Lanes *axis)
{
	const __m256i zero = _mm256_setzero_si256();
	__m256i mirrored = _mm256_blendv_epi8(at, _mm256_sub_epi32(_mm256_set1_epi32(-WARP_PIXEL), at),
					      _mm256_cmpgt_epi32(zero, at));
	__m256i there = modulo(_mm256_max_epi32(mirrored, zero), axis);

	return _mm256_min_epi32(there, _mm256_sub_epi32(axis->back, there));
}

static inline __m256i
wrap(__m256i at, const Lanes *axis)
{
	__m256i rest = modulo(_mm256_abs_epi32(at), axis);
	__m256i is_before = _mm256_cmpgt_epi32(_mm256_setzero_si256(), at), is_beyond = _mm256_cmpgt_epi32(at, axis->last);

	at = _mm256_blendv_epi8(at, _mm256_sub_epi32(axis->last, rest), is_before);
	return _mm256_blendv_epi8(at, rest, is_beyond);
}

/* Bring coordinates onto their axis and round them to 2^-11 pixel. */
static inline __m256i
fold(__m256i at, const Lanes *axis, Fill fill)
{
	if (fill == FILL_REFLECT)
		at = reflect(at, axis);
	else if (fill == FILL_WRAP)
		at = wrap(at, axis);
	at = _mm256_min_epi32(_mm256_max_epi32(at, _mm256_setzero_si256()), axis->last);
	return _mm256_srli_epi32(_mm256_add_epi32(at, _mm256_set1_epi32(WARP_HALF)), WARP_TO_WEIGHT);
}

/* Pixels between four neighbours (bytes: left, left below, right, right below) at x and y in 2^-11 pixel. */
static inline __m256i
interpolate(__m256i four, __m256i x, __m256i y)
{
	const __m256i fraction = _mm256_set1_epi32(2047), even = _mm256_set1_epi32(0x00ff00ff);
	__m256i right = _mm256_and_si256(x, fraction), down = _mm256_and_si256(y, fraction);
	/* pairs of 16 bits: 2048 - right, right */
	__m256i weights = _mm256_add_epi32(_mm256_sub_epi32(_mm256_slli_epi32(right, 16), right), _mm256_set1_epi32(2048));
	__m256i above = _mm256_madd_epi16(_mm256_and_si256(four, even), weights);
	__m256i below = _mm256_madd_epi16(_mm256_srli_epi16(four, 8), weights);
	__m256i sum = _mm256_add_epi32(_mm256_slli_epi32(above, 11), _mm256_mullo_epi32(_mm256_sub_epi32(below, above), down));

	return _mm256_srli_epi32(_mm256_add_epi32(sum, _mm256_set1_epi32(1 << 21)), 22);
}

/* Where the map leads is brought inside first, so lanes beyond the row's end read the plane, too. */
static inline __m256i
gather(const Plane *plane, __m256i x, __m256i y)
{
	__m256i row = _mm256_mullo_epi32(_mm256_srli_epi32(y, WARP_WEIGHT_BITS), _mm256_set1_epi32((int32_t)plane->stride));
	__m256i entry = _mm256_add_epi32(row, _mm256_srli_epi32(x, WARP_WEIGHT_BITS));

	return _mm256_i32gather_epi32((const int *)(const void *)plane->pairs, entry, 2);
}

static inline __m256i
is_outside(__m256i at, const Lanes *axis)
{
	return _mm256_or_si256(_mm256_cmpgt_epi32(_mm256_setzero_si256(), at), _mm256_cmpgt_epi32(at, axis->last));
}

/* The low byte of each lane, in eight. */
static inline __m128i
narrow(__m256i level)
{
	__m128i words = _mm_packus_epi32(_mm256_castsi256_si128(level), _mm256_extracti128_si256(level, 1));

	return _mm_packus_epi16(words, words);
}

static inline __attribute__((always_inline)) void
warp_row(const Plane *plane, const Lanes *axis_x, const Lanes *axis_y, const int32_t affine[6], uint32_t y, uint8_t *to,
	 Fill fill)
{
	uint32_t begin_x = (uint32_t)warp_row_start(affine, y), begin_y = (uint32_t)warp_row_start(affine + 3, y);

	for (uint32_t x = 0; x < plane->w; x += LANES) {
		__m256i at_x = _mm256_add_epi32(axis_x->step, _mm256_set1_epi32((int32_t)(begin_x + (uint32_t)affine[0] * x)));
		__m256i at_y = _mm256_add_epi32(axis_y->step, _mm256_set1_epi32((int32_t)(begin_y + (uint32_t)affine[3] * x)));
		__m256i from_x = fold(at_x, axis_x, fill), from_y = fold(at_y, axis_y, fill);
		__m256i level = interpolate(gather(plane, from_x, from_y), from_x, from_y);
		__m128i bytes;

		if (fill == FILL_CONSTANT)
			level = _mm256_blendv_epi8(level, _mm256_set1_epi32(plane->value),
						   _mm256_or_si256(is_outside(at_x, axis_x), is_outside(at_y, axis_y)));
		bytes = narrow(level);
		if (plane->w - x >= LANES) {
			_mm_storel_epi64((__m128i *)(void *)(to + x), bytes);
		} else {
			uint64_t rest = (uint64_t)_mm_cvtsi128_si64(bytes);

			memcpy(to + x, &rest, plane->w - x);
		}
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

/* Sixteen pixels and the sixteen below, taken in turn; what is left of a row, one by one. */
static void
lay_out(const Plane *plane, uint8_t *pairs)
{
	const uint8_t *row = plane->pixels;

	for (uint32_t y = 0; y < plane->h; y++, pairs += 2 * (size_t)plane->stride) {
		const uint8_t *below = y + 1 < plane->h ? row + plane->w : row;
		uint32_t x = 0;

		for (; x + 16 <= plane->w; x += 16) {
			__m256i first = _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(const void *)(row + x)));
			__m256i second = _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(const void *)(below + x)));

			_mm256_storeu_si256((__m256i *)(void *)(pairs + 2 * x),
					    _mm256_or_si256(first, _mm256_slli_epi16(second, 8)));
		}
		for (; x < plane->w; x++) {
			pairs[2 * x] = row[x];
			pairs[2 * x + 1] = below[x];
		}
		row = below;
	}
}

const WarpKernel warp_avx2 = {
	.name = "avx2",
	.take_apart = take_apart,
	.join = join,
	.lay_out = lay_out,
	.warp = WARPS,
};
