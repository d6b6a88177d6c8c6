/* cpu/kernels/conv.h: direct convolution, forward and, on transposed and flipped weights, backward to its input.
 *
 * One tile is 2 vectors of output channels x up to TILE_PIXELS pixels of a row (or as many pixels of the same row of two
 * images, where rows are short). Its sums stay in registers from the first tap to the last; a step loads two vectors of
 * weights and broadcasts one channel of every pixel. A dense layer is the same thing: its images are the pixels. */
#ifndef FM_CPU_KERNELS_CONV_H
#define FM_CPU_KERNELS_CONV_H

#include "cpu/kernels.h"
#include "cpu/kernels/ahead.h"
#include "cpu/kernels/simd.h"

/* Where a tile lies. */
typedef struct Tile {
	const char *x; /* image, or row */
	size_t x_group, w_group; /* from one of a pair to the other: bytes; floats, where their weights are not the same */
	char *y;
	size_t y_group; /* bytes */
	const float *weight; /* of the block */
	const float *scale, *bias; /* of the block, or NULL */
	const int32_t *start; /* likewise */
	double *sum, *square; /* likewise */
	uint32_t row, column; /* of the output, first pixel */
	const char *ahead; /* to be asked for, so many lines before every tap */
	uint32_t ahead_lines;
} Tile;

/* [image or row of a pair][pixel][vector] */
typedef Vec Sums[2][REPEAT_MOST][2];

/* A word as it is broadcast: where pixels are less than a word, it may lie anywhere. */
typedef float Word __attribute__((aligned(1), may_alias));

/* Three pixels share a pointer: x86 can add once and twice a stride held in a register, no more. */
typedef const char *Pointers[2][(REPEAT_MOST + 2) / 3];

/* sums += one tap: c words of each pixel, `pixel` and `group` in bytes. The pixels before `low` and the last `high` ones
 * lie outside the picture. With two `weights` the second group's are `w_group` floats behind the first's. */
INLINE void
conv_tap_of(Sums sums, const char *x, size_t pixel, size_t group, const float *w, size_t w_group, uint32_t c,
	    const int weights, const int vectors, const int pixels, const int groups, const int low, const int high)
{
	Pointers at;
#define POINT(i)                                                                                                       \
	if (i % 3 == 0 && i < pixels) {                                                                                \
		at[0][i / 3] = x + i * pixel;                                                                          \
		if (groups == 2)                                                                                       \
			at[1][i / 3] = x + group + i * pixel;                                                          \
	}
	REPEAT_14(POINT)
#undef POINT
	for (; c; c--) {
#define HIDE(i)                                                                                                        \
	if (i % 3 == 0 && i < pixels) {                                                                                \
		FORGET(at[0][i / 3]);                                                                                  \
		if (groups == 2)                                                                                       \
			FORGET(at[1][i / 3]);                                                                          \
	}
		REPEAT_14(HIDE)
#undef HIDE
		Vec w0 = vec_load(w), w1 = vectors == 2 ? vec_load(w + LANES) : w0;
#define MULTIPLY(g, i)                                                                                                 \
	if (g < groups && i >= low && i < pixels - high) {                                                             \
		Vec b = vec_set(*(const Word *)(at[g][i / 3] + i % 3 * pixel));                                                        \
		sums[g][i][0] = vec_dot(w0, b, sums[g][i][0]);                                                         \
		if (vectors == 2)                                                                                      \
			sums[g][i][1] = vec_dot(w1, b, sums[g][i][1]);                                                 \
	}
#define MULTIPLY_FIRST(i) MULTIPLY(0, i)
#define MULTIPLY_SECOND(i) MULTIPLY(1, i)
		REPEAT_14(MULTIPLY_FIRST)
		if (weights == 2) {
			w0 = vec_load(w + w_group);
			w1 = vectors == 2 ? vec_load(w + w_group + LANES) : w0;
		}
		REPEAT_14(MULTIPLY_SECOND)
#undef MULTIPLY_FIRST
#undef MULTIPLY_SECOND
#undef MULTIPLY
#define ADVANCE(i)                                                                                                     \
	if (i % 3 == 0 && i < pixels) {                                                                                \
		at[0][i / 3] += sizeof(Word);                                                                          \
		if (groups == 2)                                                                                       \
			at[1][i / 3] += sizeof(Word);                                                                  \
	}
		REPEAT_14(ADVANCE)
#undef ADVANCE
		w += BLOCK;
	}
}

