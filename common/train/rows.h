/* train/rows.h: what training reads of a record's samples. */
#ifndef FM_TRAIN_ROWS_H
#define FM_TRAIN_ROWS_H

#include "status.h"
#include "stream/record.h"

#include <stdbool.h>
#include <stdint.h>

/** Views into a record. */
typedef struct Rows {
	uint64_t n;
	size_t picture_size;   /* bytes of one */
	const uint8_t *pixels; /* [n, picture_size]; NULL: train/data_set.h has them */
	const int32_t *labels; /* [n], or NULL: all unknown */
	const int64_t *ids;    /* [n] */
	uint64_t unlabelled;
} Rows;

/**
 * @param record   as a reader gives it: with ids
 * @param classes  labels are -1 … classes - 1
 * @return STATUS_OK; STATUS_INPUT naming record and sample of a label out of range
 */
MUST_CHECK Status rows_of(Rows *rows, const Record *record, uint32_t classes, const char *name);

/** @return STATUS_INPUT naming the first unlabelled sample, if there is one */
MUST_CHECK Status rows_check_labelled(const Rows *rows, const Record *record, const char *name);

static inline int32_t
rows_label(const Rows *rows, uint64_t i)
{
	return rows->labels ? rows->labels[i] : -1;
}

static inline int64_t
rows_id(const Rows *rows, uint64_t i)
{
	return rows->ids[i];
}

#endif
