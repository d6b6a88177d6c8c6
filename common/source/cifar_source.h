/* source/cifar_source.h: CIFAR's binary batches as a source: records of labels and a planar 32 x 32 picture in colour. */
#ifndef FM_SOURCE_CIFAR_SOURCE_H
#define FM_SOURCE_CIFAR_SOURCE_H

#include "source/bytes.h"
#include "source/source.h"

enum { CIFAR_SIDE = 32, CIFAR_BATCHES_MOST = 64 };

/** One split. */
typedef struct CifarSet {
	Bytes batches[CIFAR_BATCHES_MOST]; /* read one after the other */
	size_t count;
	size_t label_bytes; /* in front of a picture; the last one counts: 1 in CIFAR-10, 2 in CIFAR-100 (coarse, fine) */
	uint32_t class_count;
	char **classes; /* [class_count] UTF-8 */
} CifarSet;

/**
 * @param set  its batches are taken over, whatever happens; its classes are copied
 * @return STATUS_OK; next gives STATUS_INPUT where a batch is truncated or a label out of range
 */
MUST_CHECK Status cifar_source_open(Source *source, CifarSet *set, int64_t first_id);

/**
 * Read a file of class names, one a line; empty lines are passed over.
 *
 * @param names  out: [*count], malloced as are its texts; at most 256
 */
MUST_CHECK Status cifar_names_read(Bytes *bytes, uint32_t *count, char ***names);

#endif
