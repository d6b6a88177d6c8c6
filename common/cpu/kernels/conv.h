/* cpu/kernels/conv.h: direct convolution, forward and, on transposed and flipped weights, backward to its input.
 *
 * One tile is 2 vectors of output channels x up to TILE_PIXELS pixels of a row (or as many pixels of the same row of two
 * images, where rows are short). Its sums stay in registers from the first tap to the last; a step loads two vectors of
 * weights and broadcasts one channel of every pixel. A dense layer is the same thing: its images are the pixels. */
#ifndef FM_CPU_KERNELS_CONV_H
#define FM_CPU_KERNELS_CONV_H

#include "cpu/kernels.h"
#include "cpu/kernels/simd.h"

/* Three pixels share a pointer: x86 can add once and twice a stride held in a register, no more. */
enum { POINTERS = (TILE_PIXELS + 2) / 3 + 1 };

/* Where a tile lies. */
typedef struct Tile {
	const float *x; /* image */
	size_t x_group; /* from an image to the next */
	char *y;
	size_t y_group; /* bytes */
	const float *weight; /* of the block */
	const float *bias;   /* of the block, or NULL */
	uint32_t row, column; /* of the output, first pixel */
} Tile;

/* sums += one tap: c channels of each pixel. The pixels before `low` and the last `high` ones lie outside the picture. */
INLINE void
conv_tap(Vec *sums, const float *x, size_t pixel, size_t group, const float *w, uint32_t c, const int vectors,
	 const int pixels, const int groups, const int low, const int high)
{
	const float *base[2 * POINTERS];
	UNROLL(2)
	for (int g = 0; g < groups; g++)
		UNROLL(8)
		for (int i = 0; i < pixels; i += 3)
			base[g * POINTERS + i / 3] = x + g * group + i * pixel;
	uint32_t k = c;
	while (k) {
		UNROLL(2)
		for (int g = 0; g < groups; g++)
			UNROLL(8)
			for (int i = 0; i < pixels; i += 3)
				FORGET(base[g * POINTERS + i / 3]);
		Vec w0 = vec_load(w), w1 = vectors == 2 ? vec_load(w + LANES) : w0;
		UNROLL(2)
		for (int g = 0; g < groups; g++)
			UNROLL(14)
			for (int i = 0; i < pixels; i++) {
				if (i < low || i >= pixels - high)
					continue;
				Vec b = vec_set(base[g * POINTERS + i / 3][i % 3 * pixel]);
				Vec *sum = sums + (g * pixels + i) * vectors;
				sum[0] = vec_dot(w0, b, sum[0]);
				if (vectors == 2)
					sum[1] = vec_dot(w1, b, sum[1]);
			}
		UNROLL(2)
		for (int g = 0; g < groups; g++)
			UNROLL(8)
			for (int i = 0; i < pixels; i += 3)
				base[g * POINTERS + i / 3]++;
		w += BLOCK;
		k--;
	}
}

/* bytes from one pixel of y to the next, and of one vector */
INLINE size_t
conv_cell(const Conv *conv)
{
	return conv->y_is_float ? sizeof(float) : sizeof(Cell);
}

INLINE void
conv_begin(const Conv *conv, const Tile *tile, Vec *sums, const int vectors, const int pixels, const int groups)
{
	const size_t pixel = conv->y.pixel * sizeof(float);
	UNROLL(2)
	for (int g = 0; g < groups; g++)
		UNROLL(14)
		for (int i = 0; i < pixels; i++)
			UNROLL(2)
			for (int v = 0; v < vectors; v++) {
				const char *y = tile->y + g * tile->y_group + i * pixel;
				sums[(g * pixels + i) * vectors + v] =
					conv->is_added ? vec_load((const float *)y + v * LANES) : vec_zero();
			}
}

INLINE void
conv_store(const Conv *conv, char *y, Vec a, const int v)
{
	if (conv->y_is_float)
		vec_store((float *)y + v * LANES, a);
	else
		cells_store((Cell *)y + v * LANES, a);
}

