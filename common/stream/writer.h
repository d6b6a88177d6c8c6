/* stream/writer.h: write a tensor stream, see fm-stream(5). */
#ifndef FM_STREAM_WRITER_H
#define FM_STREAM_WRITER_H

#include "status.h"
#include "stream/record.h"

typedef struct WriterState WriterState;

typedef struct Writer {
	uint64_t records, samples; /* sent so far */
	WriterState *state;
} Writer;

enum { WRITER_ENOUGH = 1 };

/**
 * Begin a stream. Nothing is written before the first writer_send. The reader of a repeated stream (about->epochs) may
 * go at any time: writing to it raises no SIGPIPE.
 *
 * @param fd    written to and not closed; a pipe is enlarged
 * @param name  for messages: "standard output"
 * @param about copied; its history is what the first record says
 */
MUST_CHECK Status writer_open(Writer *writer, int fd, const char *name, const About *about);

/**
 * Send samples, at once: as one record, or as several of at most STREAM_RECORD_USUAL bytes (at least one sample each).
 *
 * @param record  holds exactly about's columns (of a lazy stream those of its kind), in any order; part and epoch go along where about has them; number
 *                and offset play no part;
 *                its data may be changed by the call only in ways that are undone before it returns
 * @return STATUS_OK; WRITER_ENOUGH if the reader of a repeated stream has gone: stop, exit 0; STATUS_IO; STATUS_INPUT
 *         for a record that doesn't fit about
 */
MUST_CHECK Status writer_send(Writer *writer, const Record *record);

/** As writer_send, but always as one record, whatever its size up to STREAM_RECORD_MOST. */
MUST_CHECK Status writer_send_whole(Writer *writer, const Record *record);

/**
 * End the stream: a record with n = 0 if none was sent, then the end record. Call it only when all input was whole.
 *
 * @param history  complete, borrowed; NULL = the one that about had
 * @return STATUS_OK, WRITER_ENOUGH or STATUS_IO
 */
MUST_CHECK Status writer_finish(Writer *writer, const json_t *history);

/** fm.content of what was sent; after writer_finish. */
uint64_t writer_content(const Writer *writer);

/** Release, at any time; without writer_finish the stream stays torn. */
void writer_close(Writer *writer);

#endif
