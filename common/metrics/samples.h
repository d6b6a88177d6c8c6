/* metrics/samples.h: what is kept of every labelled sample until all of them can be ranked. */
#ifndef FM_METRICS_SAMPLES_H
#define FM_METRICS_SAMPLES_H

#include "status.h"

#include <stddef.h>
#include <stdint.h>

/** A run of samples, probabilities class by class, so that one class's are read in one go. */
typedef struct SampleChunk {
	uint64_t n;
	float *prob;	    /* [classes, rows] */
	int32_t *label;	    /* [rows] */
	int32_t *predicted; /* [rows] */
} SampleChunk;

typedef struct Samples {
	uint32_t classes;
	uint64_t rows; /* a chunk's most */
	uint64_t n;
	size_t count, room;
	SampleChunk *chunks;
} Samples;

void samples_init(Samples *samples, uint32_t classes);

/** @param prob  [classes], all of them >= 0. @return STATUS_OK, or STATUS_IO (memory) */
MUST_CHECK Status samples_append(Samples *samples, const float *prob, int32_t label, int32_t predicted);

/**
 * One class's probabilities as integers that sort alike, label in the lowest bit.
 *
 * @param keys  out, [n]: bits of the probability * 2 + (label == which)
 */
void samples_keys(const Samples *samples, uint32_t which, uint32_t *keys);

/** label * 2^16 + predicted of the wrongly predicted. @param pairs  out, at most [n] @return how many */
uint64_t samples_errors(const Samples *samples, uint32_t *pairs);

void samples_release(Samples *samples);

#endif
