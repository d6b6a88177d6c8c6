/* cpu/kernels/columns.h: 3x3 convolutions of bytes and bf16 by Winograd's F(2, 3) down their columns: two rows of outputs from
 * four rows of products, where direct sums take six (Lavin and Gray, arXiv 1509.09308). Across, the sums are direct ones. Part of
 * conv.h, which includes it.
 *
 * Sums stay in registers from the first product to the last: those of two points first, then their sum and their difference, to
 * which the products of the other two are added. Points of bytes are halved to be bytes again: the mean of two bytes, or of one
 * and the other's complement; all four of an output channel have one scale. */
#if !defined(FM_CPU_KERNELS_CONV_H) /* alone it is nothing; conv.h then includes this file in its place */
#include "cpu/kernels/conv.h"
#endif
#ifndef FM_CPU_KERNELS_COLUMNS_H
#define FM_CPU_KERNELS_COLUMNS_H

#if defined(KERNELS_INT8) || defined(__AVX512BF16__) /* floats have F(4x4, 3x3), see winograd.h */
#define KERNELS_COLUMNS

/* ---- rows to points ---- */

#if defined(KERNELS_INT8)

/* rounded up */
INLINE Bytes
bytes_mean(Bytes a, Bytes b)
{
#if defined(__x86_64__)
	return (Bytes)_mm_avg_epu8((__m128i)a, (__m128i)b);
#elif defined(KERNELS_NEON)
	return (Bytes)vrhaddq_u8((uint8x16_t)a, (uint8x16_t)b);
#else
	return (a | b) - ((a ^ b) >> 1);
#endif
}

/* The four points of 16 channels, `point` bytes apart. */
INLINE void
columns_channels(const Cell *const rows[4], size_t at, Cell *to, size_t point, bool has_two)
{
	const Bytes a = bytes_load(rows[0] + at), b = bytes_load(rows[1] + at), c = bytes_load(rows[2] + at);
	const Bytes d = bytes_load(rows[3] + at);
	const Bytes points[COLUMN_POINTS] = { bytes_mean(b, c), bytes_mean(c, ~b), bytes_mean(a, ~c), bytes_mean(b, ~d) };
	(void)has_two;
	memcpy(to + at, &points[0], sizeof(Bytes));
	memcpy(to + point + at, &points[1], sizeof(Bytes));
	memcpy(to + 2 * point + at, &points[2], sizeof(Bytes));
	memcpy(to + 3 * point + at, &points[3], sizeof(Bytes));
}

#else

/* The four points of 16 channels, `point` cells apart; or two. */
INLINE void
columns_channels(const Cell *const rows[4], size_t at, Cell *to, size_t point, bool has_two)
{
	const Vec b = cells_load(rows[1] + at), c = cells_load(rows[2] + at);
	cells_store(to + at, b + c);
	cells_store(to + point + at, c - b);
	if (has_two)
		return;
	const Vec a = cells_load(rows[0] + at), d = cells_load(rows[3] + at);
	cells_store(to + 2 * point + at, a - c);
	cells_store(to + 3 * point + at, b - d);
}

#endif

#if defined(KERNELS_INT8) && defined(__AVX512BW__)

/* The same of 64, or as many as a vector takes. @return where it stops */
INLINE size_t
columns_vectors(const Cell *const rows[4], size_t size, Cell *to, bool has_two)
{
	const __m512i ones = _mm512_set1_epi8(-1);
	size_t at = 0;
	(void)has_two;
	for (; at + sizeof(Vec) <= size; at += sizeof(Vec)) {
		const __m512i a = _mm512_loadu_si512(rows[0] + at), b = _mm512_loadu_si512(rows[1] + at);
		const __m512i c = _mm512_loadu_si512(rows[2] + at), d = _mm512_loadu_si512(rows[3] + at);
		_mm512_storeu_si512(to + at, _mm512_avg_epu8(b, c));
		_mm512_storeu_si512(to + size + at, _mm512_avg_epu8(c, _mm512_xor_si512(b, ones)));
		_mm512_storeu_si512(to + 2 * size + at, _mm512_avg_epu8(a, _mm512_xor_si512(c, ones)));
		_mm512_storeu_si512(to + 3 * size + at, _mm512_avg_epu8(b, _mm512_xor_si512(d, ones)));
	}
	return at;
}

#elif !defined(KERNELS_INT8)

/* 32 cells of a row as the floats of the even ones and of the odd ones. */
typedef struct Halves {
	__m512 even, odd;
} Halves;

