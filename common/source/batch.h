/* source/batch.h: memory for the records that a source makes itself. */
#ifndef FM_SOURCE_BATCH_H
#define FM_SOURCE_BATCH_H

#include "status.h"
#include "stream/record.h"

/** A record of about's columns with room for a number of samples. */
typedef struct Batch {
	Record record;
	uint64_t room; /* samples */
} Batch;

/** As many samples as fill a usual record, at least one. */
uint64_t batch_room(const About *about);

/** Room for as many samples as fill a usual record, at least one; about's names must outlive the batch. */
MUST_CHECK Status batch_init(Batch *batch, const About *about);

/** Let the record hold n samples, n up to room. */
void batch_resize(Batch *batch, uint64_t n);

void batch_release(Batch *batch);

#endif
