/* augment/kept.h: all samples of a stream, read once, to be sent many times. */
#ifndef FM_AUGMENT_KEPT_H
#define FM_AUGMENT_KEPT_H

#include "status.h"
#include "stream/reader.h"
#include "stream/spool.h"

#include <stdint.h>

/** kept_read fills it, kept_release gives it back. */
typedef struct Kept {
	About about;	       /* the input's */
	Spool spool;	       /* hold-out rows first */
	uint64_t holdout, fit; /* rows of either part */
	int64_t *ids;	       /* [holdout + fit] */
	uint64_t ids_room;
	uint64_t *label_counts; /* [class_count], fit rows only */
} Kept;

/**
 * Read a stream to its end.
 *
 * @param memory  bytes of samples to keep in memory; what exceeds it goes to a file
 * @return STATUS_OK; a failure of the reader or of memory or disk, and nothing is held
 */
MUST_CHECK Status kept_read(Kept *kept, Reader *reader, uint64_t memory);

void kept_release(Kept *kept);

#endif
