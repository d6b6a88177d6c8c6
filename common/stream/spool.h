/* stream/spool.h: keep all samples of a stream at hand, in memory or, beyond a limit, in an unlinked mapped file. */
#ifndef FM_STREAM_SPOOL_H
#define FM_STREAM_SPOOL_H

#include "status.h"
#include "stream/record.h"

typedef struct SpoolState SpoolState;

typedef struct Spool {
	uint64_t rows;
	SpoolState *state;
} Spool;

/**
 * @param about   copied: which columns a sample has
 * @param memory  bytes to keep in memory; what exceeds it goes to an unlinked file in TMPDIR, else /var/tmp
 */
MUST_CHECK Status spool_open(Spool *spool, const About *about, uint64_t memory);

/** Another number of bytes, for what is yet to come: what is in memory already stays there. */
void spool_limit(Spool *spool, uint64_t memory);

/** Keep a copy of every sample. @return STATUS_IO when the disk or memory is full */
MUST_CHECK Status spool_append(Spool *spool, const Record *record);

/**
 * One sample's bytes of one column; name rows are padded with NUL to the widest seen (spool_row_size).
 * Valid until spool_close; after the first call nothing may be appended. Threads may call it at once.
 */
const uint8_t *spool_row(const Spool *spool, size_t column, uint64_t row);

/** Bytes of a row of a column: about's, but for "name" the widest seen. */
size_t spool_row_size(const Spool *spool, size_t column);

/**
 * Gather rows into a record: columns in about's order, data allocated in the record.
 *
 * @param record  in: zeroed, or one from an earlier call, whose memory is used again; out: n = count
 */
MUST_CHECK Status spool_gather(const Spool *spool, const uint64_t *rows, uint64_t count, Record *record);

/** Free a record that spool_gather made. */
void spool_record_release(Record *record);

void spool_close(Spool *spool);

#endif
