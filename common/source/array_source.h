/* source/array_source.h: arrays as a source: images [n, h, w] or [n, h, w, c] and labels [n], of NumPy or safetensors. */
#ifndef FM_SOURCE_ARRAY_SOURCE_H
#define FM_SOURCE_ARRAY_SOURCE_H

#include "source/bytes.h"
#include "source/idx_source.h"
#include "source/npy.h"

/** Values of an array that lie ahead in bytes. */
typedef struct Array {
	Bytes bytes;
	NpyHeader header;
	uint64_t behind; /* bytes that follow the values, to the end */
} Array;

/** Pass over bytes in front of the values. @return STATUS_INPUT where they aren't there */
MUST_CHECK Status array_skip(Array *array, uint64_t size);

/**
 * @param images  taken over, whatever happens; bytes (kind 'u', size 1)
 * @param labels  taken over, whatever happens; whole numbers of any size, [n] or [n, 1], -1 = unlabelled; its bytes' state
 *                is NULL where there are none
 * @return STATUS_OK; STATUS_INPUT: other types or shapes, numbers that disagree, labels out of range, truncated; STATUS_IO
 */
MUST_CHECK Status array_source_open(Source *source, Array *images, Array *labels, const IdxTraits *traits);

#endif
