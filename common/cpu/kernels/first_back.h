/* cpu/kernels/first_back.h: gradient of the first convolution's weights, from the gradient of its pooled output.
 *
 * Of a window's four pixels one passes the gradient on, another one in every channel: what its taps saw is looked up in
 * two rows of the picture, a vector of indices at a time, rather than multiplied with three zeros. In bf16 a word holds
 * two neighbouring windows. */
#ifndef FM_CPU_KERNELS_FIRST_BACK_H
#define FM_CPU_KERNELS_FIRST_BACK_H

#if defined(__AVX512F__)

#include "cpu/kernels/first.h"
#include "cpu/kernels/gram.h"

enum {
	WINDOW_WORDS = 128,		/* that are prepared at once: 32 KB of indices and gradients */
	TAP_ROWS = 4,			/* of the kernel at once: 4 x 2 sums, 5 tables */
	TABLE_WINDOWS = TABLE / 2,	/* that a table serves */
	WORD_WINDOWS = sizeof(float) / sizeof(Cell),
	TABLE_WORDS = TABLE_WINDOWS / WORD_WINDOWS,
};

/* Indices and gradients of one word and vector. */
typedef struct WindowWord {
	__m512i index;
	Vec d;
} WindowWord;

INLINE uint32_t
row_words(const First *shape)
{
	return (shape->out_w / 2 + WORD_WINDOWS - 1) / WORD_WINDOWS;
}

/* rows of windows that are prepared at once */
INLINE uint32_t
band_rows(const First *shape)
{
	const uint32_t rows = WINDOW_WORDS / row_words(shape);
	return rows ? rows : 1;
}

static size_t
first_scratch(const First *shape)
{
	return (size_t)band_rows(shape) * row_words(shape) * 2 * sizeof(WindowWord);
}

/* Windows x, x + 1 (there may be none) of a row, whose gradients begin at d. */
INLINE WindowWord
window_word(const Cell *d, const uint8_t *winner, uint32_t x, bool has_second, size_t lanes)
{
	const __m512i none = _mm512_set1_epi32(NO_WINNER), column = _mm512_set1_epi32((int)(x % TABLE_WINDOWS * 2));
	__m512i index = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)winner));
	__mmask16 is_there = _mm512_cmpneq_epi32_mask(index, none);
#if defined(__AVX512BF16__)
	__m512i low = _mm512_maskz_cvtepu16_epi32(is_there, _mm256_loadu_si256((const __m256i *)d));
	index = _mm512_add_epi32(index, column);
	if (has_second) {
		const __m512i other = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(winner + lanes)));
		is_there = _mm512_cmpneq_epi32_mask(other, none);
		const __m512i high = _mm512_maskz_cvtepu16_epi32(is_there, _mm256_loadu_si256((const __m256i *)(d + lanes)));
		const __m512i place = _mm512_add_epi32(_mm512_add_epi32(other, column), _mm512_set1_epi32(2));
		index = _mm512_or_si512(_mm512_and_si512(index, _mm512_set1_epi32(0xffff)), _mm512_slli_epi32(place, 16));
		low = _mm512_or_si512(low, _mm512_slli_epi32(high, 16));
	}
	return (WindowWord){index, _mm512_castsi512_ps(low)};
#else
	(void)has_second;
	(void)lanes;
	return (WindowWord){_mm512_add_epi32(index, column), _mm512_maskz_loadu_ps(is_there, d)};
#endif
}

INLINE Vec
look_up(Vec low, __m512i index, Vec high)
{
#if defined(__AVX512BF16__)
	return _mm512_castsi512_ps(
		_mm512_permutex2var_epi16(_mm512_castps_si512(low), index, _mm512_castps_si512(high)));
#else
	return _mm512_permutex2var_ps(low, index, high);
#endif
}

INLINE Vec
table_at(const Cell *row)
{
	return vec_load((const float *)row);
}

/* A band's words to scratch, [row][word][vector], and their gradients to the total. */
INLINE void
prepare_band(const FirstBack *job, uint32_t begin, uint32_t end, uint32_t channel, const int vectors)
{
	const First *shape = &job->shape;
	const uint32_t width = shape->out_w / 2;
	const Vec one = vec_pair(vec_set(1), vec_set(1));
	WindowWord *word = job->scratch;
	Vec total[2] = {vec_load(job->total + channel), vectors == 2 ? vec_load(job->total + channel + LANES) : vec_zero()};
	for (uint32_t y = begin; y < end; y++)
		for (uint32_t x = 0; x < width; x += WORD_WINDOWS)
			UNROLL(2)
			for (int v = 0; v < vectors; v++, word++) {
				const size_t at = ((size_t)y * width + x) * shape->lanes + channel + v * LANES;
				*word = window_word((const Cell *)job->dout + at, job->winner + at, x,
						    x + 1 < width, shape->lanes);
				total[v] = vec_dot(word->d, one, total[v]);
			}
	vec_store(job->total + channel, total[0]);
	if (vectors == 2)
		vec_store(job->total + channel + LANES, total[1]);
}

