/* source/per_class.h: --sample: at most so many samples of each class. */
#ifndef FM_SOURCE_PER_CLASS_H
#define FM_SOURCE_PER_CLASS_H

#include "source/source.h"

/**
 * Chosen at random, in the source's order: of each class (the unlabelled are one), and of each part where there are parts,
 * the `most` samples with the smallest u64 of purpose "sample" (draw 0, epoch 0), the first on ties.
 *
 * @param inner   taken over, whatever happens
 * @param memory  bytes to keep before a file is used
 * @return STATUS_OK; STATUS_USAGE for a repeated stream
 */
MUST_CHECK Status per_class_open(Source *source, Source *inner, uint64_t most, uint64_t seed, uint64_t memory);

#endif