/* The same weights for both groups. */
INLINE void
conv_tap(Sums sums, const char *x, size_t pixel, size_t group, const float *w, uint32_t c, const int vectors,
	 const int pixels, const int groups, const int low, const int high)
{
	conv_tap_of(sums, x, pixel, group, w, 0, c, 1, vectors, pixels, groups, low, high);
}

/* bytes from one pixel of y to the next, and of one vector */
INLINE size_t
conv_cell(const Conv *conv)
{
	return conv->y_is_float ? sizeof(float) : sizeof(Cell);
}

INLINE void
conv_begin(const Conv *conv, const Tile *tile, Sums sums, const int vectors, const int pixels, const int groups)
{
	const size_t pixel = conv->y.pixel * sizeof(float);
#define BEGIN(i)                                                                                                       \
	if (i < pixels) {                                                                                              \
		sums[0][i][0] = sums[0][i][1] = sums[1][i][0] = sums[1][i][1] = vec_zero();                            \
		if (conv->is_added) {                                                                                  \
			const float *y = (const float *)(tile->y + i * pixel);                                         \
			sums[0][i][0] = vec_load(y);                                                                   \
			if (vectors == 2)                                                                              \
				sums[0][i][1] = vec_load(y + LANES);                                                   \
		}                                                                                                      \
	}
	(void)groups; /* what is added to is flat: there are no pairs */
	REPEAT_14(BEGIN)
#undef BEGIN
}

INLINE void
conv_store(const Conv *conv, char *y, Vec a, const int v)
{
	if (conv->y_is_float)
		vec_store((float *)y + v * LANES, a);
	else
		cells_store((Cell *)y + v * LANES, a);
}

/* What follows the sums of two vectors of channels. */
typedef struct Ending {
	Vec scale[2], bias[2], least;
} Ending;

INLINE Ending
conv_ending(const Conv *conv, const Tile *tile, const int vectors)
{
	Ending ending = { .least = conv->is_relu ? vec_zero() : vec_set(-__builtin_inff()) };
#define LOAD(v)                                                                                                        \
	if (v < vectors) {                                                                                             \
		ending.scale[v] = tile->scale ? vec_load(tile->scale + v * LANES) : vec_zero();                        \
		ending.bias[v] = tile->bias ? vec_load(tile->bias + v * LANES) : vec_zero();                           \
	}
	LOAD(0)
	LOAD(1)
#undef LOAD
	return ending;
}

INLINE void
conv_put(const Conv *conv, const Ending *ending, char *y, Vec sum, const int v)
{
	conv_store(conv, y, vec_max(ending->least, sum_value(sum, ending->scale[v], ending->bias[v])), v);
}

#if defined(KERNELS_INT8)
/* Sums that others will be added to, as they are; or a bias of its own for every pixel. */
INLINE void
conv_end_rarely(const Conv *conv, const Tile *tile, const Ending *ending, Sums sums, const int vectors, const int pixels,
		const int groups)
{
	const size_t pixel = conv->y.pixel * conv_cell(conv), bias_pixel = conv->bias_pixel;
	const float *bias = bias_pixel ? tile->bias + ((size_t)tile->row * conv->window.out_w + tile->column) * bias_pixel : NULL;
	Ending own = *ending;
#define END(g, i, v)                                                                                                   \
	if (g < groups && i < pixels && v < vectors) {                                                                 \
		char *y = tile->y + g * tile->y_group + i * pixel;                                                     \
		if (bias) {                                                                                            \
			own.bias[v] = vec_load(bias + i * bias_pixel + v * LANES);                                     \
			conv_put(conv, &own, y, sums[g][i][v], v);                                                     \
		} else {                                                                                               \
			vec_store((float *)y + v * LANES, sums[g][i][v]);                                              \
		}                                                                                                      \
	}
#define END_ALL(i) END(0, i, 0) END(0, i, 1) END(1, i, 0) END(1, i, 1)
	REPEAT_14(END_ALL)
#undef END_ALL
#undef END
}
#endif

