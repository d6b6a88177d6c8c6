/* source/splits.h: a place that holds one split, or two, or samples that belong to none. */
#ifndef FM_SOURCE_SPLITS_H
#define FM_SOURCE_SPLITS_H

#include "source/idx_pairs.h"
#include "source/source.h"

#include <stdbool.h>

/** Ids of the samples of a test split that is sent together with its train split begin here. */
#define TEST_ID_FIRST ((int64_t)1 << 40)

typedef struct Splits {
	const char *name; /* of the place */
	const char *what; /* "IDX files": what it holds */
	void *place;
	bool (*has)(const void *place, Split split); /* SPLIT_ANY: samples without a split */
	Status (*open)(void *place, Split split, int64_t first_id, Source *source); /* of a split that it has */
} Splits;

/**
 * Open the split that is asked for.
 *
 * @param split  in: SPLIT_ANY where none was asked for; out: what was opened, SPLIT_ANY where there are no splits
 * @return STATUS_OK; STATUS_USAGE: a split that it hasn't; what open returns
 */
MUST_CHECK Status splits_open(const Splits *splits, Split *split, Source *source);

#endif
