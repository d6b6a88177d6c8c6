/* train/ring.h: batches made ahead by a thread of their own, so that reading and computing overlap. */
#ifndef FM_TRAIN_RING_H
#define FM_TRAIN_RING_H

#include "status.h"
#include "train/consumed.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** One batch. */
typedef struct Slot {
	uint64_t n;
	uint8_t *pixels; /* [n, h, w, c]; NULL: rows */
	int64_t *rows;	 /* [n], of what the backend holds; NULL: pixels */
	int32_t *affine; /* [n, 6], tone [n, 2], erase [n, 5], as Batch has them; NULL unless the feed leaves transforms to it */
	int32_t *tone;
	int32_t *erase;
	int32_t *labels; /* [n] */
	int64_t *ids;	 /* [n] */
	int32_t *label_b; /* [n], as Batch has it; NULL unless the feed mixes */
	float *lambda;	 /* [n], likewise */
	uint64_t epoch;
	Consumed after;	 /* what of the stream was consumed by this batch and all before it */
} Slot;

/** Where batches come from. */
typedef struct Feed {
	/** Fill an empty slot; called by the ring's thread alone. @return 1 a batch; 0 no more; or why not */
	Status (*fill)(void *context, Slot *slot);
	void *context;
	uint32_t batch_most; /* samples */
	size_t picture_size; /* bytes */
	bool is_mixed;	     /* slots have label_b and lambda */
	bool is_held;	     /* slots have rows, not pixels */
	bool is_moved;	     /* slots have affine, tone and erase */
	const About *about;  /* of the stream; borrowed */
} Feed;

typedef struct Ring {
	Feed feed;
	Slot *slots;
	size_t slot_count;
	size_t first, filled; /* the oldest filled one, how many are */
	Status end;	      /* 1: more may come; 0: none; else why */
	char *message;	      /* of end */
	bool is_closing;
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
} Ring;

/** Start the thread. @return STATUS_OK, or STATUS_IO and nothing is held */
MUST_CHECK Status ring_open(Ring *ring, const Feed *feed);

/**
 * The next batch, which is the caller's until ring_give.
 *
 * @param stop  when it becomes non-zero while the call waits: STATUS_INTERRUPTED
 * @return 1 a batch; 0 no more; or what the feed said, once all batches made before are taken
 */
MUST_CHECK Status ring_take(Ring *ring, Slot **slot, const volatile sig_atomic_t *stop);

/** The batch taken last may be filled anew. */
void ring_give(Ring *ring);

/** Stop the thread, wait for it and release; only where the feed doesn't wait for input: else leave it to exit. */
void ring_close(Ring *ring);

#endif
