/* stream/reader.h: read a tensor stream, see fm-stream(5). */
#ifndef FM_STREAM_READER_H
#define FM_STREAM_READER_H

#include "status.h"
#include "stream/record.h"

#include <signal.h>

typedef struct ReaderState ReaderState;

/** A stream being read; joined streams look like one, and a lazy stream like the plain one that it stands for. */
typedef struct Reader {
	About about;		 /* valid from reader_open; history complete once reader_next has returned 0; always with ids:
				    implied ones are 0, 1, …, in each epoch on from what came before all epochs */
	uint64_t samples;	 /* returned so far */
	uint64_t content;	 /* fm.content of the whole input, once reader_next has returned 0: of what is in the stream
				    (no implied ids; the ids of a joined stream as raised) */
	const volatile sig_atomic_t *stop; /* set by the user, or NULL: when it becomes non-zero, a read that would wait
					      fails with STATUS_INTERRUPTED, and wins over torn input */
	ReaderState *state;
} Reader;

/**
 * Open a stream and read its first record.
 *
 * @param path  a file, a FIFO, or "-" for stdin; pipes are enlarged
 * @return STATUS_OK; or STATUS_IO, STATUS_INPUT (with record number and byte offset), and nothing is held
 */
MUST_CHECK Status reader_open(Reader *reader, const char *path);

/** As reader_open, of an open descriptor, which the reader then owns. @param name  for messages */
MUST_CHECK Status reader_open_fd(Reader *reader, int fd, const char *name);

/**
 * As reader_open, for one that does itself what a lazy stream's rows and transforms say: such a stream is shown as it is,
 * with the data set first: about says so, and a record has those columns alone that its kind has. Rows and transforms
 * have been checked: stream/lazy.h reads them.
 */
MUST_CHECK Status reader_open_lazy(Reader *reader, const char *path);

/** As reader_open_lazy, for looking at a stream only: the reserved tensors weight and target are let through, too. */
MUST_CHECK Status reader_open_to_show(Reader *reader, const char *path);
MUST_CHECK Status reader_open_fd_to_show(Reader *reader, int fd, const char *name);

/** Of a lazy stream's data set keep that many bytes in memory and the rest in a file; by default a share of what is free. */
void reader_limit_memory(Reader *reader, uint64_t memory);

/**
 * Read the next record; the first call returns the one that reader_open has read.
 *
 * Label, name, part and epoch have been checked: labels are -1 or a class, names are UTF-8.
 *
 * @param record  out: its memory belongs to the reader until the next call, may be changed in place; tensors are about's
 *                columns in their order, each aligned to its element, the first in the stream on 64 bytes; hash
 *                verified; the ids of a later member of a joined stream are raised already
 * @return 1 a record; 0 the end of a whole stream (every end record seen, only EOF after it, fm.content verified);
 *         or STATUS_INPUT (torn, corrupt, joined where it can't be; the message has record number and byte offset),
 *         STATUS_IO, STATUS_INTERRUPTED
 */
MUST_CHECK Status reader_next(Reader *reader, Record *record);

/** Read and verify everything to the end of the stream: for a reader that has enough of one that is not repeated. */
MUST_CHECK Status reader_drain(Reader *reader);

/** Would reader_next have to wait for bytes that are not there yet? Flush before you call it if so. */
bool reader_would_wait(Reader *reader);

enum { READER_READY = 1, READER_INTERRUPTED = 2 };

/**
 * Wait for what reader_next has to read.
 *
 * @param interruption  a descriptor that ends the wait once it can be read, or -1
 * @return READER_READY: there are bytes, a record, an end or a failure for reader_next; READER_INTERRUPTED: there is none
 *         of them, or interruption can be read as well; STATUS_IO
 */
MUST_CHECK Status reader_await(Reader *reader, int interruption);

/**
 * What to write in a history entry's "inputs": an array of one {name, content, samples, history}, or of one for each
 * member of a joined stream, which are named "member" where that is stdin. Before the end content and samples are left out.
 *
 * @param name  "stdin", "val", "model"
 * @return new reference
 */
json_t *reader_inputs(const Reader *reader, const char *name);

/**
 * As reader_inputs, for the end record of one that has read the hold-out part and wants no more, as it may of a repeated
 * stream: content and samples are that part's.
 */
json_t *reader_inputs_holdout(const Reader *reader, const char *name);

/** Give everything back and close the descriptor, at any time: the writer of a repeated stream takes it as "enough". */
void reader_close(Reader *reader);

#endif
