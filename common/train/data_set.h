/* train/data_set.h: the data set that a lazy stream sends once, and what its epochs make of it. */
#ifndef FM_TRAIN_DATA_SET_H
#define FM_TRAIN_DATA_SET_H

#include "pixel/warp.h"
#include "status.h"
#include "stream/lazy.h"
#include "train/kept.h"
#include "train/ring.h"
#include "train/rows.h"

#include <stdint.h>

/** Of data_set_open; it lives as long as its intake. */
typedef struct DataSet {
	Kept *kept;	 /* what is to fit, unlabelled samples too; borrowed */
	uint64_t holdout; /* samples that come before these, and are counted by rows */
	Warp warp;
	LazyRows lazy;	 /* of the record that was looked at last */
	uint64_t *at;	 /* [its samples]: in kept; and so on */
	int32_t *labels;
	int64_t *ids;
	uint64_t room;
} DataSet;

/**
 * @param stream  a lazy one
 * @param kept    what of its data set is to fit; need not be there yet
 * @return STATUS_OK; a failure of memory or of the choice of an instruction set, and nothing is held
 */
MUST_CHECK Status data_set_open(DataSet *set, const About *stream, Kept *kept);

/** The samples of an epoch's record: pixels is NULL; the rest is the set's until the next call. @return STATUS_IO (memory) */
MUST_CHECK Status data_set_rows(DataSet *set, const Record *record, Rows *rows);

/**
 * Put the picture of the record's sample i where the slot's next one goes, as the slot has room for it: its row and
 * transform, its pixels before their transform and that, or its pixels after it.
 */
void data_set_take(DataSet *set, uint64_t i, Slot *slot);

#endif
