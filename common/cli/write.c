/* write.c: all of it, or a reason. */
#include "cli/atomic.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

Status
write_all(int fd, const void *data, size_t size, const char *name)
{
	const char *at = data;

	while (size) {
		ssize_t written = write(fd, at, size);

		if (written < 0 && errno == EAGAIN) { /* somebody else made our end of a pipe non-blocking */
			struct pollfd writable = { .fd = fd, .events = POLLOUT };
			poll(&writable, 1, -1);
		} else if (written < 0 && errno != EINTR) {
			return fail_errno("%s", name);
		} else if (written > 0) {
			at += written;
			size -= (size_t)written;
		}
	}
	return STATUS_OK;
}
