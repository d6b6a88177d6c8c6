/* picture/resize.c: a triangle, in whole numbers. */
#include "picture/resize.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { WEIGHT_BITS = 22 };

/* Of one output pixel: the input pixels begin … begin + count - 1, and their weights, which sum to about 2^22. */
typedef struct Tap {
	uint32_t begin, count;
	int32_t *weights;
} Tap;

typedef struct Taps {
	Tap *tap; /* [to] */
	int32_t *weights;
} Taps;

static void
taps_free(Taps *taps)
{
	free(taps->tap);
	free(taps->weights);
}

/* The triangle's height over each pixel, in floating point, then whole. */
static void
weigh(Tap *tap, double centre, double reach)
{
	double sum = 0;

	for (uint32_t i = 0; i < tap->count; i++)
		sum += fmax(0, 1 - fabs((tap->begin + i + 0.5 - centre) / reach));
	for (uint32_t i = 0; i < tap->count; i++) {
		double height = fmax(0, 1 - fabs((tap->begin + i + 0.5 - centre) / reach));

		tap->weights[i] = (int32_t)floor(height / sum * (1 << WEIGHT_BITS) + 0.5);
	}
}

static Status
taps_make(Taps *taps, uint32_t from, uint32_t to)
{
	double scale = (double)from / to, reach = scale > 1 ? scale : 1;
	size_t most = (size_t)ceil(reach) * 2 + 1;

	*taps = (Taps){ calloc(to, sizeof *taps->tap), calloc((size_t)to * most, sizeof *taps->weights) };
	if (!taps->tap || !taps->weights) {
		taps_free(taps);
		return fail(STATUS_IO, "no memory to resize a picture");
	}
	for (uint32_t i = 0; i < to; i++) {
		double centre = (i + 0.5) * scale, begin = floor(centre - reach + 0.5), end = floor(centre + reach + 0.5);
		Tap *tap = &taps->tap[i];

		begin = begin < 0 ? 0 : begin;
		end = end > from ? from : end;
		*tap = (Tap){ (uint32_t)begin, (uint32_t)(end - begin), taps->weights + i * most };
		weigh(tap, centre, reach);
	}
	return STATUS_OK;
}