INLINE Halves
halves_load(const Cell *p)
{
	const __m512i words = _mm512_loadu_si512(p);
	return (Halves){ _mm512_castsi512_ps(_mm512_slli_epi32(words, 16)),
			 _mm512_castsi512_ps(_mm512_and_si512(words, _mm512_set1_epi32((int)0xffff0000))) };
}

INLINE Halves halves_add(Halves a, Halves b) { return (Halves){ a.even + b.even, a.odd + b.odd }; }
INLINE Halves halves_subtract(Halves a, Halves b) { return (Halves){ a.even - b.even, a.odd - b.odd }; }

INLINE void
halves_store(Cell *p, Halves a, __m512i order)
{
	_mm512_storeu_si512(p, _mm512_permutexvar_epi16(order, (__m512i)_mm512_cvtne2ps_pbh(a.odd, a.even)));
}

/* The same of 32, which takes a third fewer instructions. @return where it stops */
INLINE size_t
columns_vectors(const Cell *const rows[4], size_t size, Cell *to, bool has_two)
{
	__m512i order = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
	size_t at = 0;
	/* even, odd, even …: numbers i and 16 + i side by side */
	order = _mm512_or_si512(order, _mm512_slli_epi32(_mm512_add_epi32(order, _mm512_set1_epi32(LANES)), 16));
	for (; at + 2 * LANES <= size; at += 2 * LANES) {
		const Halves b = halves_load(rows[1] + at), c = halves_load(rows[2] + at);
		halves_store(to + at, halves_add(b, c), order);
		halves_store(to + size + at, halves_subtract(c, b), order);
		if (has_two)
			continue;
		const Halves a = halves_load(rows[0] + at), d = halves_load(rows[3] + at);
		halves_store(to + 2 * size + at, halves_subtract(a, c), order);
		halves_store(to + 3 * size + at, halves_subtract(b, d), order);
	}
	return at;
}

#else

INLINE size_t
columns_vectors(const Cell *const rows[4], size_t size, Cell *to, bool has_two)
{
	(void)rows;
	(void)size;
	(void)to;
	(void)has_two;
	return 0;
}

#endif

static void
columns_points(const Columns *job)
{
	const Window *win = &job->window;
	const size_t size = (size_t)win->in_w * job->lanes;
	const bool has_two = job->has_two;
	Cell *to = job->points;
	for (uint32_t y = 0; y < win->out_h; y += 2, to += (has_two ? 2 : COLUMN_POINTS) * size) {
		const Cell *rows[4];
		for (uint32_t i = 0; i < 4; i++) {
			const int64_t row = (int64_t)y + i - win->pad_top;
			rows[i] = row < 0 || row >= win->in_h ? job->outside : (const Cell *)job->x.data + (size_t)row * job->x.row;
		}
		for (size_t at = columns_vectors(rows, size, to, has_two); at < size; at += CHANNEL_ALIGN)
			columns_channels(rows, at, to, size, has_two);
	}
}

/* ---- sums ---- */

enum { COLUMN_PIXELS = TILE_PIXELS / 2 }; /* of either row */

INLINE void
columns_begin(const Conv *conv, const Tile *tile, Sums sums, const int vectors, const int pixels)
{
#if defined(KERNELS_INT8)
	const float *p = (const float *)tile->start + (size_t)tile->column * conv->lanes;
	const float *q = p + (size_t)conv->window.out_w * conv->lanes;
#define START(from, i, v) vec_load(from + i * conv->lanes + v * LANES)
#else
	(void)conv, (void)tile;
#define START(from, i, v) vec_zero()
#endif
#define BEGIN(i, v)                                                                                                    \
	if (i < pixels && v < vectors) {                                                                               \
		sums[0][i][v] = START(p, i, v);                                                                        \
		sums[1][i][v] = START(q, i, v);                                                                        \
	}
#define BEGIN_BOTH(i) BEGIN(i, 0) BEGIN(i, 1)
	REPEAT_8(BEGIN_BOTH)
#undef BEGIN_BOTH
#undef BEGIN
#undef START
}

/* P and Q to P + Q and P - Q */
INLINE void
columns_cross(Sums sums, const int vectors, const int pixels)
{
#define CROSS(i, v)                                                                                                    \
	if (i < pixels && v < vectors) {                                                                               \
		const Vec p = sums[0][i][v], q = sums[1][i][v];                                                        \
		sums[0][i][v] = sum_add(p, q);                                                                         \
		sums[1][i][v] = sum_subtract(p, q);                                                                    \
	}
#define CROSS_BOTH(i) CROSS(i, 0) CROSS(i, 1)
	REPEAT_8(CROSS_BOTH)
#undef CROSS_BOTH
#undef CROSS
}

