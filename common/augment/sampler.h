/* augment/sampler.h: which transform a sample gets: drawn by its id and epoch, see fm-tools(7). */
#ifndef FM_AUGMENT_SAMPLER_H
#define FM_AUGMENT_SAMPLER_H

#include "pixel/transform.h"
#include "random/philox.h"
#include "status.h"

#include <stdbool.h>
#include <stdint.h>

/** Half widths of the ranges that transforms are drawn from; 0 leaves a part out. */
typedef struct Ranges {
	double rotation;      /* degrees either way */
	double zoom;	      /* 0.1: 0.9 to 1.1, x and y apart */
	double shift;	      /* of width and of height */
	double shift_pixels;  /* or a whole number of pixels, none more likely than another; one of the two is 0 */
	double shear;	      /* sine of the angle */
	double shear_degrees; /* or the angle itself; one of the two is 0 */
	bool flip;	      /* every second picture, left to right */
	bool flip_alternate;  /* or every picture in every second epoch, half of them in odd ones; not both */
	double erase;	      /* share of pictures that lose a box */
	double brightness;    /* 0.2: levels times 0.8 to 1.2 */
	double contrast;      /* 0.2: distance from 127.5 times 0.8 to 1.2 */
} Ranges;

/** Draws transforms for pictures of one size. */
typedef struct Sampler {
	Ranges ranges;
	uint32_t h, w;
	RandomKey key;
	bool is_fixed; /* every sample gets `fixed` */
	Transform fixed;
} Sampler;

/**
 * @return STATUS_OK; STATUS_USAGE if a coordinate could leave ±2,047 pixels, where 32 bits end
 */
MUST_CHECK Status sampler_init(Sampler *sampler, const Ranges *ranges, uint64_t seed, uint32_t h, uint32_t w);

/**
 * The same transform for every sample: output (x, y) reads input (a x + b y + c, d x + e y + f), in pixels.
 *
 * @return STATUS_OK; STATUS_USAGE as above
 */
MUST_CHECK Status sampler_init_affine(Sampler *sampler, const double affine[6], uint32_t h, uint32_t w);

/** Equal ids get equal transforms in equal epochs. @param epoch  0 where there are none */
void sampler_draw(const Sampler *sampler, uint32_t epoch, uint64_t id, Transform *transform);

#endif
