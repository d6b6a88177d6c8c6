/* stream/input.h: the bytes of one record after the other, off a descriptor, however they arrive. */
#ifndef FM_STREAM_INPUT_H
#define FM_STREAM_INPUT_H

#include "status.h"
#include "stream/safetensors.h"

#include <signal.h>
#include <stdbool.h>

/**
 * A record being read straight into its place: length and header end where the data begins, on 64 bytes. Zeroed, it
 * holds nothing; raw_release gives back what it holds.
 */
typedef struct Raw {
	uint8_t *memory;
	size_t capacity, data_at; /* bytes; the record begins at data_at - header_size */
	size_t header_size;	  /* with the 8 bytes of its length; 0: not known yet */
	size_t size;		  /* of the record; 0: not known yet */
	size_t filled;		  /* of the record */
	bool has_file;
	Safetensors file; /* once its header is there; data in place */
	uint8_t length[8];
} Raw;

void raw_release(Raw *raw);

/** Ready for another record; memory is kept. */
void raw_restart(Raw *raw);

typedef struct Input {
	int fd;
	const char *name; /* borrowed: for messages */
	uint64_t offset;  /* of the first byte of the record being read */
} Input;

enum { INPUT_END = 0, INPUT_RECORD = 1, INPUT_WAITS = 2 };

/**
 * Read on until the record is complete and its hash is right.
 *
 * @param where  of the record, for messages
 * @param stop   NULL, or: once it is not 0, a read that would wait fails with STATUS_INTERRUPTED
 * @param may_wait  false: return INPUT_WAITS instead of waiting
 * @return INPUT_RECORD; INPUT_END if the input ends before the record's first byte; INPUT_WAITS; or a failure
 */
MUST_CHECK Status input_read(Input *input, Raw *raw, const char *where, const volatile sig_atomic_t *stop, bool may_wait);

/**
 * The input ended where it may not, after `filled` bytes of a record.
 *
 * @return STATUS_INPUT, or STATUS_INTERRUPTED if a signal that *stop tells of is the likely cause
 */
Status input_torn(size_t filled, const char *where, const volatile sig_atomic_t *stop);

#endif
