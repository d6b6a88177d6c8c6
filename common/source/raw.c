/* source/raw.c: bare frames. */
#include "source/raw.h"

#include "memory.h"
#include "source/samples.h"

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

typedef struct RawState {
	int fd;
	char *name;
	size_t size; /* of a frame */
	uint64_t frames;
} RawState;

/* A number in front of 'x' or the end, 1 … most; its end, or NULL. */
static const char *
side_parse(const char *text, uint32_t most, uint32_t *side)
{
	const char *c = text;

	for (*side = 0; *c >= '0' && *c <= '9'; c++)
		if ((*side = *side * 10 + (uint32_t)(*c - '0')) > most)
			return NULL;
	return c == text || !*side ? NULL : c;
}

const char *
raw_parse(const char *text, RawShape *shape)
{
	static const char expected[] = "height x width x channels, at most 1024x1024x16, such as 28x28x1";
	const char *rest = side_parse(text, STREAM_SIDE_MOST, &shape->height);

	shape->channels = 1;
	if (!rest || *rest != 'x' || !(rest = side_parse(rest + 1, STREAM_SIDE_MOST, &shape->width)))
		return expected;
	if (*rest == 'x')
		rest = side_parse(rest + 1, STREAM_CHANNELS_MOST, &shape->channels);
	return rest && !*rest ? NULL : expected;
}

static Status
raw_read(void *own, Sample *sample)
{
	RawState *state = own;
	size_t filled = 0;

	while (filled < state->size) {
		ssize_t got = read(state->fd, sample->image + filled, state->size - filled);

		if (got < 0 && errno != EINTR)
			return fail_errno("%s", state->name);
		if (!got && filled)
			return fail(STATUS_INPUT, "%s: truncated: frame %" PRIu64 " has %zu bytes, expected %zu; is --raw right?",
				    state->name, state->frames, filled, state->size);
		if (!got)
			return 0;
		filled += got > 0 ? (size_t)got : 0;
	}
	state->frames++;
	return 1;
}

static void
raw_close(void *own)
{
	RawState *state = own;

	close(state->fd);
	free(state->name);
	free(state);
}

static const SamplesKind raw_kind = { .read = raw_read, .close = raw_close, .is_single = true };

Status
raw_open(Source *source, int fd, const char *name, RawShape shape)
{
	RawState *state = memory_zeroed(1, sizeof *state);
	About about;
	Status status = samples_about(&about, shape.height, shape.width, shape.channels, 0, name);

	*state = (RawState){ .fd = fd, .name = memory_text(name), .size = (size_t)shape.height * shape.width * shape.channels };
	if (status >= 0)
		return samples_open(source, &raw_kind, state, &about, name, 0, 0);
	raw_close(state);
	return status;
}
