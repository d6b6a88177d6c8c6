/* avx512vbmi/warp.c: small pictures without memory in between: the few rows that an output row reads are four registers,
 * and a byte permutation looks its pixels up. Anything else is left to the gathers. */
#include "pixel/kernel.h"

#include <immintrin.h>
#include <stdbool.h>

enum {
	LANES = 16,
	ROW_MOST = 2 * LANES, /* pixels of a picture's row */
	WINDOW = 256,	      /* bytes that four registers hold */
};

/* Four registers of consecutive pixels. */
typedef struct Window {
	__m512i bytes[4];
} Window;

/* ---- which maps this is for ---- */

static int64_t
corner(const int32_t *row, int64_t x, int64_t y)
{
	return row[0] * x + row[1] * y + row[2];
}

static bool
is_within_32_bits(int64_t at)
{
	return at == (int32_t)at;
}

/* Does the second axis wrap in 32 bits nowhere, and does every output row read so few rows that a window holds them? */
static bool
fits_window(const Plane *plane, const int32_t *row)
{
	int64_t right = plane->w - 1, bottom = plane->h - 1;
	int64_t span = row[0] < 0 ? -(int64_t)row[0] * right : (int64_t)row[0] * right;
	/* rounding can add a row, and there is one below the last */
	int64_t rows = (span + 2 * WARP_HALF) / WARP_PIXEL + 3;

	return plane->w <= ROW_MOST && rows * plane->w <= WINDOW && is_within_32_bits(row[2]) &&
	       is_within_32_bits(corner(row, right, 0)) && is_within_32_bits(corner(row, 0, bottom)) &&
	       is_within_32_bits(corner(row, right, bottom));
}

/* ---- an output row ---- */

static inline uint32_t
fold_one(int32_t at, int32_t last)
{
	at = at < 0 ? 0 : at > last ? last : at;
	return (uint32_t)(at + WARP_HALF) >> WARP_TO_WEIGHT;
}

/* The pixels from an offset on, as far as there are any. */
static inline Window
window_load(const uint8_t *pixels, size_t offset, size_t size)
{
	Window window;

	for (int i = 0; i < 4; i++, offset += 64) {
		__mmask64 mask = offset + 64 <= size ? ~(__mmask64)0 : offset < size ? ((__mmask64)1 << (size - offset)) - 1 : 0;

		window.bytes[i] = _mm512_maskz_loadu_epi8(mask, pixels + offset);
	}
	return window;
}

/* bytes[index], each; beyond the window they are of any value, with weight 0. */
static inline __m512i
window_look(const Window *window, __m512i index)
{
	__m512i low = _mm512_permutex2var_epi8(window->bytes[0], index, window->bytes[1]);
	__m512i high = _mm512_permutex2var_epi8(window->bytes[2], index, window->bytes[3]);

	return _mm512_mask_mov_epi8(low, _mm512_movepi8_mask(index), high);
}

/* Thirty-two coordinates brought into the picture, in 2^-11 pixel, which 16 bits hold. */
static inline __m512i
fold_row(__m512i low, __m512i high, __m512i last)
{
	const __m512i zero = _mm512_setzero_si512(), half = _mm512_set1_epi32(WARP_HALF);

	low = _mm512_add_epi32(_mm512_min_epi32(_mm512_max_epi32(low, zero), last), half);
	high = _mm512_add_epi32(_mm512_min_epi32(_mm512_max_epi32(high, zero), last), half);
	low = _mm512_srli_epi32(low, WARP_TO_WEIGHT);
	high = _mm512_srli_epi32(high, WARP_TO_WEIGHT);
	return _mm512_inserti64x4(_mm512_castsi256_si512(_mm512_cvtepi32_epi16(low)), _mm512_cvtepi32_epi16(high), 1);
}

/* Half of a row: pairs of neighbours above and below, pairs of weights, what lies below. */
static inline __m512i
blend(__m512i above, __m512i below, __m512i weights, __m512i down)
{
	__m512i top = _mm512_madd_epi16(above, weights), bottom = _mm512_madd_epi16(below, weights);
	__m512i sum = _mm512_add_epi32(_mm512_slli_epi32(top, 11), _mm512_mullo_epi32(_mm512_sub_epi32(bottom, top), down));

	return _mm512_srli_epi32(_mm512_add_epi32(sum, _mm512_set1_epi32(1 << 21)), 22);
}

/* Thirty-two pixels at x and y (16 bits, 2^-11 pixel, y from the window's first row on); unpacking takes eight bytes of
 * every sixteen apart, packing joins them again. */