static uint8_t
rounded(int64_t sum)
{
	int64_t value = (sum + (1 << (WEIGHT_BITS - 1))) >> WEIGHT_BITS;

	return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

#ifdef __SSE2__

/*
 * Along rows two pixels and up to three channels at a time: bytes in 16 bits times weights in two halves of 11 bits, added
 * up in 32, so that the sums are those of the plain loop. Twice as fast as that, which one multiplication a cycle bounds.
 */
enum { HALF_BITS = WEIGHT_BITS / 2, ROW_SLACK = 8 };

/* Of a pair of pixels: both weights, four times over. A weight may be 2^22 itself, so the upper half is the larger one. */
typedef struct PairWeights {
	__m128i high, low;
} PairWeights;

static void
pair_up(const Tap *tap, PairWeights *pairs)
{
	const int32_t mask = (1 << HALF_BITS) - 1;

	for (uint32_t i = 0; i < tap->count; i += 2) {
		int32_t a = tap->weights[i], b = i + 1 < tap->count ? tap->weights[i + 1] : 0;

		*pairs++ = (PairWeights){ _mm_set1_epi32((a >> HALF_BITS) | (int32_t)((uint32_t)(b >> HALF_BITS) << 16)),
					  _mm_set1_epi32((a & mask) | (b & mask) << 16) };
	}
}

/* Four bytes from any address. */
static inline __m128i
load_pixel(const uint8_t *at)
{
	int32_t bytes;

	memcpy(&bytes, at, sizeof bytes);
	return _mm_cvtsi32_si128(bytes);
}

/* The sums of channels 0 to 3 at `at`, of which c are meant. */
static inline __m128i
sum_pairs(const uint8_t *at, uint32_t c, const PairWeights *pairs, uint32_t count)
{
	__m128i high = _mm_setzero_si128(), low = high;

	for (uint32_t i = 0; i < count; i += 2, at += (size_t)2 * c, pairs++) {
		__m128i two = _mm_unpacklo_epi8(load_pixel(at), load_pixel(at + c)); /* r0 r1 g0 g1 b0 b1 … */

		two = _mm_unpacklo_epi8(two, _mm_setzero_si128());
		high = _mm_add_epi32(high, _mm_madd_epi16(two, pairs->high));
		low = _mm_add_epi32(low, _mm_madd_epi16(two, pairs->low));
	}
	return _mm_add_epi32(_mm_slli_epi32(high, HALF_BITS), low);
}

static void
narrow_row(const uint8_t *row, uint32_t c, uint8_t *out, uint32_t width, const Taps *taps, const PairWeights *pairs)
{
	for (uint32_t x = 0; x < width; x++, out += c) {
		const Tap *tap = &taps->tap[x];
		int32_t sums[4];

		_mm_storeu_si128((__m128i *)(void *)sums, sum_pairs(row + (size_t)tap->begin * c, c, pairs, tap->count));
		pairs += (tap->count + 1) / 2;
		for (uint32_t k = 0; k < c; k++)
			out[k] = rounded(sums[k]);
	}
}

/* @return false: no memory, or not for this many channels; nothing is done */
static bool
narrow_in_pairs(const Picture *from, const Picture *to, const Taps *taps)
{
	const size_t row = (size_t)from->width * from->channels;
	size_t count = 0;

	for (uint32_t x = 0; x < to->width; x++)
		count += (taps->tap[x].count + 1) / 2;
	/* of one channel three quarters of the work would be for nothing */
	bool is_worth_it = from->channels == 2 || from->channels == 3;
	PairWeights *pairs = is_worth_it ? aligned_alloc(sizeof *pairs, (count + !count) * sizeof *pairs) : NULL, *next = pairs;
	uint8_t *copy = calloc(row + ROW_SLACK, 1); /* bytes behind the last pixel are loaded, too */

	for (uint32_t x = 0; pairs && x < to->width; x++, next += (taps->tap[x - 1].count + 1) / 2)
		pair_up(&taps->tap[x], next);
	for (uint32_t y = 0; pairs && copy && y < from->height; y++) {
		memcpy(copy, from->pixels + y * row, row);
		narrow_row(copy, from->channels, to->pixels + (size_t)y * to->width * to->channels, to->width, taps, pairs);
	}
	bool is_done = pairs && copy;

	free(pairs);
	free(copy);
	return is_done;
}

#else

static bool
narrow_in_pairs(const Picture *from, const Picture *to, const Taps *taps)
{
	(void)from, (void)to, (void)taps;
	return false;
}

#endif

/* to[height, to_width, c] = from[height, from_width, c]: along rows */
static void
narrow(const Picture *from, const Picture *to, const Taps *taps)
{
	uint32_t c = from->channels;

	for (uint32_t y = 0; y < from->height; y++) {
		const uint8_t *row = from->pixels + (size_t)y * from->width * c;
		uint8_t *out = to->pixels + (size_t)y * to->width * c;

		for (uint32_t x = 0; x < to->width; x++) {
			const Tap *tap = &taps->tap[x];

			for (uint32_t k = 0; k < c; k++) {
				const uint8_t *at = row + (size_t)tap->begin * c + k;
				int32_t sum = 0;

				for (uint32_t i = 0; i < tap->count; i++)
					sum += tap->weights[i] * at[(size_t)i * c];
				*out++ = rounded(sum);
			}
		}
	}
}

/* to[to_height, width, c] = from[from_height, width, c]: along columns; a row of sums at a time */
static void
lower(const Picture *from, const Picture *to, const Taps *taps, int32_t *sums)
{
	size_t row = (size_t)from->width * from->channels;

	for (uint32_t y = 0; y < to->height; y++) {
		const Tap *tap = &taps->tap[y];

		memset(sums, 0, row * sizeof *sums);
		for (uint32_t i = 0; i < tap->count; i++) {
			const uint8_t *at = from->pixels + (tap->begin + i) * row;
			int32_t weight = tap->weights[i];

			for (size_t x = 0; x < row; x++)
				sums[x] += weight * at[x];
		}
		for (size_t x = 0; x < row; x++)
			to->pixels[y * row + x] = rounded(sums[x]);
	}
}

static Status
resize_columns(const Picture *in, const Picture *out)
{
	size_t row = (size_t)in->width * in->channels;
	int32_t *sums = calloc(row ? row : 1, sizeof *sums);
	Taps taps;
	Status status = sums ? taps_make(&taps, in->height, out->height) : fail(STATUS_IO, "no memory to resize a picture");

	if (status >= 0) {
		lower(in, out, &taps, sums);
		taps_free(&taps);
	}
	free(sums);
	return status;
}

static Status
resize_rows(const Picture *in, const Picture *out)
{
	Taps taps;
	Status status = taps_make(&taps, in->width, out->width);

	if (status >= 0) {
		if (!narrow_in_pairs(in, out, &taps))
			narrow(in, out, &taps);
		taps_free(&taps);
	}
	return status;
}

Status
resize(const Picture *in, Picture *out)
{
	Picture between = { in->height, out->width, in->channels, NULL };
	Status status;

	if (in->width == out->width && in->height == out->height) {
		memcpy(out->pixels, in->pixels, (size_t)in->height * in->width * in->channels);
		return STATUS_OK;
	}
	if (in->width == out->width)
		return resize_columns(in, out);
	if (in->height == out->height)
		return resize_rows(in, out);
	between.pixels = malloc((size_t)between.height * between.width * between.channels);
	if (!between.pixels)
		return fail(STATUS_IO, "no memory to resize a picture");
	if ((status = resize_rows(in, &between)) >= 0)
		status = resize_columns(&between, out);
	free(between.pixels);
	return status;
}
