/* train/feed.h: the two ways to batches: a plain stream's samples shuffled anew each epoch, a repeated stream as it
 * comes. Neither ever joins two epochs in a batch. */
#ifndef FM_TRAIN_FEED_H
#define FM_TRAIN_FEED_H

#include "status.h"
#include "train/intake.h"
#include "train/ring.h"

#include <stdint.h>

/** Samples kept at hand. kept_feed_open, kept_feed_close. */
typedef struct KeptFeed {
	const Kept *kept;
	uint64_t seed;
	uint32_t batch;
	uint64_t epoch, used; /* the open epoch, and how many of its samples are used */
	uint64_t *order;      /* [n] */
	int64_t *ids;	      /* [n] */
} KeptFeed;

/**
 * @param epoch, step  where to begin: the open epoch, and its steps that are done
 * @return STATUS_OK, or STATUS_IO (memory)
 */
MUST_CHECK Status kept_feed_open(KeptFeed *feed, const Kept *kept, uint64_t seed, uint32_t batch, uint64_t epoch,
				 uint64_t step);

/** Endless: the loop knows when it has enough. */
Status kept_feed_fill(void *feed, Slot *slot);

void kept_feed_close(KeptFeed *feed);

/** Samples as they come. It holds no memory of its own. */
typedef struct StreamFeed {
	Intake *intake;
	uint32_t batch;
	uint64_t epochs;      /* how many are wanted */
	uint64_t epoch, used; /* the open epoch, and how many of its samples are used */
	uint64_t passed;      /* of the open epoch, unlabelled ones counted too */
	Rows rows;	      /* of intake's record */
	uint64_t row;	      /* the next one */
	Consumed *epoch_begin; /* kept up to date until the first fill: what was consumed before the open epoch */
} StreamFeed;

/** Where a run was when its checkpoint was written. */
typedef struct Mark {
	uint64_t epoch;		/* open then */
	uint64_t samples;	/* consumed, the hold-out part counted too */
	uint64_t content;	/* fm.content of these */
	uint64_t epoch_samples;	/* consumed before the open epoch */
	uint64_t epoch_content; /* fm.content of these */
	const uint8_t *states;	/* of the columns then: [consumed_columns, CONSUMED_STATE_SIZE] */
} Mark;

/**
 * After intake_read.
 *
 * @param epochs       how many are wanted
 * @param epoch_begin  initialised; out: what was consumed before the open epoch
 * @return STATUS_INPUT if the stream doesn't begin with its first epoch
 */
MUST_CHECK Status stream_feed_open(StreamFeed *feed, Intake *intake, uint32_t batch, uint64_t epochs,
				   Consumed *epoch_begin);

/**
 * After intake_read, of a resumed run: pass over what was consumed, from the stream's start or from the open epoch's.
 *
 * @return STATUS_INPUT if that is not what was consumed then
 */
MUST_CHECK Status stream_feed_resume(StreamFeed *feed, Intake *intake, uint32_t batch, uint64_t epochs,
				     Consumed *epoch_begin, const Mark *mark);

/** @return 0 after the wanted epochs */
Status stream_feed_fill(void *feed, Slot *slot);

#endif