static inline __m256i
interpolate(const Window *window, __m512i x, __m512i y, uint32_t w)
{
	const __m512i zero = _mm512_setzero_si512(), fraction = _mm512_set1_epi16(2047);
	__m512i row = _mm512_mullo_epi16(_mm512_srli_epi16(y, WARP_WEIGHT_BITS), _mm512_set1_epi16((int16_t)w));
	__m512i pixel = _mm512_add_epi16(row, _mm512_srli_epi16(x, WARP_WEIGHT_BITS));
	/* two bytes: a pixel and its right neighbour */
	__m512i index = _mm512_add_epi8(_mm512_or_si512(pixel, _mm512_slli_epi16(pixel, 8)), _mm512_set1_epi16(0x100));
	__m512i above = window_look(window, index);
	__m512i below = window_look(window, _mm512_add_epi8(index, _mm512_set1_epi8((int8_t)w)));
	__m512i right = _mm512_and_si512(x, fraction), left = _mm512_sub_epi16(_mm512_set1_epi16(2048), right);
	__m512i down = _mm512_and_si512(y, fraction);
	__m512i low = blend(_mm512_unpacklo_epi8(above, zero), _mm512_unpacklo_epi8(below, zero),
			    _mm512_unpacklo_epi16(left, right), _mm512_unpacklo_epi16(down, zero));
	__m512i high = blend(_mm512_unpackhi_epi8(above, zero), _mm512_unpackhi_epi8(below, zero),
			     _mm512_unpackhi_epi16(left, right), _mm512_unpackhi_epi16(down, zero));

	return _mm512_cvtepi16_epi8(_mm512_packus_epi32(low, high));
}

static inline __attribute__((always_inline)) void
warp(const Plane *plane, const int32_t affine[6], uint8_t *to, Fill fill)
{
	const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
	const __m512i last_x = _mm512_set1_epi32(plane->x.last), last_y = _mm512_set1_epi32(plane->y.last);
	__m512i low_x = _mm512_mullo_epi32(lane, _mm512_set1_epi32(affine[0]));
	__m512i low_y = _mm512_mullo_epi32(lane, _mm512_set1_epi32(affine[3]));
	__m512i high_x = _mm512_add_epi32(low_x, _mm512_set1_epi32((int32_t)((uint32_t)affine[0] * LANES)));
	__m512i high_y = _mm512_add_epi32(low_y, _mm512_set1_epi32((int32_t)((uint32_t)affine[3] * LANES)));
	uint32_t to_end = (uint32_t)affine[3] * (plane->w - 1), w = plane->w;
	__mmask32 mask = w < ROW_MOST ? (1u << w) - 1 : 0xffffffff;

	for (uint32_t y = 0; y < plane->h; y++, to += w) {
		int32_t begin_x = warp_row_start(affine, y), begin_y = warp_row_start(affine + 3, y);
		uint32_t first = fold_one(begin_y, plane->y.last);
		uint32_t other = fold_one((int32_t)((uint32_t)begin_y + to_end), plane->y.last);
		uint32_t top = (first < other ? first : other) >> WARP_WEIGHT_BITS;
		Window window = window_load(plane->pixels, (size_t)top * w, (size_t)plane->h * w);
		__m512i start_x = _mm512_set1_epi32(begin_x), start_y = _mm512_set1_epi32(begin_y);
		__m512i x_low = _mm512_add_epi32(low_x, start_x), x_high = _mm512_add_epi32(high_x, start_x);
		__m512i y_low = _mm512_add_epi32(low_y, start_y), y_high = _mm512_add_epi32(high_y, start_y);
		__m512i from_x = fold_row(x_low, x_high, last_x);
		__m512i from_y = fold_row(y_low, y_high, last_y);
		__m256i levels = interpolate(&window, from_x,
					     _mm512_sub_epi16(from_y, _mm512_set1_epi16((int16_t)(top << WARP_WEIGHT_BITS))), w);

		if (fill == FILL_CONSTANT) {
			uint32_t low = _mm512_cmpgt_epu32_mask(x_low, last_x) | _mm512_cmpgt_epu32_mask(y_low, last_y);
			uint32_t high = _mm512_cmpgt_epu32_mask(x_high, last_x) | _mm512_cmpgt_epu32_mask(y_high, last_y);

			levels = _mm256_mask_set1_epi8(levels, low | high << LANES, (char)plane->value);
		}
		_mm256_mask_storeu_epi8(to, mask, levels);
	}
}

bool
warp_small_avx512vbmi(const Plane *plane, Fill fill, const int32_t affine[6], uint8_t *to)
{
	if ((fill != FILL_NEAREST && fill != FILL_CONSTANT) || !fits_window(plane, affine + 3))
		return false;
	if (fill == FILL_CONSTANT)
		warp(plane, affine, to, FILL_CONSTANT);
	else
		warp(plane, affine, to, FILL_NEAREST);
	return true;
}
