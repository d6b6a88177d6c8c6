/* stream/pipe.h: bytes out of and into descriptors, whatever they are. */
#ifndef FM_STREAM_PIPE_H
#define FM_STREAM_PIPE_H

#include "status.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

/** Ask for a pipe of 1 MiB; what is no pipe, or may not grow, stays as it is. */
void pipe_enlarge(int fd);

/** Could a read return at once, with bytes, the end or an error? */
bool pipe_is_ready(int fd);

enum { PIPE_CLOSED = 1 };

/**
 * Write everything, through EINTR, short writes and descriptors that don't block.
 *
 * @param parts  changed by the call
 * @param may_close  report a reader that has gone as PIPE_CLOSED, without a SIGPIPE; no signal handler is touched
 */
MUST_CHECK Status pipe_write(int fd, struct iovec *parts, size_t count, bool may_close, const char *name);

#endif
