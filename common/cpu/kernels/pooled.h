/* cpu/kernels/pooled.h: a convolution whose windows lie inside the picture, a row of theirs one tap, and a max pool of 2 x 2
 * after it, done with its sums. Part of conv.h, which includes it. */
#if !defined(FM_CPU_KERNELS_CONV_H) /* alone it is nothing; conv.h then includes this file in its place */
#include "cpu/kernels/conv.h"
#endif
#ifndef FM_CPU_KERNELS_POOLED_H
#define FM_CPU_KERNELS_POOLED_H

#if defined(KERNELS_INT8)

/* Bytes take a quarter of the products that floats take, and what is around these counts: rows of windows are a loop, not
 * calls; up to four words in all are written out, their weights in registers; ReLU comes with the rounding. A pool's window
 * is four pixels x 2 vectors of sums, two of them at a time where there are registers. Three would spill: the product's
 * third operand is its result, and gcc copies it (0.27 of the roof, two 0.59). */
enum { POOLED_WORDS = 4, POOLED_WINDOWS = TILE_PIXELS >= 12 ? 2 : 1 };

/* Rows of pools' windows. Strides in bytes. */
typedef struct Pooled {
	const char *x; /* first word of the first window */
	size_t pixel, below; /* from one pixel of the output to the next, and to the next row's */
	size_t line;	     /* from one row of a picture to the next */
	const float *weight;
	uint32_t kernel_h, c;
	char *y;
	size_t y_pixel, y_row;
	uint32_t count, rows; /* windows of a row */
	bool y_is_float;
	Ending ending;
} Pooled;

/* [window][pixel][vector] */
typedef Vec PooledSums[2][4][2];

/* sums += one word of every pixel */
INLINE void
pooled_word(PooledSums sums, const char *x, size_t pixel, size_t below, Vec w0, Vec w1, const int vectors, const int windows)
{
#define MULTIPLY(k, i)                                                                                                 \
	if (k < windows) {                                                                                             \
		const Vec b = vec_set(*(const Word *)(x + (2 * k + i % 2) * pixel + i / 2 * below));                   \
		sums[k][i][0] = vec_dot(w0, b, sums[k][i][0]);                                                         \
		if (vectors == 2)                                                                                      \
			sums[k][i][1] = vec_dot(w1, b, sums[k][i][1]);                                                 \
	}
	MULTIPLY(0, 0) MULTIPLY(0, 1) MULTIPLY(0, 2) MULTIPLY(0, 3)
	MULTIPLY(1, 0) MULTIPLY(1, 1) MULTIPLY(1, 2) MULTIPLY(1, 3)
#undef MULTIPLY
}

INLINE void
pooled_begin(PooledSums sums, const int windows)
{
#define BEGIN(k, i)                                                                                                    \
	if (k < windows)                                                                                               \
		sums[k][i][0] = sums[k][i][1] = vec_zero();
	BEGIN(0, 0) BEGIN(0, 1) BEGIN(0, 2) BEGIN(0, 3) BEGIN(1, 0) BEGIN(1, 1) BEGIN(1, 2) BEGIN(1, 3)
#undef BEGIN
}

/* The largest of four sums: bias, ReLU and rounding commute with it. */
INLINE Vec
pooled_value(const Pooled *job, PooledSums sums, const int k, const int v)
{
	const Vec largest = sum_max(sum_max(sums[k][0][v], sums[k][1][v]), sum_max(sums[k][2][v], sums[k][3][v]));

	return sum_value(largest, job->ending.scale[v], job->ending.bias[v]);
}

INLINE void
pooled_put(const Pooled *job, char *y, PooledSums sums, const int k, const int vectors)
{
	const Vec low = pooled_value(job, sums, k, 0), high = vectors == 2 ? pooled_value(job, sums, k, 1) : low;

	if (job->y_is_float) {
		vec_store((float *)y, vec_max(job->ending.least, low));
		if (vectors == 2)
			vec_store((float *)y + LANES, vec_max(job->ending.least, high));
	} else if (vectors == 2) {
		cells_store_pair((Cell *)y, job->ending.least, low, high);
	} else {
		cells_store((Cell *)y, vec_max(job->ending.least, low));
	}
}

/* One pool's window, or two, of any number of words. */
INLINE void
pooled_window(const Pooled *job, const char *x, char *y, const int vectors, const int windows)
{
	const float *w = job->weight;
	uint32_t ky = job->kernel_h;
	PooledSums sums;

	pooled_begin(sums, windows);
	do {
		const char *at = x;
		uint32_t c = job->c;
		do {
			const Vec w0 = vec_load(w), w1 = vectors == 2 ? vec_load(w + LANES) : w0;
			pooled_word(sums, at, job->pixel, job->below, w0, w1, vectors, windows);
			at += sizeof(Word);
			w += BLOCK;
			FORGET(at);
		} while (--c);
		x += job->line;
	} while (--ky);
	pooled_put(job, y, sums, 0, vectors);
	if (windows > 1)
		pooled_put(job, y + job->y_pixel, sums, 1, vectors);
}

