#include "info/kind.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char magic[] = "{\"__metadata__\":{\"fm.xxh3\":\"";

enum { START = 8 + sizeof magic - 1 };

/* Has nobody the other end of a pipe any more, so that nothing will follow? */
static bool
is_over(int fd)
{
	struct pollfd poll_one = { .fd = fd, .events = POLLIN };

	return poll(&poll_one, 1, 0) > 0 && poll_one.revents & POLLHUP;
}

/* The first bytes of a pipe, which stay in it: tee(2) copies them to another. @return how many; 0 where it is no pipe */
static size_t
look_into_pipe(int fd, char start[START])
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	ssize_t got = 0;

	while (got < START) {
		int copy[2];
		const bool was_over = is_over(fd);

		if (pipe2(copy, O_CLOEXEC) < 0)
			return 0;
		got = tee(fd, copy[1], START, 0); /* waits for the first byte, not for all of them */
		if (got > 0)
			got = read(copy[0], start, START);
		close(copy[0]);
		close(copy[1]);
		if (got <= 0)
			return 0;
		if (was_over)
			break;
		if (got < START)
			nanosleep(&moment, NULL);
	}
	return (size_t)got;
}

Status
kind_look(int fd, const char *name, bool *is_stream)
{
	char start[START] = { 0 };
	ssize_t got;

	if (lseek(fd, 0, SEEK_CUR) < 0) {
		/* what is neither is called a stream that begins wrong, as that is what pipes carry */
		*is_stream = look_into_pipe(fd, start) < START || start[8] != '{' || !memcmp(start + 8, magic, sizeof magic - 1);
		return STATUS_OK;
	}
	*is_stream = true;
	got = pread(fd, start, sizeof start, 0);
	if (got < 0)
		return fail_errno("%s", name);
	*is_stream = got == START && !memcmp(start + 8, magic, sizeof magic - 1);
	return STATUS_OK;
}