INLINE void
conv_end(const Conv *conv, const Tile *tile, const Vec *sums, const int vectors, const int pixels, const int groups)
{
	const size_t pixel = conv->y.pixel * conv_cell(conv);
	Vec bias[2] = {vec_zero(), vec_zero()};
	if (tile->bias)
		UNROLL(2)
		for (int v = 0; v < vectors; v++)
			bias[v] = vec_load(tile->bias + v * LANES);
	Vec least = conv->is_relu ? vec_zero() : vec_set(-__builtin_inff());
	UNROLL(2)
	for (int g = 0; g < groups; g++)
		UNROLL(14)
		for (int i = 0; i < pixels; i++)
			UNROLL(2)
			for (int v = 0; v < vectors; v++) {
				Vec a = sums[(g * pixels + i) * vectors + v];
				if (tile->bias || conv->is_relu)
					a = vec_max(least, a + bias[v]);
				conv_store(conv, tile->y + g * tile->y_group + i * pixel, a, v);
			}
}

INLINE void
conv_tile(const Conv *conv, const Tile *tile, const int vectors, const int pixels, const int groups)
{
	const Window *win = &conv->window;
	Vec sums[2 * TILE_PIXELS];
	conv_begin(conv, tile, sums, vectors, pixels, groups);
	for (uint32_t ky = 0; ky < win->kernel_h; ky++) {
		int64_t iy = (int64_t)tile->row * win->stride + ky - win->pad_top;
		if (iy < 0 || iy >= win->in_h)
			continue;
		const float *row = tile->x + (size_t)iy * conv->x.row;
		const float *w = tile->weight + (size_t)ky * win->kernel_w * conv->c * BLOCK;
		for (uint32_t kx = 0; kx < win->kernel_w; kx++, w += (size_t)conv->c * BLOCK) {
			int64_t first = (int64_t)tile->column * win->stride + kx - win->pad_left, step = win->stride;
			int64_t last = first + (pixels - 1) * step, width = win->in_w;
			bool is_low = first < 0 && first + step >= 0 && last < width;
			bool is_high = last >= width && last - step < width && first >= 0;
			const float *x = row + first * (int64_t)conv->x.pixel;
			size_t pixel = win->stride * conv->x.pixel;
			if (is_low)
				conv_tap(sums, x, pixel, tile->x_group, w, conv->c, vectors, pixels, groups, 1, 0);
			else if (is_high)
				conv_tap(sums, x, pixel, tile->x_group, w, conv->c, vectors, pixels, groups, 0, 1);
			else
				conv_tap(sums, x, pixel, tile->x_group, w, conv->c, vectors, pixels, groups, 0, 0);
		}
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

/* One row of one image, or of two where `groups` is 2: tiles of equal width, as near as can be. */
static void
conv_row(const Conv *conv, Tile *tile, int vectors, int groups)
{
	const uint32_t width = conv->window.out_w, tiles = (width + TILE_PIXELS - 1) / TILE_PIXELS;
	const size_t pixel = conv->y.pixel * conv_cell(conv);
	char *row = tile->y;
	for (uint32_t t = 0; t < tiles; t++) {
		uint32_t begin = (uint64_t)width * t / tiles, end = (uint64_t)width * (t + 1) / tiles;
		tile->column = begin;
		tile->y = row + begin * pixel;
		(groups == 2 ? conv_pairs : conv_tiles)[end - begin - 1][vectors - 1](conv, tile);
	}
}

static void
conv_images(const Conv *conv, uint32_t block, uint32_t image, int groups)
{
	const uint32_t channel = block * BLOCK;
	const int vectors = conv->lanes - channel >= BLOCK ? 2 : 1;
	const size_t cell = conv_cell(conv);
	Tile tile = {
		.x = (const float *)conv->x.data + image * conv->x.image,
		.x_group = conv->x.image,
		.y_group = conv->y.image * cell,
		.weight = (const float *)conv->weight + block * conv->weight_block,
		.bias = conv->bias ? conv->bias + channel : NULL,
	};
	for (tile.row = 0; tile.row < conv->window.out_h; tile.row++) {
		tile.y = (char *)conv->y.data + (image * conv->y.image + tile.row * conv->y.row + channel) * cell;
		conv_row(conv, &tile, vectors, groups);
	}
}

static void
conv(const Conv *conv, uint32_t first_block, uint32_t end_block)
{
	const uint32_t pair = conv->window.out_w <= TILE_PIXELS / 2 ? 2 : 1;
	for (uint32_t image = 0; image < conv->n; image += pair)
		for (uint32_t block = first_block; block < end_block; block++)
			conv_images(conv, block, image, conv->n - image >= pair ? (int)pair : 1);
}

#endif
