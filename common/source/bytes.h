/* source/bytes.h: the plain bytes of a file that may be compressed, or of one file within an archive. */
#ifndef FM_SOURCE_BYTES_H
#define FM_SOURCE_BYTES_H

#include "status.h"

#include <stddef.h>
#include <stdint.h>

typedef struct BytesState BytesState;

/** Bytes being read. Whatever the compression, what comes out is bounded by what goes in, see bytes_read. */
typedef struct Bytes {
	const char *name; /* "train.zip: gzip/train-images-idx3-ubyte.gz", for messages; owned by state */
	BytesState *state;
} Bytes;

/**
 * Open a file by its contents: plain, or gzip, bzip2, xz, lzma, lzip, zstd, lz4 or compress.
 *
 * @param fd      taken over, whatever happens; one that can be rewound is read from its start without moving its offset
 * @param name    for messages
 * @param member  path of a file within an archive (zip, tar, cpio, themselves compressed or not), which may be compressed
 *                once more; NULL: the file itself
 * @return STATUS_OK; STATUS_INPUT, STATUS_IO and nothing is held
 */
MUST_CHECK Status bytes_open(Bytes *bytes, int fd, const char *name, const char *member);

/**
 * Read size bytes, fewer only at the end.
 *
 * @param got  out
 * @return STATUS_OK; STATUS_INPUT: truncated, damaged, encrypted, or a bomb: more than 64 MiB that are more than 200 times
 *         what was read of the file; STATUS_IO
 */
MUST_CHECK Status bytes_read(Bytes *bytes, void *data, size_t size, size_t *got);

void bytes_close(Bytes *bytes);

/**
 * Open an archive (zip, tar, cpio, compressed or not), maybe from a pipe, to read the files in it one after the other.
 *
 * @param fd  taken over, whatever happens
 */
MUST_CHECK Status bytes_open_archive(Bytes *bytes, int fd, const char *name);

/**
 * Go on to the next plain file in it, past what is left of the one before; bytes_read reads that file.
 *
 * @param path  out: until the next call
 * @return 1 a file, 0 the end; STATUS_INPUT as bytes_list, STATUS_IO
 */
MUST_CHECK Status bytes_next_file(Bytes *bytes, const char **path);

/**
 * Is it an archive, and what is in it?
 *
 * @param fd     stays the caller's; only what can be rewound is taken for an archive
 * @param visit  called for each plain file in it, with its path; a Status below zero ends the walk
 * @return 1 an archive, 0 none (visit was not called); STATUS_INPUT: damaged, or a path in it that leads out of it
 */
MUST_CHECK Status bytes_list(int fd, const char *name, Status (*visit)(void *context, const char *path), void *context);

#endif