/* sums += products of the points `first` and, with two rows, the next; all three columns of the kernel. @return what is to be
 * asked for next */
INLINE const char *
columns_products(const Conv *conv, const Tile *tile, const int first, const char *ahead, Sums sums, const int vectors,
		 const int pixels, const int rows)
{
	const char *row = tile->x + (size_t)first * conv->x.row * sizeof(Word);
	const float *w = tile->weight + (size_t)first * tile->w_group;
	return conv_kernel_row(conv, tile, row, w, ahead, tile->ahead_lines, sums, 2, vectors, pixels, rows);
}

/* Two vectors of channels, or one. */
INLINE void
columns_put(Cell *y, const Ending *ending, Vec low, Vec high, const int vectors)
{
	low = sum_value(low, ending->scale[0], ending->bias[0]);
	if (vectors == 2)
		high = sum_value(high, ending->scale[1], ending->bias[1]);
#if defined(KERNELS_INT8)
	if (vectors == 2)
		cells_store_pair(y, ending->least, low, high);
	else
		cells_store(y, low); /* what is negative becomes 0 anyway */
#else
	cells_store(y, vec_max(ending->least, low));
	if (vectors == 2)
		cells_store(y + LANES, vec_max(ending->least, high));
#endif
}

INLINE void
columns_end(const Conv *conv, const Tile *tile, Sums sums, const int vectors, const int pixels, const int rows)
{
	const size_t pixel = conv->y.pixel, below = conv->y.row;
	const Ending ending = conv_ending(conv, tile, vectors);
	Cell *y = (Cell *)tile->y;
#define END(row, i)                                                                                                    \
	if (row < rows && i < pixels)                                                                                  \
		columns_put(y + row * below + i * pixel, &ending, sums[row][i][0], sums[row][i][vectors - 1], vectors);
#define END_UPPER(i) END(0, i)
#define END_LOWER(i) END(1, i)
	REPEAT_8(END_UPPER)
	REPEAT_8(END_LOWER)
#undef END_UPPER
#undef END_LOWER
#undef END
}

#if defined(KERNELS_INT8)

/* [row][pixel][vector] */
static void __attribute__((noinline))
columns_put_floats(const Conv *conv, const Tile *tile, const Vec *sums, int vectors, int pixels, int rows)
{
	const Ending ending = conv_ending(conv, tile, vectors);
	for (int row = 0; row < rows; row++)
		for (int i = 0; i < pixels; i++)
			for (int v = 0; v < vectors; v++)
				conv_put(conv, &ending, (char *)((float *)tile->y + row * conv->y.row + i * conv->y.pixel), *sums++, v);
}

/* By way of memory: written out beside that for bytes, it would cost those their registers. */
INLINE void
columns_end_floats(const Conv *conv, const Tile *tile, Sums sums, const int vectors, const int pixels, const int rows)
{
	Vec kept[4 * COLUMN_PIXELS];
#define KEEP(row, i)                                                                                                   \
	if (row < rows && i < pixels) {                                                                                \
		kept[(row * pixels + i) * vectors] = sums[row][i][0];                                                  \
		kept[(row * pixels + i) * vectors + vectors - 1] = sums[row][i][vectors - 1];                          \
	}
#define KEEP_UPPER(i) KEEP(0, i)
#define KEEP_LOWER(i) KEEP(1, i)
	REPEAT_8(KEEP_UPPER)
	REPEAT_8(KEEP_LOWER)
#undef KEEP_UPPER
#undef KEEP_LOWER
#undef KEEP
	columns_put_floats(conv, tile, kept, vectors, pixels, rows);
}

#endif

INLINE void
columns_tile(const Conv *conv, const Tile *tile, const int vectors, const int pixels, const int rows)
{
	Sums sums;
	columns_begin(conv, tile, sums, vectors, pixels);
	const char *ahead = columns_products(conv, tile, 0, tile->ahead, sums, vectors, pixels, 2);
	columns_cross(sums, vectors, pixels);
	columns_products(conv, tile, 2, ahead, sums, vectors, pixels, rows);
#if defined(KERNELS_INT8)
	if (conv->y_is_float) {
		columns_end_floats(conv, tile, sums, vectors, pixels, rows);
		return;
	}
#else
	if (tile->sum)
		conv_moments(tile, sums, 0, pixels, rows);
	if (tile->sum && vectors == 2)
		conv_moments(tile, sums, 1, pixels, rows);
#endif
	columns_end(conv, tile, sums, vectors, pixels, rows);
}

