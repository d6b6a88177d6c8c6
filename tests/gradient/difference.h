/* difference.h: derivatives by central differences, against those that backward functions give. */
#ifndef FM_TESTS_DIFFERENCE_H
#define FM_TESTS_DIFFERENCE_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* A loss of floats elsewhere; *pattern tells on which side of every kink it was computed, so that a step across one is
 * seen. */
typedef double (*Loss)(void *context, uint64_t *pattern);

typedef struct Difference {
	double step;	  /* of a value, either way */
	double tolerance; /* of the error, relative to the largest derivative */
	double noise;	  /* absolute, of rounding in the loss */
	size_t stride;	  /* check every so many values; 1: all */
} Difference;

typedef struct Comparison {
	size_t checked, crossed; /* values compared; left out because a kink lies within the step */
	double worst;		 /* error over what is allowed: fails above 1 */
	size_t where;
} Comparison;

static inline double
largest_of(const float *values, size_t count)
{
	double largest = 0;

	for (size_t i = 0; i < count; i++)
		largest = fmax(largest, fabs((double)values[i]));
	return largest;
}

/* The loss with values[i] moved by step; the distance really gone, which rounding changes, comes back in *step. */
static inline double
moved(Loss loss, void *context, float *value, double *step, uint64_t *pattern)
{
	float before = *value;
	double result;

	*value = (float)(before + *step);
	*step = (double)*value - before;
	result = loss(context, pattern);
	*value = before;
	return result;
}

static inline Comparison
compare_gradient(const Difference *how, Loss loss, void *context, float *values, size_t count, const float *gradient)
{
	Comparison result = { 0 };
	double allowed = how->tolerance * largest_of(gradient, count) + how->noise;

	for (size_t i = 0; i < count; i += how->stride) {
		uint64_t above, below;
		double up = how->step, down = -how->step;
		double high = moved(loss, context, &values[i], &up, &above);
		double low = moved(loss, context, &values[i], &down, &below);
		double error = fabs((high - low) / (up - down) - gradient[i]) / allowed;

		if (above != below) {
			result.crossed++;
			continue;
		}
		result.checked++;
		if (!(error <= result.worst)) { /* a NaN counts as worst */
			result.worst = error;
			result.where = i;
		}
	}
	return result;
}

/* A reproducible number in (-1, 1). */
static inline float
noise_at(uint64_t seed, uint64_t i)
{
	uint64_t x = (i + 1) * 0x9E3779B97F4A7C15U + seed * 0xD1B54A32D192ED03U;

	x = (x ^ x >> 32) * 0xD6E8FEB86659FD93U;
	x = (x ^ x >> 32) * 0xD6E8FEB86659FD93U;
	return (float)((double)(x >> 11) * 0x1p-52 - 1);
}

static inline float *
noise_vector(uint64_t seed, size_t count)
{
	float *values = malloc((count + 1) * sizeof *values);

	for (size_t i = 0; values && i < count; i++)
		values[i] = noise_at(seed, i);
	return values;
}

#endif
