/* source/idx_source.h: a pair of IDX files as a source. */
#ifndef FM_SOURCE_IDX_SOURCE_H
#define FM_SOURCE_IDX_SOURCE_H

#include "source/bytes.h"
#include "source/source.h"

#include <stdbool.h>

/** What an IDX file doesn't say of itself. */
typedef struct IdxTraits {
	uint32_t class_count;	     /* 0: as many as the labels need, named "0", "1", … */
	const char *const *classes;  /* [class_count] */
	int32_t first_label;	     /* the stored label of class 0 */
	bool is_transposed;	     /* pictures are stored column by column */
	int64_t first_id;
} IdxTraits;

/**
 * Labels are read at once (a byte or four a sample), because the first record names all classes; images as they are asked
 * for.
 *
 * @param images  taken over, whatever happens
 * @param labels  taken over, whatever happens; may be the images if the other one is the labels; NULL: all samples are
 *                unlabelled
 * @return STATUS_OK; STATUS_INPUT: not IDX, numbers that disagree, labels out of range, truncated; STATUS_IO
 */
MUST_CHECK Status idx_source_open(Source *source, Bytes *images, Bytes *labels, const IdxTraits *traits);

#endif
