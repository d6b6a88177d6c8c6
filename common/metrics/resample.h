/* metrics/resample.h: which samples a bootstrap replicate draws, and intervals from replicates. */
#ifndef FM_METRICS_RESAMPLE_H
#define FM_METRICS_RESAMPLE_H

#include "random/philox.h"

#include <jansson.h>
#include <stdint.h>

typedef struct Interval {
	double low, high; /* NaN where undefined */
} Interval;

/** The draws of one replicate: word j of purpose "bootstrap", epoch = replicate, makes floor(word n / 2^32). */
typedef struct Draws {
	RandomKey key;
	RandomWords words;
	uint32_t replicate;
	uint64_t n, next;
} Draws;

static inline Draws
draws_begin(uint64_t seed, uint32_t replicate, uint64_t n)
{
	return (Draws){.key = random_key(seed, "bootstrap"), .replicate = replicate, .n = n};
}

/** @return 0 … n - 1, n below 2^32; call it n times */
static inline uint64_t
draws_next(Draws *draws)
{
	unsigned int lane = draws->next % 4;

	if (!lane)
		draws->words = random_words(draws->key, (uint32_t)(draws->next / 4), draws->replicate, 0);
	draws->next++;
	return draws->words.x[lane] * draws->n >> 32;
}

/**
 * The 95 % percentile interval (linear between order statistics, as numpy.percentile); NaN values are left out.
 *
 * @param values  [count], sorted by the call
 */
Interval interval_of(double *values, uint64_t count);

/** {"low":…,"high":…}, null where undefined. @return new reference */
json_t *interval_json(Interval interval);

#endif
