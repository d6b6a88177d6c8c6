/* cpu/kernels/gram.h: sums of products of pixels that two taps of a convolution see at once, over all its places.
 *
 * Two taps dy rows apart see rows u and u + dy; whichever the upper one is, the products of a row u are the same, and only
 * the first and last few rows belong to some taps and not to others. So rows are summed by classes, as integers, and
 * first.c puts classes together. A row's pixels run along the vector. */
#ifndef FM_CPU_KERNELS_GRAM_H
#define FM_CPU_KERNELS_GRAM_H

#if defined(__AVX512F__)

#include "cpu/kernels.h"
#include "cpu/kernels/simd.h"

enum { GRAM_TILE = 4, SHORTS = 32 /* of a vector */ };

typedef struct GramTile {
	const int16_t *a[GRAM_TILE], *b[GRAM_TILE]; /* first row, at each of the taps */
	size_t row, rows;
	uint32_t width; /* pixels of a row that count */
	int32_t *sums;	/* [GRAM_TILE][sums_row][16] */
	size_t sums_row;
} GramTile;

INLINE __mmask32
shorts_left(uint32_t width, uint32_t x)
{
	return width - x < SHORTS ? (__mmask32)((1u << (width - x)) - 1) : 0xffffffff;
}

INLINE void
gram_tile(const GramTile *tile, const int n, const int m)
{
	__m512i sums[GRAM_TILE][GRAM_TILE];
	UNROLL(4)
	for (int i = 0; i < n; i++)
		UNROLL(4)
		for (int j = 0; j < m; j++)
			sums[i][j] = _mm512_loadu_si512(tile->sums + (i * tile->sums_row + j) * LANES);
	for (size_t row = 0; row < tile->rows; row++)
		for (uint32_t x = 0; x < tile->width; x += SHORTS) {
			const size_t at = row * tile->row + x;
			const __mmask32 left = shorts_left(tile->width, x);
			__m512i b[GRAM_TILE];
			UNROLL(4)
			for (int j = 0; j < m; j++)
				b[j] = _mm512_loadu_si512(tile->b[j] + at);
			UNROLL(4)
			for (int i = 0; i < n; i++) {
				const __m512i a = _mm512_maskz_loadu_epi16(left, tile->a[i] + at);
				UNROLL(4)
				for (int j = 0; j < m; j++)
					sums[i][j] = _mm512_add_epi32(sums[i][j], _mm512_madd_epi16(a, b[j]));
			}
		}
	UNROLL(4)
	for (int i = 0; i < n; i++)
		UNROLL(4)
		for (int j = 0; j < m; j++)
			_mm512_storeu_si512(tile->sums + (i * tile->sums_row + j) * LANES, sums[i][j]);
}

typedef void GramTileKernel(const GramTile *tile);

#define GRAM_TILE_KERNEL(n, m)                                                                                         \
	static void gram_tile_##n##_##m(const GramTile *tile)                                                          \
	{                                                                                                              \
		gram_tile(tile, n, m);                                                                                 \
	}
#define GRAM_TILES(n) GRAM_TILE_KERNEL(n, 1) GRAM_TILE_KERNEL(n, 2) GRAM_TILE_KERNEL(n, 3) GRAM_TILE_KERNEL(n, 4)
#define GRAM_NAMES(n) {gram_tile_##n##_1, gram_tile_##n##_2, gram_tile_##n##_3, gram_tile_##n##_4}

GRAM_TILES(1) GRAM_TILES(2) GRAM_TILES(3) GRAM_TILES(4)
static GramTileKernel *const gram_tiles[GRAM_TILE][GRAM_TILE] = {GRAM_NAMES(1), GRAM_NAMES(2), GRAM_NAMES(3), GRAM_NAMES(4)};

/* Where tap i of a row, column by column and channel by channel, sees its first pixel. */
INLINE const int16_t *
gram_tap(const First *shape, const int16_t *planes, uint32_t i, size_t row)
{
	return planes + i % shape->channels * shape->plane + row * shape->row + i / shape->channels;
}

/* Rows begin <= u < end, paired with those dy below. sums: [taps of a row][taps of a row][16] */
static void
gram_rows(const First *shape, const int16_t *planes, uint32_t begin, uint32_t end, uint32_t dy, int32_t *sums)
{
	const uint32_t taps = shape->kernel_w * shape->channels, chunks = (taps + GRAM_TILE - 1) / GRAM_TILE;
	GramTile tile = { .row = shape->row, .rows = end - begin, .width = shape->out_w, .sums_row = taps };
	for (uint32_t p = 0; p < chunks; p++)
		for (uint32_t q = dy ? 0 : p; q < chunks; q++) { /* a row with itself: one half says all */
			const uint32_t i = taps * p / chunks, n = taps * (p + 1) / chunks - i;
			const uint32_t j = taps * q / chunks, m = taps * (q + 1) / chunks - j;
			for (uint32_t k = 0; k < n; k++)
				tile.a[k] = gram_tap(shape, planes, i + k, begin);
			for (uint32_t k = 0; k < m; k++)
				tile.b[k] = gram_tap(shape, planes, j + k, begin + dy);
			tile.sums = sums + ((size_t)i * taps + j) * LANES;
			gram_tiles[n - 1][m - 1](&tile);
		}
}

/* pixels: [taps of a row][16] */
static void
gram_pixels(const First *shape, const int16_t *planes, uint32_t begin, uint32_t end, int32_t *pixels)
{
	const __m512i ones = _mm512_set1_epi16(1);
	for (uint32_t i = 0; i < shape->kernel_w * shape->channels; i++) {
		const int16_t *from = gram_tap(shape, planes, i, begin);
		__m512i sum = _mm512_loadu_si512(pixels + i * LANES);
		for (uint32_t row = begin; row < end; row++, from += shape->row)
			for (uint32_t x = 0; x < shape->out_w; x += SHORTS)
				sum = _mm512_add_epi32(sum, _mm512_madd_epi16(ones, _mm512_maskz_loadu_epi16(
						shorts_left(shape->out_w, x), from + x)));
		_mm512_storeu_si512(pixels + i * LANES, sum);
	}
}

static void
gram(const First *shape, const int16_t *planes, int32_t *products, int32_t *pixels)
{
	const uint32_t edge = shape->kernel_h - 1, taps = shape->kernel_w * shape->channels;
	const uint32_t first = shape->pad_top, last = shape->pad_top + shape->h; /* rows that are not padding */
	for (uint32_t class = 0; class <= 2 * edge; class++) {
		uint32_t begin = class <= edge ? class : shape->out_h + class - edge - 1;
		uint32_t end = class == edge ? shape->out_h : begin + 1;
		begin = begin > first ? begin : first;
		end = end < last ? end : last;
		if (begin >= end)
			continue;
		gram_pixels(shape, planes, begin, end, pixels + (size_t)class * taps * LANES);
		for (uint32_t dy = 0; dy <= edge && begin + dy < last; dy++)
			gram_rows(shape, planes, begin, end + dy < last ? end : last - dy, dy,
				  products + ((size_t)class * shape->kernel_h + dy) * taps * taps * LANES);
	}
}

#endif
#endif
