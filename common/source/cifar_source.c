/* source/cifar_source.c */
#include "source/cifar_source.h"

#include "memory.h"
#include "source/samples.h"

#include <inttypes.h>

enum {
	AREA = CIFAR_SIDE * CIFAR_SIDE,
	CHANNELS = 3,
	PICTURE = CHANNELS * AREA,
	LABEL_BYTES_MOST = 2,
	NAMES_MOST = 256,     /* a label is a byte */
	NAME_FILE_MOST = 1 << 16, /* bytes */
};

typedef struct CifarState {
	CifarSet set;
	size_t at;	 /* batch */
	uint64_t record; /* of it */
} CifarState;

static Status
fail_short(const CifarState *state, size_t got, size_t size)
{
	const char *name = state->set.batches[state->at].name;

	if (!got)
		return fail(STATUS_INPUT, "%s: empty; expected records of %zu bytes", name, size);
	return fail(STATUS_INPUT, "%s: truncated: record %" PRIu64 " has %zu bytes; expected %zu, as CIFAR-%s has it", name,
		    state->record, got, size, state->set.label_bytes == 1 ? "10" : "100");
}

/* The next record, of whichever batch. @return 1, 0 the end of the last one */
static Status
next_record(CifarState *state, uint8_t *record, size_t size)
{
	size_t got = 0;
	Status status = STATUS_OK;

	while (state->at < state->set.count && !got) {
		if ((status = bytes_read(&state->set.batches[state->at], record, size, &got)) < 0)
			return status;
		if (got == size)
			break;
		if (got || !state->record)
			return fail_short(state, got, size);
		bytes_close(&state->set.batches[state->at++]);
		state->record = 0;
	}
	return got == size;
}

/* from [c, h, w] to [h, w, c] */
static void
interleave(const uint8_t *planes, uint8_t *image)
{
	for (size_t i = 0; i < AREA; i++)
		for (size_t c = 0; c < CHANNELS; c++)
			image[i * CHANNELS + c] = planes[c * AREA + i];
}

static Status
cifar_read(void *own, Sample *sample)
{
	CifarState *state = own;
	uint8_t record[LABEL_BYTES_MOST + PICTURE];
	size_t label_bytes = state->set.label_bytes;
	Status status = next_record(state, record, label_bytes + PICTURE);

	if (status <= 0)
		return status;
	uint8_t label = record[label_bytes - 1];

	if (label >= state->set.class_count)
		return fail(STATUS_INPUT, "%s: record %" PRIu64 " has the label %u; expected 0 to %d", state->set.batches[state->at].name,
			    state->record, label, (int)state->set.class_count - 1);
	sample->label = label;
	interleave(record + label_bytes, sample->image);
	state->record++;
	return 1;
}

static void
cifar_close(void *own)
{
	CifarState *state = own;

	for (size_t i = 0; i < state->set.count; i++)
		bytes_close(&state->set.batches[i]);
	free(state);
}

static const SamplesKind cifar_kind = { .read = cifar_read, .close = cifar_close };

Status
cifar_source_open(Source *source, CifarSet *set, int64_t first_id)
{
	CifarState *state = memory_zeroed(1, sizeof *state);
	About about;

	state->set = *set;
	memset(set->batches, 0, sizeof set->batches);
	Status status = samples_about(&about, CIFAR_SIDE, CIFAR_SIDE, CHANNELS, 0, state->set.batches[0].name);

	if (status >= 0 && (status = about_set_classes(&about, set->class_count, (const char *const *)set->classes)) < 0) {
		status = fail_in(status, "%s: its classes", state->set.batches[0].name);
		about_release(&about);
	}
	if (status >= 0)
		return samples_open(source, &cifar_kind, state, &about, state->set.batches[0].name, first_id, 0);
	cifar_close(state);
	return status;
}

static Status
split_lines(char *text, const char *name, uint32_t *count, char ***names)
{
	char *rest = text, *line;

	*count = 0;
	*names = memory_zeroed(NAMES_MOST, sizeof **names);
	while ((line = strsep(&rest, "\r\n"))) {
		if (!*line)
			continue;
		if (*count == NAMES_MOST)
			return fail(STATUS_INPUT, "%s: more than %d names of classes", name, NAMES_MOST);
		(*names)[(*count)++] = memory_text(line);
	}
	return *count ? STATUS_OK : fail(STATUS_INPUT, "%s: empty; expected a class's name a line", name);
}

Status
cifar_names_read(Bytes *bytes, uint32_t *count, char ***names)
{
	char *text = memory_zeroed(NAME_FILE_MOST + 1, 1);
	size_t got;
	Status status = bytes_read(bytes, text, NAME_FILE_MOST, &got);

	*count = 0;
	*names = NULL;
	if (status >= 0 && (got == NAME_FILE_MOST || strlen(text) != got))
		status = fail(STATUS_INPUT, "%s: no file of class names: too long, or not text", bytes->name);
	if (status >= 0)
		status = split_lines(text, bytes->name, count, names);
	free(text);
	return status;
}
