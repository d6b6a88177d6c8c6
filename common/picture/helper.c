/* picture/helper.c */
#include "picture/helper.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

Status
helper_read(int fd, void *data, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t got = read(fd, (uint8_t *)data + done, size - done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno != ECONNRESET)
			return fail_errno("fm-picture");
		if (got <= 0)
			return 0;
		done += (size_t)got;
	}
	return 1;
}

Status
helper_write(int fd, const void *data, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t sent = send(fd, (const uint8_t *)data + done, size - done, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno != EPIPE && errno != ECONNRESET)
			return fail_errno("fm-picture");
		if (sent < 0)
			return 0;
		done += (size_t)sent;
	}
	return 1;
}
