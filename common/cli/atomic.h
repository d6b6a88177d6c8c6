/* cli/atomic.h: output files that appear whole or not at all. */
#ifndef FM_CLI_ATOMIC_H
#define FM_CLI_ATOMIC_H

#include "status.h"

#include <stdbool.h>
#include <stddef.h>

/**
 * An output being written: a temporary file beside the target, put in its place by atomic_commit. A link is followed to
 * its target, whose mode is kept; a device, a FIFO, /dev/fd/N or "-", standard output, is written straight. Temporary files go when the process
 * exits or is killed by SIGINT, SIGTERM, SIGHUP or SIGPIPE (not by SIGKILL).
 */
typedef struct AtomicFile {
	int fd;		 /* write here */
	char *target;	 /* after links; NULL once released */
	char *temporary; /* NULL: written straight */
	int slot;	 /* of the temporary file, see cli/temporary.h */
} AtomicFile;

/**
 * @return STATUS_OK; STATUS_USAGE for a terminal, which is no place for what we write; or STATUS_IO; nothing is held
 *         after a failure. A file that may not be written is not replaced either.
 */
MUST_CHECK Status atomic_open(AtomicFile *file, const char *path);

/**
 * Do two outputs lead to the same file, however they are named? Where both exist device and inode tell, otherwise folder
 * and last name, after links. Devices such as /dev/null keep nothing that could be replaced: they don't count.
 */
bool atomic_is_same(const char *left, const char *right);

/** fsync, rename, fsync of the directory; releases file whatever happens. The old file stands if this fails. */
MUST_CHECK Status atomic_commit(AtomicFile *file);

/** Remove what was written and release; nothing happens to the target. */
void atomic_abandon(AtomicFile *file);

/** A whole file in one call: open, write, commit. */
MUST_CHECK Status atomic_write(const char *path, const void *data, size_t size);

/** write(2) all of it, through EINTR and short writes. @param name  for the message */
MUST_CHECK Status write_all(int fd, const void *data, size_t size, const char *name);

#endif
