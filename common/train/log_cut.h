/* train/log_cut.h: what a run that is resumed takes back of its log. */
#ifndef FM_TRAIN_LOG_CUT_H
#define FM_TRAIN_LOG_CUT_H

#include "status.h"

#include <stdint.h>

/** Where a checkpoint's run and its log stood. */
typedef struct LogPlace {
	int64_t length; /* bytes; -1: unknown, or a fresh run: nothing is cut */
	uint64_t hash;	/* of these bytes; 0: unknown */
	uint64_t epoch, step; /* the open epoch, steps done */
} LogPlace;

/**
 * The hash of a file's first bytes, which the checkpoint keeps.
 *
 * @param fd    the log's, which may be open for writing alone; path is opened to read it
 * @return XXH3-64; 0 where they can't be read, or are fewer
 */
uint64_t log_hash(int fd, const char *path, int64_t length);

/**
 * Cut a log to where the checkpoint's run stood, if what it would lose is this run's own lines of the epochs that come
 * again, or one that was torn. If anything else stands there, or stood before, all is kept, and a warning says so.
 *
 * @param fd  open for appending
 */
MUST_CHECK Status log_cut(int fd, const char *path, const LogPlace *place);

#endif
