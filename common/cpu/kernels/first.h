/* cpu/kernels/first.h: the first convolution with batch norm, ReLU and 2 x 2 max pool in one pass, nothing stored between.
 *
 * One tile is 2 vectors of output channels x 2 rows x up to FIRST_PIXELS pixels, so whole windows; a row of the kernel is
 * one tap whose words lie one after another in the mixed picture, wherever it begins. */
#ifndef FM_CPU_KERNELS_FIRST_H
#define FM_CPU_KERNELS_FIRST_H

#if defined(__AVX512F__)

#include "cpu/kernels/conv.h"

enum {
	FIRST_WINDOWS = 3,		/* of a tile: 2 x 2 x 3 x 2 sums */
	TABLE = 64 / sizeof(Cell),	/* cells that a vector holds; two of them are looked up in at once */
	NO_WINNER = 255,
};

/* ---- pictures: interior alone; their frames are zero from the beginning ---- */

INLINE void
cells_of_bytes(const uint8_t *from, size_t count, Cell *to)
{
	for (size_t i = 0; i < count; i += LANES) {
		const __mmask16 rest = count - i < LANES ? (__mmask16)((1u << (count - i)) - 1) : 0xffff;
		const __m512 value = _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(rest, from + i)));
#if defined(__AVX512BF16__)
		/* 8 bits of a mantissa hold any byte: what is cut off is zero */
		_mm256_mask_storeu_epi16(to + i, rest, _mm512_cvtepi32_epi16(_mm512_srli_epi32((__m512i)value, 16)));
#else
		_mm512_mask_storeu_ps(to + i, rest, value);
#endif
	}
}

static void
first_pictures(const First *shape, const uint8_t *pixels, void *mixed, void *planes)
{
	const size_t row = (size_t)shape->w * shape->channels;
	for (uint32_t y = 0; y < shape->h; y++) {
		const uint8_t *from = pixels + y * row;
		const size_t first = (y + shape->pad_top) * shape->row + shape->pad_left;
		cells_of_bytes(from, row, (Cell *)mixed + first * shape->channels);
		for (uint32_t c = 0; planes && planes != mixed && c < shape->channels; c++) {
			Cell *to = (Cell *)planes + c * shape->plane + first;
			for (uint32_t x = 0; x < shape->w; x++)
				to[x] = ((Cell *)mixed)[(first + x) * shape->channels + c];
		}
	}
}

static void
first_shorts(const First *shape, const uint8_t *pixels, int16_t *planes)
{
	const uint32_t channels = shape->channels;
	for (uint32_t c = 0; c < channels; c++)
		for (uint32_t y = 0; y < shape->h; y++) {
			const uint8_t *from = pixels + (size_t)y * shape->w * channels + c;
			int16_t *to = planes + c * shape->plane + (y + shape->pad_top) * shape->row + shape->pad_left;
			for (uint32_t x = 0; x < shape->w; x++)
				to[x] = from[x * channels];
		}
}

/* ---- forward ---- */

/* One tile's place. */
typedef struct FirstTile {
	const char *x; /* pixel of the mixed picture that its first tap sees */
	const float *weight;
	Cell *out;
	const Cell *out_before; /* of the other image, where pairs are wanted */
	uint8_t *winner;
	float *pairs;
	uint32_t channel;
} FirstTile;

INLINE Vec
vec_bits(int value)
{
	return _mm512_castsi512_ps(_mm512_set1_epi32(value));
}

/* z[row][column] of one window: the largest, the first of equal ones; its place is kept as what FirstBack adds to an
 * index of its tables. */
INLINE void
first_window(const FirstTile *tile, const Vec scale, const Vec shift, const Vec least, Vec a, Vec b, Vec c, Vec d,
	     const int v, size_t at)
{
	const Vec z[4] = {vec_fma(a, scale, shift), vec_fma(b, scale, shift), vec_fma(c, scale, shift),
			  vec_fma(d, scale, shift)};
	Vec top = vec_choose_greater(z[1], z[0], vec_bits(1), vec_zero());
	Vec bottom = vec_choose_greater(z[3], z[2], vec_bits(TABLE + 1), vec_bits(TABLE));
	Vec z_top = vec_max(z[0], z[1]), z_bottom = vec_max(z[2], z[3]);
	Vec winner = vec_choose_greater(z_bottom, z_top, bottom, top), z_best = vec_max(z_top, z_bottom);
	winner = vec_choose_greater(z_best, least, winner, vec_bits(NO_WINNER));
	z_best = vec_max(least, z_best);
	cells_store(tile->out + at + v * LANES, z_best);
	_mm_storeu_si128((__m128i *)(tile->winner + at + v * LANES),
			 _mm512_cvtepi32_epi8(_mm512_castps_si512(winner)));
	if (tile->pairs)
		vec_store(tile->pairs + at + v * LANES, vec_pair(cells_load(tile->out_before + at + v * LANES), z_best));
}