typedef struct TapTile {
	const Cell *x; /* what the tile's first tap sees of the band's first window */
	const WindowWord *word;
	float *taps;   /* of the tile's first tap */
	size_t tap_row; /* floats from one row of the kernel to the next */
	uint32_t rows;	/* of windows */
} TapTile;

/* `height` taps, one below the other, over a band. */
INLINE void
tap_tile(const First *shape, const TapTile *tile, const int vectors, const int height)
{
	const uint32_t words = row_words(shape);
	const WindowWord *word = tile->word;
	const Cell *row = tile->x;
	Vec sums[TAP_ROWS][2];
	UNROLL(4)
	for (int i = 0; i < height; i++) {
		sums[i][0] = vec_load(tile->taps + i * tile->tap_row);
		sums[i][1] = vectors == 2 ? vec_load(tile->taps + i * tile->tap_row + LANES) : vec_zero();
	}
	for (uint32_t y = 0; y < tile->rows; y++, row += 2 * shape->row)
		for (uint32_t begin = 0; begin < words; begin += TABLE_WORDS) {
			const uint32_t count = words - begin < TABLE_WORDS ? words - begin : TABLE_WORDS;
			Vec table[TAP_ROWS + 1];
			UNROLL(5)
			for (int i = 0; i <= height; i++)
				table[i] = table_at(row + i * shape->row + (size_t)begin * WORD_WINDOWS * 2);
			for (uint32_t left = count; left; left--, word += vectors) {
				UNROLL(2)
				for (int v = 0; v < vectors; v++) {
					const __m512i index = word[v].index;
					const Vec d = word[v].d;
					UNROLL(4)
					for (int i = 0; i < height; i++)
						sums[i][v] = vec_dot(look_up(table[i], index, table[i + 1]), d, sums[i][v]);
				}
			}
		}
	UNROLL(4)
	for (int i = 0; i < height; i++) {
		vec_store(tile->taps + i * tile->tap_row, sums[i][0]);
		if (vectors == 2)
			vec_store(tile->taps + i * tile->tap_row + LANES, sums[i][1]);
	}
}

typedef void TapTileKernel(const First *shape, const TapTile *tile);

#define TAP_TILE(vectors, height)                                                                                      \
	static void tap_tile_##vectors##_##height(const First *shape, const TapTile *tile)                             \
	{                                                                                                              \
		tap_tile(shape, tile, vectors, height);                                                                \
	}
TAP_TILE(1, 1) TAP_TILE(1, 2) TAP_TILE(1, 3) TAP_TILE(1, 4) TAP_TILE(2, 1) TAP_TILE(2, 2) TAP_TILE(2, 3) TAP_TILE(2, 4)

static TapTileKernel *const tap_tiles[TAP_ROWS][2] = {
	{tap_tile_1_1, tap_tile_2_1}, {tap_tile_1_2, tap_tile_2_2}, {tap_tile_1_3, tap_tile_2_3}, {tap_tile_1_4, tap_tile_2_4},
};

/* All taps of one block of channels over rows begin <= y < end of windows. */
static void
band_taps(const FirstBack *job, uint32_t begin, uint32_t end, uint32_t channel, int vectors)
{
	const First *shape = &job->shape;
	const uint32_t chunks = (shape->kernel_h + TAP_ROWS - 1) / TAP_ROWS, run = shape->kernel_w * shape->channels;
	TapTile tile = { .word = job->scratch, .tap_row = (size_t)run * shape->lanes, .rows = end - begin };
	for (uint32_t i = 0; i < run; i++)
		for (uint32_t p = 0; p < chunks; p++) {
			const uint32_t ky = shape->kernel_h * p / chunks, height = shape->kernel_h * (p + 1) / chunks - ky;
			tile.x = (const Cell *)job->planes + i % shape->channels * shape->plane +
				 (2 * (size_t)begin + ky) * shape->row + i / shape->channels;
			tile.taps = job->taps + ky * tile.tap_row + (size_t)i * shape->lanes + channel;
			tap_tiles[height - 1][vectors - 1](shape, &tile);
		}
}

static void
first_back(const FirstBack *job)
{
	const First *shape = &job->shape;
	const uint32_t rows = shape->out_h / 2, step = band_rows(shape);
	for (uint32_t channel = 0; channel < shape->lanes; channel += BLOCK)
		for (uint32_t y = 0; y < rows; y += step) {
			const uint32_t end = rows - y < step ? rows : y + step;
			const int vectors = shape->lanes - channel >= BLOCK ? 2 : 1;
			if (vectors == 2)
				prepare_band(job, y, end, channel, 2);
			else
				prepare_band(job, y, end, channel, 1);
			band_taps(job, y, end, channel, vectors);
		}
}

static const FirstKernels first_kernels = {
	.pictures = first_pictures,
	.shorts = first_shorts,
	.gram = gram,
	.forward = first_forward,
	.back = first_back,
	.scratch = first_scratch,
};

#endif
#endif