INLINE void
conv_end(const Conv *conv, const Tile *tile, Sums sums, const int vectors, const int pixels, const int groups)
{
	const size_t pixel = conv->y.pixel * conv_cell(conv);
	const Ending ending = conv_ending(conv, tile, vectors);
#if defined(KERNELS_INT8)
	if (!tile->scale || conv->bias_pixel) {
		conv_end_rarely(conv, tile, &ending, sums, vectors, pixels, groups);
		return;
	}
#endif
#define END(g, i)                                                                                                      \
	if (g < groups && i < pixels) {                                                                                \
		char *y = tile->y + g * tile->y_group + i * pixel;                                                     \
		conv_put(conv, &ending, y, sums[g][i][0], 0);                                                          \
		if (vectors == 2)                                                                                      \
			conv_put(conv, &ending, y, sums[g][i][1], 1);                                                  \
	}
#define END_FIRST(i) END(0, i)
#define END_SECOND(i) END(1, i)
	REPEAT_14(END_FIRST)
	REPEAT_14(END_SECOND)
#undef END_FIRST
#undef END_SECOND
#undef END
}

/* The tile's part of what batch norm wants to know, while it is in registers. */
INLINE void
conv_moments(const Tile *tile, Sums sums, const int v, const int pixels, const int groups)
{
	const float count = (float)(pixels * groups);
	Vec total = vec_zero(), about = vec_zero();
#define ADD(i)                                                                                                         \
	if (i < pixels) {                                                                                              \
		total += sums[0][i][v];                                                                                \
		if (groups == 2)                                                                                       \
			total += sums[1][i][v];                                                                        \
	}
	REPEAT_14(ADD)
#undef ADD
	const Vec mean = total * vec_set(1 / count);
#define SQUARE(g, i)                                                                                                   \
	if (g < groups && i < pixels) {                                                                                \
		Vec d = sums[g][i][v] - mean;                                                                          \
		about = vec_fma(d, d, about);                                                                          \
	}
#define SQUARE_FIRST(i) SQUARE(0, i)
#define SQUARE_SECOND(i) SQUARE(1, i)
	REPEAT_14(SQUARE_FIRST)
	REPEAT_14(SQUARE_SECOND)
#undef SQUARE_FIRST
#undef SQUARE_SECOND
#undef SQUARE
	moments_add(tile->sum + v * LANES, tile->square + v * LANES, total, mean, about, count);
}

/* bytes from one pixel of x to the next */
INLINE size_t
conv_pixel(const Conv *conv)
{
	return conv->x_pixel_bytes ? conv->x_pixel_bytes : conv->x.pixel * sizeof(Word);
}

