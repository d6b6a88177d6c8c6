/* source/pool.h: pictures decoded by several threads, each with its own decoder, and handed out in their order. */
#ifndef FM_SOURCE_POOL_H
#define FM_SOURCE_POOL_H

#include "picture/fit.h"

#include <stdbool.h>
#include <stddef.h>

/** A picture on its way. */
typedef struct Job {
	char *name;    /* malloced: what it is called in the stream */
	char *place;   /* malloced: where it is from, for messages; NULL: where all are from */
	size_t number; /* the supplier's own */
	int32_t label;
	uint8_t *data; /* malloced: the file, [size] */
	size_t size;
	uint64_t hash; /* XXH3-64 of the file */
	Picture picture;
	char *reason; /* malloced: why there is no picture; else NULL */
	Status status; /* which kind of failure that is */
} Job;

typedef struct PoolSupplier {
	void *context;
	/** Fill in name, number, label: called by one thread at a time, in order. May wait. @return 1, 0 the end, or a failure */
	Status (*next)(void *context, Job *job);
	/** Fill in data and size: called by several threads at once. @return a failure is that of this picture alone */
	Status (*load)(void *context, Job *job);
	bool is_ready; /* next never waits: pictures may be taken several at a time */
} PoolSupplier;

typedef struct Pool Pool;

/** @param seed  of the files' hashes */
MUST_CHECK Status pool_open(Pool **pool, const PoolSupplier *supplier, const Form *form, int threads, uint64_t seed);

/** The next picture, or the reason why there is none. @return 1, and job is the caller's; 0 the end; or a failure */
MUST_CHECK Status pool_next(Pool *pool, Job *job);

/** Is there no picture to be had before the supplier has more? Where it is being asked just now, that may be soon. */
bool pool_is_idle(Pool *pool);

/** Give back what a job holds. */
void job_release(Job *job);

/** Its threads are ended, also one that waits in the supplier's next. */
void pool_close(Pool *pool);

#endif
