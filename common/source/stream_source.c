/* source/stream_source.c: a tensor stream as a source. */
#include "source/stream_source.h"

#include "memory.h"
#include "stream/reader.h"

#include <unistd.h>

typedef struct StreamState {
	Reader reader;
	bool lacks_label; /* it is made here */
	Tensor *tensors;  /* the reader's, and that of the labels */
	int32_t *labels;  /* [room] */
	uint64_t room;	  /* samples */
	bool is_finished; /* no more of it is wanted */
} StreamState;

static Status
grow(StreamState *state, uint64_t n)
{
	n = n ? n : 1;
	if (n <= state->room)
		return STATUS_OK;
	int32_t *larger = reallocarray(state->labels, n, sizeof *larger);

	if (!larger)
		return fail(STATUS_IO, "no memory for %llu labels", (unsigned long long)n);
	state->labels = larger;
	state->room = n;
	return STATUS_OK;
}

/* Absent labels are -1: say so. */
static Status
add_labels(StreamState *state, Record *record)
{
	Status status = grow(state, record->n);

	if (status < 0)
		return status;
	memcpy(state->tensors, record->tensors, record->tensor_count * sizeof *record->tensors);
	record->tensors = state->tensors;
	for (uint64_t i = 0; i < record->n; i++)
		state->labels[i] = -1;
	record->tensors[record->tensor_count++] = (Tensor){
		.name = "label", .dtype = DTYPE_I32, .rank = 1, .shape = { record->n },
		.data = (uint8_t *)state->labels, .size = record->n * sizeof *state->labels,
	};
	return STATUS_OK;
}

static Status
stream_next(Source *source, Record *record)
{
	StreamState *state = source->state;
	Status status = reader_next(&state->reader, record);

	if (status <= 0 || !state->lacks_label)
		return status;
	Status added = add_labels(state, record);

	return added < 0 ? added : status;
}

static Status
stream_finish(Source *source)
{
	StreamState *state = source->state;

	state->is_finished = true;
	/* of a repeated stream its hold-out part may be enough; any other is read to its end, or nobody would know that it
	 * is whole */
	return state->reader.about.epochs ? STATUS_OK : reader_drain(&state->reader);
}

static json_t *
stream_inputs(const Source *source)
{
	const StreamState *state = source->state;

	/* whatever its file is called: a script made from the history pipes it in */
	return state->is_finished ? reader_inputs_holdout(&state->reader, "stdin") : reader_inputs(&state->reader, "stdin");
}

static void
stream_close(Source *source)
{
	StreamState *state = source->state;

	reader_close(&state->reader);
	free(state->tensors);
	free(state->labels);
	free(state);
}

static const SourceKind stream_kind = {
	.next = stream_next,
	.finish = stream_finish,
	.inputs = stream_inputs,
	.close = stream_close,
};

static Status
add_label_column(Source *source, StreamState *state)
{
	About *about = &source->about;
	Status status = STATUS_OK;

	state->lacks_label = about_find(about, "label") < 0;
	if (state->lacks_label)
		status = about_add_column(about, "label", DTYPE_I32, 0, NULL);
	state->tensors = memory_zeroed(about->column_count, sizeof *state->tensors);
	return status;
}

/* The reader is open: become a source of it. */
static Status
wrap_reader(Source *source, StreamState *state, const char *name)
{
	*source = (Source){ .kind = &stream_kind, .name = memory_text(name), .state = state };
	about_copy(&source->about, &state->reader.about);
	Status status = add_label_column(source, state);

	if (status < 0)
		source_close(source);
	return status;
}

Status
stream_source_open_stdin(Source *source)
{
	StreamState *state = memory_zeroed(1, sizeof *state);
	Status status = reader_open(&state->reader, "-");

	if (status >= 0)
		return wrap_reader(source, state, "stdin");
	free(state);
	return status;
}

Status
stream_source_open_fd(Source *source, int fd, const char *name)
{
	StreamState *state = memory_zeroed(1, sizeof *state);
	Status status = reader_open_fd(&state->reader, fd, name);

	if (status >= 0)
		return wrap_reader(source, state, name);
	free(state);
	return status;
}

bool
is_stream(int fd)
{
	static const char magic[] = "{\"__metadata__\":{\"fm.xxh3\":\"";
	char bytes[8 + sizeof magic - 1];

	if (lseek(fd, 0, SEEK_CUR) < 0)
		return true;
	return pread(fd, bytes, sizeof bytes, 0) == (ssize_t)sizeof bytes && !memcmp(bytes + 8, magic, sizeof magic - 1);
}