INLINE void
pooled_any(Pooled job, const int vectors, const int windows)
{
	for (; job.rows; job.rows--) {
		const char *x = job.x;
		char *y = job.y;
		uint32_t count = job.count;
		for (; count >= (uint32_t)windows; count -= windows) {
			pooled_window(&job, x, y, vectors, windows);
			x += 2 * windows * job.pixel;
			y += windows * job.y_pixel;
		}
		if (windows > 1 && count)
			pooled_window(&job, x, y, vectors, 1);
		job.x += 2 * job.below;
		job.y += job.y_row;
	}
}

/* The same of so many words, their weights at hand. */
INLINE void
pooled_window_few(const Pooled *job, const char *x, char *y, Vec w[POOLED_WORDS][2], const size_t at[POOLED_WORDS],
		  const int vectors, const int words, const int windows)
{
	PooledSums sums;

	pooled_begin(sums, windows);
#define ADD(j)                                                                                                         \
	if (j < words)                                                                                                 \
		pooled_word(sums, x + at[j], job->pixel, job->below, w[j][0], w[j][1], vectors, windows);
	ADD(0) ADD(1) ADD(2) ADD(3)
#undef ADD
	pooled_put(job, y, sums, 0, vectors);
	if (windows > 1)
		pooled_put(job, y + job->y_pixel, sums, 1, vectors);
}

INLINE void
pooled_few(Pooled job, const int vectors, const int words)
{
	Vec w[POOLED_WORDS][2];
	size_t at[POOLED_WORDS];

#define LOAD(j)                                                                                                        \
	if (j < words) {                                                                                               \
		w[j][0] = vec_load(job.weight + j * BLOCK);                                                            \
		w[j][1] = vectors == 2 ? vec_load(job.weight + j * BLOCK + LANES) : w[j][0];                           \
		at[j] = j / job.c * job.line + j % job.c * sizeof(Word);                                               \
	}
	LOAD(0) LOAD(1) LOAD(2) LOAD(3)
#undef LOAD
	for (; job.rows; job.rows--) {
		const char *x = job.x;
		char *y = job.y;
		uint32_t count = job.count;
		for (; count >= POOLED_WINDOWS; count -= POOLED_WINDOWS) {
			pooled_window_few(&job, x, y, w, at, vectors, words, POOLED_WINDOWS);
			x += 2 * POOLED_WINDOWS * job.pixel;
			y += POOLED_WINDOWS * job.y_pixel;
		}
		if (POOLED_WINDOWS > 1 && count)
			pooled_window_few(&job, x, y, w, at, vectors, words, 1);
		job.x += 2 * job.below;
		job.y += job.y_row;
	}
}

#define POOLED_FEW(vectors, words)                                                                                     \
	static void pooled_few_##vectors##_##words(const Pooled *job) { pooled_few(*job, vectors, words); }
POOLED_FEW(1, 1) POOLED_FEW(1, 2) POOLED_FEW(1, 3) POOLED_FEW(1, 4)
POOLED_FEW(2, 1) POOLED_FEW(2, 2) POOLED_FEW(2, 3) POOLED_FEW(2, 4)

static void pooled_any_1(const Pooled *job) { pooled_any(*job, 1, 2); }
static void pooled_any_2(const Pooled *job) { pooled_any(*job, 2, POOLED_WINDOWS); }

typedef void PooledKernel(const Pooled *job);

/* [words, or 0 for any][vectors - 1] */
static PooledKernel *const pooled_kernels[POOLED_WORDS + 1][2] = {
	{ pooled_any_1, pooled_any_2 }, { pooled_few_1_1, pooled_few_2_1 }, { pooled_few_1_2, pooled_few_2_2 },
	{ pooled_few_1_3, pooled_few_2_3 }, { pooled_few_1_4, pooled_few_2_4 },
};

/* Two rows at a time; an odd last row or column has no window of the pool. */
static void
pooled_image(const Conv *conv, uint32_t block, uint32_t image)
{
	const Window *win = &conv->window;
	const int vectors = conv_vectors(conv, block);
	const uint64_t words = (uint64_t)win->kernel_h * conv->c;
	const Tile tile = conv_begin_image(conv, block, image);
	const size_t line = conv->x.row * sizeof(Word), y_row = conv->y.row * conv_cell(conv);
	const Pooled job = {
		.x = tile.x + conv->rows_before * win->stride * line, .pixel = win->stride * conv_pixel(conv),
		.below = win->stride * line, .line = line, .weight = tile.weight, .kernel_h = win->kernel_h, .c = conv->c,
		.y = conv_row_of_y(conv, block, image, conv->rows_before / 2), .y_pixel = conv->y.pixel * conv_cell(conv),
		.y_row = y_row, .count = win->out_w / 2, .rows = (win->out_h - conv->rows_before - conv->rows_after) / 2,
		.y_is_float = conv->y_is_float, .ending = conv_ending(conv, &tile, vectors),
	};

	pooled_kernels[words <= POOLED_WORDS ? words : 0][vectors - 1](&job);
}

