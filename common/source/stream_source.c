/* source/stream_source.c: a tensor stream as a source. */
#include "source/stream_source.h"

#include "memory.h"
#include "stream/reader.h"

#include <unistd.h>

typedef struct StreamState {
	Reader reader;
	bool lacks_id, lacks_label; /* columns that are made here */
	Tensor *tensors;	    /* the reader's, and those made */
	int64_t *made;		    /* [room] ids, then [room] labels of half the size */
	uint64_t room;		    /* samples */
	uint64_t samples; /* before the next record */
	bool is_finished; /* no more of it is wanted */
} StreamState;

static Status
grow(StreamState *state, uint64_t n)
{
	n = n ? n : 1;
	if (n <= state->room)
		return STATUS_OK;
	int64_t *larger = reallocarray(state->made, n, sizeof(int64_t) + sizeof(int32_t));

	if (!larger)
		return fail(STATUS_IO, "no memory for %llu samples", (unsigned long long)n);
	state->made = larger;
	state->room = n;
	return STATUS_OK;
}

static void
add_tensor(Record *record, const char *name, Dtype dtype, void *data)
{
	record->tensors[record->tensor_count++] = (Tensor){
		.name = name, .dtype = dtype, .rank = 1, .shape = { record->n },
		.data = data, .size = record->n * dtype_size(dtype),
	};
}

/* Absent ids are 0, 1, …, absent labels -1: say so. */
static Status
complete(StreamState *state, Record *record)
{
	Status status = grow(state, record->n);

	if (status < 0)
		return status;
	int32_t *labels = (int32_t *)(state->made + state->room);

	memcpy(state->tensors, record->tensors, record->tensor_count * sizeof *record->tensors);
	record->tensors = state->tensors;
	for (uint64_t i = 0; i < record->n; i++) {
		state->made[i] = (int64_t)(state->samples + i);
		labels[i] = -1;
	}
	if (state->lacks_id)
		add_tensor(record, "id", DTYPE_I64, state->made);
	if (state->lacks_label)
		add_tensor(record, "label", DTYPE_I32, labels);
	return STATUS_OK;
}

static Status
stream_next(Source *source, Record *record)
{
	StreamState *state = source->state;
	Status status = reader_next(&state->reader, record);

	if (status > 0 && (state->lacks_id || state->lacks_label)) {
		Status completed = complete(state, record);

		status = completed < 0 ? completed : status;
	}
	state->samples += status > 0 ? record->n : 0;
	return status;
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
	free(state->made);
	free(state);
}

static const SourceKind stream_kind = {
	.next = stream_next,
	.finish = stream_finish,
	.inputs = stream_inputs,
	.close = stream_close,
};

static Status
add_columns(Source *source, StreamState *state)
{
	About *about = &source->about;
	Status status = STATUS_OK;

	state->lacks_id = about_find(about, "id") < 0;
	state->lacks_label = about_find(about, "label") < 0;
	if (state->lacks_id)
		status = about_add_column(about, "id", DTYPE_I64, 0, NULL);
	if (status >= 0 && state->lacks_label)
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
	Status status = add_columns(source, state);

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
