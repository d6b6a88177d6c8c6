/* picture/resize.c: a triangle, in whole numbers. */
#include "picture/resize.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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