INLINE void
first_tile(const FirstForward *job, const FirstTile *tile, const int vectors, const int windows)
{
	const First *shape = &job->shape;
	const size_t pixel = shape->channels * sizeof(Cell), row = shape->row * pixel;
	Sums sums;
#define BEGIN(i) sums[0][i][0] = sums[0][i][1] = sums[1][i][0] = sums[1][i][1] = vec_zero();
	REPEAT_8(BEGIN)
#undef BEGIN
	for (uint32_t ky = 0; ky < shape->kernel_h; ky++)
		conv_tap(sums, tile->x + ky * row, pixel, row, tile->weight + (size_t)ky * shape->run * BLOCK, shape->run,
			 vectors, 2 * windows, 2, 0, 0);
	const Vec least = job->affine.is_relu ? vec_zero() : vec_set(-__builtin_inff());
#define END(i, v)                                                                                                      \
	if (i % 2 == 0 && i < 2 * windows && v < vectors)                                                              \
		first_window(tile, vec_load(job->affine.scale + tile->channel + v * LANES),                            \
			     vec_load(job->affine.shift + tile->channel + v * LANES), least, sums[0][i][v],            \
			     sums[0][i + 1][v], sums[1][i][v], sums[1][i + 1][v], v, (size_t)(i / 2) * shape->lanes);
#define END_LOW(i) END(i, 0)
#define END_HIGH(i) END(i, 1)
	REPEAT_8(END_LOW)
	REPEAT_8(END_HIGH)
#undef END_LOW
#undef END_HIGH
#undef END
}

typedef void FirstTileKernel(const FirstForward *job, const FirstTile *tile);

#define FIRST_TILE(vectors, windows)                                                                                   \
	static void first_tile_##vectors##_##windows(const FirstForward *job, const FirstTile *tile)                   \
	{                                                                                                              \
		first_tile(job, tile, vectors, windows);                                                               \
	}
FIRST_TILE(1, 1) FIRST_TILE(1, 2) FIRST_TILE(1, 3) FIRST_TILE(2, 1) FIRST_TILE(2, 2) FIRST_TILE(2, 3)

/* [windows - 1][vectors - 1] */
static FirstTileKernel *const first_tiles[FIRST_WINDOWS][2] = {
	{first_tile_1_1, first_tile_2_1}, {first_tile_1_2, first_tile_2_2}, {first_tile_1_3, first_tile_2_3},
};

/* A row of windows: tiles of equal width, as near as can be. */
static void
first_row(const FirstForward *job, uint32_t image, uint32_t y, uint32_t channel)
{
	const First *shape = &job->shape;
	const uint32_t width = shape->out_w / 2, tiles = (width + FIRST_WINDOWS - 1) / FIRST_WINDOWS;
	const size_t pixel = shape->channels * sizeof(Cell), lanes = shape->lanes;
	const char *x = (const char *)job->mixed[image] + 2 * (size_t)y * shape->row * pixel;
	const int vectors = shape->lanes - channel >= BLOCK ? 2 : 1;
	FirstTile tile = {
		.weight = (const float *)job->weight + (size_t)channel * shape->kernel_h * shape->run, .channel = channel,
	};
	for (uint32_t t = 0; t < tiles; t++) {
		const uint32_t begin = (uint64_t)width * t / tiles, end = (uint64_t)width * (t + 1) / tiles;
		const size_t at = y * job->out_row + begin * lanes + channel;
		tile.x = x + 2 * begin * pixel;
		tile.out = (Cell *)job->out[image] + at;
		tile.winner = job->winner[image] + ((size_t)y * width + begin) * lanes + channel;
		tile.out_before = (Cell *)job->out[0] + at;
		tile.pairs = job->pairs && image + 1 == job->n ? (float *)job->pairs + at : NULL;
		first_tiles[end - begin - 1][vectors - 1](job, &tile);
	}
}

/* An image without a partner leaves zeros in its pairs' other half. */
static void
first_alone(const FirstForward *job)
{
	const First *shape = &job->shape;
	const size_t width = (size_t)(shape->out_w / 2) * shape->lanes;
	for (uint32_t y = 0; y < shape->out_h / 2; y++)
		for (size_t i = 0; i < width; i += LANES) {
			const size_t at = y * job->out_row + i;
			vec_store((float *)job->pairs + at, vec_pair(cells_load((Cell *)job->out[0] + at), vec_zero()));
		}
}

static void
first_forward(const FirstForward *job)
{
	for (uint32_t image = 0; image < job->n; image++)
		for (uint32_t y = 0; y < job->shape.out_h / 2; y++)
			for (uint32_t channel = 0; channel < job->shape.lanes; channel += BLOCK)
				first_row(job, image, y, channel);
	if (job->pairs && job->n == 1)
		first_alone(job);
}

#endif
#endif