/* One row of the kernel, on `row` of x; `lines` from `ahead` on are asked for before every tap. @return the next */
INLINE const char *
conv_kernel_row(const Conv *conv, const Tile *tile, const char *row, const float *w, const char *ahead, uint32_t lines,
		Sums sums, const int weights, const int vectors, const int pixels, const int groups)
{
	const Window *win = &conv->window;
	/* with 15 of 16 registers in use clang spills where three loops meet; the halo holds zeros anyway */
	const bool has_edges = weights == 2 || groups == 1 || TILE_PIXELS > 6;
	const size_t pixel = conv_pixel(conv), x_group = tile->x_group, w_group = tile->w_group;
	for (uint32_t kx = 0; kx < win->kernel_w; kx++, w += (size_t)conv->c * BLOCK) {
		ahead = fetch_lines(ahead, lines);
		int64_t first = (int64_t)tile->column * win->stride + kx - win->pad_left, step = win->stride;
		int64_t last = first + (pixels - 1) * step, width = win->in_w;
		bool is_low = first < 0 && first + step >= 0 && last < width;
		bool is_high = last >= width && last - step < width && first >= 0;
		const char *x = row + first * (int64_t)pixel;
		size_t next = win->stride * pixel;
		if (has_edges && is_low)
			conv_tap_of(sums, x, next, x_group, w, w_group, conv->c, weights, vectors, pixels, groups, 1, 0);
		else if (has_edges && is_high)
			conv_tap_of(sums, x, next, x_group, w, w_group, conv->c, weights, vectors, pixels, groups, 0, 1);
		else
			conv_tap_of(sums, x, next, x_group, w, w_group, conv->c, weights, vectors, pixels, groups, 0, 0);
	}
	return ahead;
}

INLINE void
conv_sum(const Conv *conv, const Tile *tile, Sums sums, const int vectors, const int pixels, const int groups)
{
	const Window *win = &conv->window;
	const char *ahead = tile->ahead;
	for (uint32_t ky = 0; ky < win->kernel_h; ky++) {
		int64_t iy = (int64_t)tile->row * win->stride + ky - win->pad_top;
		if (iy < 0 || iy >= win->in_h)
			continue;
		const char *row = tile->x + (size_t)iy * conv->x.row * sizeof(Word);
		const float *w = tile->weight + (size_t)ky * win->kernel_w * conv->c * BLOCK;
		ahead = conv_kernel_row(conv, tile, row, w, ahead, tile->ahead_lines, sums, 1, vectors, pixels, groups);
	}
}

INLINE void
conv_tile(const Conv *conv, const Tile *tile, const int vectors, const int pixels, const int groups)
{
	Sums sums;
	conv_begin(conv, tile, sums, vectors, pixels, groups);
	conv_sum(conv, tile, sums, vectors, pixels, groups);
	if (tile->sum) {
		conv_moments(tile, sums, 0, pixels, groups);
		if (vectors == 2)
			conv_moments(tile, sums, 1, pixels, groups);
	}
	conv_end(conv, tile, sums, vectors, pixels, groups);
}

typedef void ConvTile(const Conv *conv, const Tile *tile);

#define CONV_TILE(vectors, pixels, groups)                                                                             \
	static void conv_tile_##vectors##_##pixels##_##groups(const Conv *conv, const Tile *tile)                      \
	{                                                                                                              \
		conv_tile(conv, tile, vectors, pixels, groups);                                                        \
	}
#define CONV_TILES(pixels) CONV_TILE(1, pixels, 1) CONV_TILE(2, pixels, 1)
#define CONV_PAIRS(pixels) CONV_TILE(1, pixels, 2) CONV_TILE(2, pixels, 2)
#define CONV_TILE_NAMES(pixels) {conv_tile_1_##pixels##_1, conv_tile_2_##pixels##_1}
#define CONV_PAIR_NAMES(pixels) {conv_tile_1_##pixels##_2, conv_tile_2_##pixels##_2}

CONV_TILES(1) CONV_TILES(2) CONV_TILES(3) CONV_TILES(4) CONV_TILES(5) CONV_TILES(6)
CONV_PAIRS(1) CONV_PAIRS(2) CONV_PAIRS(3)
#if TILE_PIXELS >= 12
CONV_TILES(7) CONV_TILES(8) CONV_TILES(9) CONV_TILES(10) CONV_TILES(11) CONV_TILES(12)
CONV_PAIRS(4) CONV_PAIRS(5) CONV_PAIRS(6)
#endif
#if TILE_PIXELS >= 14
CONV_TILES(13) CONV_TILES(14)
CONV_PAIRS(7)
#endif

