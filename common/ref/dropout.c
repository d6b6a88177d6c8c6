/* dropout.c: in training, drop units at random and scale up the others. */
#include "ref/operations.h"

#include "net/shape.h"
#include "random/philox.h"

#include <math.h>

void
ref_dropout(const Layer *dropout, uint64_t n, uint64_t seed, uint32_t epoch, const int64_t *ids, const float *x, float *y)
{
	RandomKey key = random_key(seed, dropout->name);
	uint64_t limit = (uint64_t)floor(dropout->rate * 0x1p32); /* words below it drop their unit */
	double scale = 1 / (1 - dropout->rate);
	size_t size = shape_size(dropout->in), pixels = (size_t)dropout->in.h * dropout->in.w;

	for (uint64_t i = 0; i < n; i++, x += size, y += size)
		for (size_t j = 0; j < size; j++) {
			size_t unit = j % pixels * dropout->in.c + j / pixels; /* j counts in (c, h, w) order */
			RandomWords words = random_words(key, (uint32_t)(j / 4), epoch, (uint64_t)ids[i]);

			y[unit] = words.x[j % 4] < limit ? 0 : (float)(x[unit] * scale);
		}
}