#define COLUMNS_TILE(vectors, pixels, rows)                                                                            \
	static void columns_tile_##vectors##_##pixels##_##rows(const Conv *conv, const Tile *tile)                     \
	{                                                                                                              \
		columns_tile(conv, tile, vectors, pixels, rows);                                                       \
	}
#define COLUMNS_TILES(pixels)                                                                                          \
	COLUMNS_TILE(1, pixels, 1) COLUMNS_TILE(2, pixels, 1) COLUMNS_TILE(1, pixels, 2) COLUMNS_TILE(2, pixels, 2)
#define COLUMNS_TILE_NAMES(pixels)                                                                                     \
	{                                                                                                              \
		{ columns_tile_1_##pixels##_1, columns_tile_2_##pixels##_1 },                                          \
		{ columns_tile_1_##pixels##_2, columns_tile_2_##pixels##_2 },                                          \
	}

COLUMNS_TILES(1) COLUMNS_TILES(2) COLUMNS_TILES(3)
#if TILE_PIXELS >= 12
COLUMNS_TILES(4) COLUMNS_TILES(5) COLUMNS_TILES(6)
#endif
#if TILE_PIXELS >= 14
COLUMNS_TILES(7)
#endif

/* [pixels - 1][rows - 1][vectors - 1] */
static ConvTile *const columns_tiles[COLUMN_PIXELS][2][2] = {
	COLUMNS_TILE_NAMES(1), COLUMNS_TILE_NAMES(2), COLUMNS_TILE_NAMES(3),
#if TILE_PIXELS >= 12
	COLUMNS_TILE_NAMES(4), COLUMNS_TILE_NAMES(5), COLUMNS_TILE_NAMES(6),
#endif
#if TILE_PIXELS >= 14
	COLUMNS_TILE_NAMES(7),
#endif
};

static uint32_t
columns_tiles_of_row(const Conv *conv)
{
	return (conv->window.out_w + COLUMN_PIXELS - 1) / COLUMN_PIXELS;
}

/* Two rows, or the last of an odd number, in tiles of equal width, as near as can be. */
static void
columns_rows(const Conv *conv, Fetch *fetch, Tile *tile, int vectors)
{
	const uint32_t width = conv->window.out_w, tiles = columns_tiles_of_row(conv);
	const size_t pixel = conv->y.pixel * conv_cell(conv), is_pair = tile->row + 1 < conv->window.out_h;
	char *row = tile->y;
	for (uint32_t t = 0; t < tiles; t++) {
		const uint32_t begin = (uint64_t)width * t / tiles, end = (uint64_t)width * (t + 1) / tiles;
		tile->column = begin;
		tile->y = row + begin * pixel;
		tile->ahead_lines = fetch_tile(fetch, &tile->ahead);
		columns_tiles[end - begin - 1][is_pair][vectors - 1](conv, tile);
	}
}

static void
columns_image(const Conv *conv, Fetch *fetch, uint32_t block, uint32_t image)
{
	const char *x = (const char *)conv->x.data + image * conv->x.image * sizeof(Word);
	Tile tile = conv_begin_image(conv, block, image);
	tile.x_group = conv->x.row * sizeof(Word);
	tile.w_group = (size_t)3 * conv->c * BLOCK;
	for (tile.row = conv->rows_before; tile.row < conv->window.out_h - conv->rows_after; tile.row += 2) {
		tile.x = x + tile.row / 2 * COLUMN_POINTS * conv->x.row * sizeof(Word);
		tile.y = conv_row_of_y(conv, block, image, tile.row);
		columns_rows(conv, fetch, &tile, conv_vectors(conv, block));
	}
}

static void
columns_conv(const Conv *conv, uint32_t first_block, uint32_t end_block)
{
	const uint64_t rows = (uint64_t)(end_block - first_block) * conv->n * ((conv->window.out_h + 1) / 2);
	Fetch fetch = fetch_begin(conv->ahead, rows * columns_tiles_of_row(conv), 2 * conv->window.kernel_w);
	for (uint32_t image = 0; image < conv->n; image++)
		for (uint32_t block = first_block; block < end_block; block++)
			columns_image(conv, &fetch, block, image);
}

#endif

#endif