/* [pixels - 1][vectors - 1] */
static ConvTile *const conv_tiles[TILE_PIXELS][2] = {
	CONV_TILE_NAMES(1), CONV_TILE_NAMES(2), CONV_TILE_NAMES(3), CONV_TILE_NAMES(4), CONV_TILE_NAMES(5),
	CONV_TILE_NAMES(6),
#if TILE_PIXELS >= 12
	CONV_TILE_NAMES(7), CONV_TILE_NAMES(8), CONV_TILE_NAMES(9), CONV_TILE_NAMES(10), CONV_TILE_NAMES(11),
	CONV_TILE_NAMES(12),
#endif
#if TILE_PIXELS >= 14
	CONV_TILE_NAMES(13), CONV_TILE_NAMES(14),
#endif
};
static ConvTile *const conv_pairs[TILE_PIXELS / 2][2] = {
	CONV_PAIR_NAMES(1), CONV_PAIR_NAMES(2), CONV_PAIR_NAMES(3),
#if TILE_PIXELS >= 12
	CONV_PAIR_NAMES(4), CONV_PAIR_NAMES(5), CONV_PAIR_NAMES(6),
#endif
#if TILE_PIXELS >= 14
	CONV_PAIR_NAMES(7),
#endif
};

static uint32_t
conv_tiles_of_row(const Conv *conv)
{
	return (conv->window.out_w + TILE_PIXELS - 1) / TILE_PIXELS;
}

/* One row of one image, or of two where `groups` is 2: tiles of equal width, as near as can be. */
static void
conv_row(const Conv *conv, Fetch *fetch, Tile *tile, int vectors, int groups)
{
	const uint32_t width = conv->window.out_w, tiles = conv_tiles_of_row(conv);
	const size_t pixel = conv->y.pixel * conv_cell(conv);
	char *row = tile->y;
	for (uint32_t t = 0; t < tiles; t++) {
		uint32_t begin = (uint64_t)width * t / tiles, end = (uint64_t)width * (t + 1) / tiles;
		tile->column = begin;
		tile->y = row + begin * pixel;
		tile->ahead_lines = fetch_tile(fetch, &tile->ahead);
		(groups == 2 ? conv_pairs : conv_tiles)[end - begin - 1][vectors - 1](conv, tile);
	}
}

static Tile
conv_begin_image(const Conv *conv, uint32_t block, uint32_t image)
{
	const uint32_t channel = block * BLOCK;
	return (Tile){
		.x = (const char *)conv->x.data + image * conv->x.image * sizeof(Word),
		.x_group = conv->x.image * sizeof(Word),
		.y_group = conv->y.image * conv_cell(conv),
		.weight = (const float *)conv->weight + block * conv->weight_block,
		.scale = conv->scale ? conv->scale + channel : NULL,
		.bias = conv->bias ? conv->bias + channel : NULL,
		.start = conv->start ? conv->start + channel : NULL,
		.sum = conv->sum ? conv->sum + channel : NULL,
		.square = conv->sum ? conv->square + channel : NULL,
	};
}

static char *
conv_row_of_y(const Conv *conv, uint32_t block, uint32_t image, uint32_t row)
{
	return (char *)conv->y.data + (image * conv->y.image + row * conv->y.row + block * BLOCK) * conv_cell(conv);
}

INLINE int
conv_vectors(const Conv *conv, uint32_t block)
{
	return conv->lanes - block * BLOCK >= BLOCK ? 2 : 1;
}

static void
conv_images(const Conv *conv, Fetch *fetch, uint32_t block, uint32_t image, int groups)
{
	const int vectors = conv_vectors(conv, block);
	Tile tile = conv_begin_image(conv, block, image);
	for (tile.row = conv->rows_before; tile.row < conv->window.out_h - conv->rows_after; tile.row++) {
		tile.y = conv_row_of_y(conv, block, image, tile.row);
		conv_row(conv, fetch, &tile, vectors, groups);
	}
}

#include "cpu/kernels/columns.h"
#include "cpu/kernels/pooled.h"