#else /* floats and bf16 have more words: a tile as large as others is faster, 0.96 as above */

/* Of two rows the largest of every 2 x 2 sums: bias, ReLU and rounding commute with it. */
INLINE void
conv_end_pooled(const Conv *conv, const Tile *tile, Sums sums, const int vectors, const int pixels)
{
	const size_t pixel = conv->y.pixel * conv_cell(conv);
	const Ending ending = conv_ending(conv, tile, vectors);
#define LARGEST(i, v) sum_max(sum_max(sums[0][i][v], sums[0][i + 1][v]), sum_max(sums[1][i][v], sums[1][i + 1][v]))
#define END(i)                                                                                                         \
	if (i % 2 == 0 && i + 1 < pixels) {                                                                            \
		conv_put(conv, &ending, tile->y + i / 2 * pixel, LARGEST(i, 0), 0);                                    \
		if (vectors == 2)                                                                                      \
			conv_put(conv, &ending, tile->y + i / 2 * pixel, LARGEST(i, 1), 1);                            \
	}
	REPEAT_13(END)
#undef END
#undef LARGEST
}

/* Windows inside the picture, a row of theirs one tap: nothing to leave out. With the edges' loops beside this one, sums
 * were spilled: 0.15 of the roof in bytes. */
INLINE void
conv_tile_pooled(const Conv *conv, const Tile *tile, const int vectors, const int pixels)
{
	const Window *win = &conv->window;
	const size_t pixel = conv_pixel(conv), row = conv->x.row * sizeof(Word);
	const char *x = tile->x + tile->row * win->stride * row + tile->column * win->stride * pixel;
	const float *w = tile->weight;
	Sums sums;
	conv_begin(conv, tile, sums, vectors, pixels, 2);
	for (uint32_t ky = 0; ky < win->kernel_h; ky++, x += row, w += (size_t)conv->c * BLOCK)
		conv_tap(sums, x, win->stride * pixel, tile->x_group, w, conv->c, vectors, pixels, 2, 0, 0);
	conv_end_pooled(conv, tile, sums, vectors, pixels);
}

typedef void PooledTile(const Conv *conv, const Tile *tile);

#define CONV_POOLED(pixels)                                                                                            \
	static void conv_pooled_1_##pixels(const Conv *conv, const Tile *tile)                                         \
	{                                                                                                              \
		conv_tile_pooled(conv, tile, 1, pixels);                                                               \
	}                                                                                                              \
	static void conv_pooled_2_##pixels(const Conv *conv, const Tile *tile)                                         \
	{                                                                                                              \
		conv_tile_pooled(conv, tile, 2, pixels);                                                               \
	}
#define CONV_POOLED_NAMES(pixels) {conv_pooled_1_##pixels, conv_pooled_2_##pixels}

CONV_POOLED(2)
#if TILE_PIXELS >= 12
CONV_POOLED(4) CONV_POOLED(6)
#endif

/* [pixels written - 1][vectors - 1] */
static PooledTile *const conv_pooled[TILE_PIXELS / 4][2] = {
	CONV_POOLED_NAMES(2),
#if TILE_PIXELS >= 12
	CONV_POOLED_NAMES(4), CONV_POOLED_NAMES(6),
#endif
};

/* Two rows at a time; an odd last row or column has no window of the pool. */
static void
pooled_image(const Conv *conv, uint32_t block, uint32_t image)
{
	const int vectors = conv_vectors(conv, block);
	const uint32_t width = conv->window.out_w / 2, most = TILE_PIXELS / 4, tiles = (width + most - 1) / most;
	Tile tile = conv_begin_image(conv, block, image);
	tile.x_group = conv->window.stride * conv->x.row * sizeof(Word);
	for (tile.row = conv->rows_before; tile.row + 1 < conv->window.out_h - conv->rows_after; tile.row += 2) {
		char *row = conv_row_of_y(conv, block, image, tile.row / 2);
		for (uint32_t t = 0; t < tiles; t++) {
			uint32_t begin = (uint64_t)width * t / tiles, end = (uint64_t)width * (t + 1) / tiles;
			tile.column = 2 * begin;
			tile.y = row + begin * conv->y.pixel * conv_cell(conv);
			conv_pooled[end - begin - 1][vectors - 1](conv, &tile);
		}
	}
}

#endif

#endif
