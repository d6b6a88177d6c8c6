/* picture/helper.c */
#include "picture/helper.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static Status
send_all(int fd, const uint8_t *data, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t sent = send(fd, data + done, size - done, MSG_NOSIGNAL);

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

static Status
flush(HelperLine *line)
{
	size_t size = line->filled;

	line->filled = 0;
	return send_all(line->fd, line->out, size);
}

/* @return how many bytes, at most `most`; 0 where the other side has gone; STATUS_IO */
static ssize_t
read_some(HelperLine *line, uint8_t *data, size_t most)
{
	ssize_t got;

	line->reads++;
	do
		got = read(line->fd, data, most);
	while (got < 0 && errno == EINTR);
	if (got < 0 && errno != ECONNRESET)
		return fail_errno("fm-picture");
	return got < 0 ? 0 : got;
}

Status
helper_get(HelperLine *line, void *data, size_t size)
{
	uint8_t *to = data;

	for (;;) {
		size_t there = line->end - line->begin, part = there < size ? there : size;

		memcpy(to, line->in + line->begin, part);
		line->begin += part;
		to += part;
		size -= part;
		if (!size)
			return 1;
		/* what is large goes where it belongs at once */
		bool is_large = size >= sizeof line->in;
		Status status = flush(line);
		ssize_t got = status <= 0 ? status : read_some(line, is_large ? to : line->in, is_large ? size : sizeof line->in);

		if (got <= 0)
			return (Status)got;
		line->begin = 0;
		line->end = is_large ? 0 : (size_t)got;
		to += is_large ? got : 0;
		size -= is_large ? (size_t)got : 0;
		if (!size)
			return 1;
	}
}

Status
helper_put(HelperLine *line, const void *data, size_t size)
{
	if (line->filled + size > sizeof line->out) {
		Status status = flush(line);

		if (status <= 0)
			return status;
	}
	if (size > sizeof line->out)
		return send_all(line->fd, data, size);
	memcpy(line->out + line->filled, data, size);
	line->filled += size;
	return 1;
}
