/* stream/pipe.c: pipes made large, writes that are whole. */
#include "stream/pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

enum { PIPE_BYTES = 1 << 20 };

void
pipe_enlarge(int fd)
{
	int had = errno;
	int size = fcntl(fd, F_GETPIPE_SZ);

	if (size >= 0 && size < PIPE_BYTES)
		fcntl(fd, F_SETPIPE_SZ, PIPE_BYTES);
	errno = had;
}

bool
pipe_is_ready(int fd)
{
	struct pollfd question = { .fd = fd, .events = POLLIN };

	return poll(&question, 1, 0) > 0;
}

static void
wait_for_room(int fd)
{
	struct pollfd question = { .fd = fd, .events = POLLOUT };

	poll(&question, 1, -1);
}

/* Skip what has been written; *count counts the parts that are left. */
static struct iovec *
skip(struct iovec *parts, size_t *count, size_t written)
{
	while (*count && written >= parts->iov_len) {
		written -= parts->iov_len;
		parts++;
		--*count;
	}
	if (*count) {
		parts->iov_base = (char *)parts->iov_base + written;
		parts->iov_len -= written;
	}
	return parts;
}

static Status
write_parts(int fd, struct iovec *parts, size_t count, bool may_close, const char *name)
{
	parts = skip(parts, &count, 0);
	while (count) {
		ssize_t written = writev(fd, parts, count < IOV_MAX ? (int)count : IOV_MAX);

		if (written >= 0)
			parts = skip(parts, &count, (size_t)written);
		else if (errno == EAGAIN)
			wait_for_room(fd);
		else if (errno == EPIPE && may_close)
			return PIPE_CLOSED;
		else if (errno != EINTR)
			return fail_errno("can't write to %s", name);
	}
	return STATUS_OK;
}

/* The SIGPIPE of a write is this thread's own: blocked before it and taken away after it, nobody else sees it. */
static Status
write_without_signal(int fd, struct iovec *parts, size_t count, const char *name)
{
	const struct timespec at_once = { 0 };
	sigset_t signals, before, pending;
	Status status;

	sigpending(&pending);
	sigemptyset(&signals);
	sigaddset(&signals, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &signals, &before);
	status = write_parts(fd, parts, count, true, name);
	if (status == PIPE_CLOSED && !sigismember(&pending, SIGPIPE))
		sigtimedwait(&signals, NULL, &at_once);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return status;
}

Status
pipe_write(int fd, struct iovec *parts, size_t count, bool may_close, const char *name)
{
	if (may_close)
		return write_without_signal(fd, parts, count, name);
	return write_parts(fd, parts, count, false, name);
}