/* One pixel of one image, a dense layer of a single picture: two sums a block would wait for each other, so several blocks
 * go together; every sum is the one that it is alone. */
INLINE void
conv_pixel_blocks(const Conv *conv, uint32_t block, const int blocks)
{
	Tile tile[4];
	Sums sums[4];
	const char *x = conv->x.data;
	const float *w = (const float *)conv->weight + block * conv->weight_block;
#define BEGIN(k)                                                                                                       \
	if (k < blocks) {                                                                                              \
		tile[k] = conv_begin_image(conv, block + k, 0);                                                        \
		tile[k].y = conv_row_of_y(conv, block + k, 0, 0);                                                      \
		conv_begin(conv, &tile[k], sums[k], 2, 1, 1);                                                          \
	}
	BEGIN(0) BEGIN(1) BEGIN(2) BEGIN(3)
#undef BEGIN
	for (uint32_t c = 0; c < conv->c; c++, w += BLOCK) {
		const Vec b = vec_set(*(const Word *)(x + c * sizeof(Word)));
#define MULTIPLY(k)                                                                                                    \
	if (k < blocks) {                                                                                              \
		const float *here = w + k * conv->weight_block;                                                        \
		sums[k][0][0][0] = vec_dot(vec_load(here), b, sums[k][0][0][0]);                                       \
		sums[k][0][0][1] = vec_dot(vec_load(here + LANES), b, sums[k][0][0][1]);                               \
	}
		MULTIPLY(0) MULTIPLY(1) MULTIPLY(2) MULTIPLY(3)
#undef MULTIPLY
	}
#define END(k)                                                                                                         \
	if (k < blocks)                                                                                                \
		conv_end(conv, &tile[k], sums[k], 2, 1, 1);
	END(0) END(1) END(2) END(3)
#undef END
}

static void conv_pixel_4(const Conv *conv, uint32_t block) { conv_pixel_blocks(conv, block, 4); }
static void conv_pixel_2(const Conv *conv, uint32_t block) { conv_pixel_blocks(conv, block, 2); }

/* @return the first block that is left */
static uint32_t
conv_single_pixel(const Conv *conv, uint32_t block, uint32_t end)
{
	for (; end - block >= 4 && conv_vectors(conv, block + 3) == 2; block += 4)
		conv_pixel_4(conv, block);
	for (; end - block >= 2 && conv_vectors(conv, block + 1) == 2; block += 2)
		conv_pixel_2(conv, block);
	return block;
}

static bool
conv_has_single_pixel(const Conv *conv)
{
	const Window *win = &conv->window;
	return conv->n == 1 && win->in_h == 1 && win->in_w == 1 && win->out_h == 1 && win->out_w == 1 && win->kernel_h == 1 &&
	       win->kernel_w == 1 && !win->pad_top && !win->pad_left && !conv->is_pooled && !conv->sum;
}

static void
conv(const Conv *conv, uint32_t first_block, uint32_t end_block)
{
#if defined(KERNELS_COLUMNS)
	if (conv->has_points) {
		columns_conv(conv, first_block, end_block);
		return;
	}
#endif
	if (conv_has_single_pixel(conv))
		first_block = conv_single_pixel(conv, first_block, end_block);
	const uint32_t pair = !conv->is_pooled && conv->window.out_w <= TILE_PIXELS / 2 ? 2 : 1;
	const uint64_t rows = (uint64_t)(end_block - first_block) * ((conv->n + pair - 1) / pair) * conv->window.out_h;
	Fetch fetch = fetch_begin(conv->ahead, rows * conv_tiles_of_row(conv), conv->window.kernel_h * conv->window.kernel_w);
	for (uint32_t image = 0; image < conv->n; image += pair)
		for (uint32_t block = first_block; block < end_block; block++) {
			if (conv->is_pooled)
				pooled_image(conv, block, image);
			else
				conv_images(conv, &fetch, block, image, conv->n - image >= pair ? (int)pair : 1);
		}
}

#endif
