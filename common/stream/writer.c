/* stream/writer.c: records out, each on its way as soon as it is sent. */
#include "stream/writer.h"

#include "hash.h"
#include "memory.h"
#include "stream/content.h"
#include "stream/lazy.h"
#include "stream/metadata.h"
#include "stream/pipe.h"
#include "stream/safetensors.h"

#include <inttypes.h>

struct WriterState {
	int fd;
	char *name;
	About about;
	Content *content;
	Tensor *tensors;     /* [columns]: of the record being written, in order */
	size_t *columns;     /* [columns]: which column each of them is; a lazy stream's records have not all of them */
	size_t count;	     /* of tensors */
	struct iovec *parts; /* [columns + 1] */
	bool is_enough;
	uint64_t value; /* of content, once finished */
};

Status
writer_open(Writer *writer, int fd, const char *name, const About *about)
{
	WriterState *state = memory_zeroed(1, sizeof *state);

	*writer = (Writer){ .state = state };
	state->fd = fd;
	state->name = memory_text(name);
	about_copy(&state->about, about);
	state->content = content_open(&state->about);
	state->tensors = memory_zeroed(about->column_count, sizeof *state->tensors);
	state->columns = memory_zeroed(about->column_count, sizeof *state->columns);
	state->parts = memory_zeroed(about->column_count + 1, sizeof *state->parts);
	pipe_enlarge(fd);
	return STATUS_OK;
}

static Status
check_tensor(const Column *column, const Tensor *tensor, uint64_t n)
{
	bool fits = tensor && tensor->dtype == column->dtype && tensor->rank == column->rank + 1 && tensor->shape[0] == n &&
		    tensor->size == n * tensor_row_size(tensor);

	for (int i = 0; fits && i < column->rank && strcmp(column->name, "name") != 0; i++)
		fits = tensor->shape[i + 1] == column->shape[i];
	if (!fits)
		return fail(STATUS_INPUT, "tensor \"%s\" of a record to be written is missing or unlike its stream's", column->name);
	return STATUS_OK;
}

/* Which columns a record has: of a lazy stream's, those of the data set or those of epochs. */
static void
choose_columns(WriterState *state, const Record *record)
{
	const About *about = &state->about;

	state->count = 0;
	for (size_t i = 0; i < about->column_count; i++)
		if (about->columns[i].is_lazy == lazy_is_epoch(about, record->epoch))
			state->columns[state->count++] = i;
}

/* The record's tensors into about's order. */
static Status
arrange(WriterState *state, const Record *record)
{
	choose_columns(state, record);
	if (record->tensor_count != state->count)
		return fail(STATUS_INPUT, "a record of %zu tensors in a stream of %zu", record->tensor_count, state->count);
	for (size_t i = 0; i < state->count; i++) {
		const Column *column = &state->about.columns[state->columns[i]];
		const Tensor *tensor = record_find(record, column->name);
		Status status = check_tensor(column, tensor, record->n);

		if (status < 0)
			return status;
		state->tensors[i] = *tensor;
	}
	return STATUS_OK;
}

/* Its digits are zeros until here. @return STATUS_OK, WRITER_ENOUGH, STATUS_IO */
static Status
write_record(WriterState *state, char *header, size_t length, size_t tensors)
{
	Hash *hash = hash_open();

	hash_update(hash, header, length);
	state->parts[0] = (struct iovec){ header, length };
	for (size_t i = 0; i < tensors; i++) {
		hash_update(hash, state->tensors[i].data, state->tensors[i].size);
		state->parts[i + 1] = (struct iovec){ state->tensors[i].data, state->tensors[i].size };
	}
	hex_write(hash_value(hash), header + METADATA_DIGITS_AT);
	hash_close(hash);
	Status status = pipe_write(state->fd, state->parts, tensors + 1, state->about.epochs != EPOCHS_NONE, state->name);
	state->is_enough = status == PIPE_CLOSED;
	return state->is_enough ? WRITER_ENOUGH : status;
}

static char *
make_header(const Writer *writer, const Record *record, size_t *length)
{
	WriterState *state = writer->state;
	json_t *metadata = metadata_of_record(record, writer->records, writer->records ? NULL : &state->about);
	char *header = safetensors_header(metadata, state->tensors, state->count, length);

	json_decref(metadata);
	return header;
}

/* Point the tensors at rows begin to begin + n of those given. */
static void
take_rows(WriterState *state, const Tensor *all, uint64_t begin, uint64_t n)
{
	for (size_t i = 0; i < state->count; i++) {
		size_t row = tensor_row_size(&all[i]);

		state->tensors[i] = all[i];
		state->tensors[i].shape[0] = n;
		state->tensors[i].data = all[i].data + begin * row;
		state->tensors[i].size = n * row;
	}
}

static size_t
data_size(const WriterState *state)
{
	size_t size = 0;

	for (size_t i = 0; i < state->count; i++)
		size += state->tensors[i].size;
	return size;
}

/* How many of n samples fit a record of `most` bytes; at least one. */
static uint64_t
rows_that_fit(size_t most, size_t header, size_t row, uint64_t n)
{
	uint64_t room = header < most ? (most - header) / (row ? row : 1) : 0;

	return room < 1 ? (n > 0) : room < n ? room : n;
}

/* @param length  of the header, its own length included */
static Status
check_size(size_t length, size_t data)
{
	if (length - sizeof(uint64_t) > STREAM_HEADER_MOST)
		return fail(STATUS_INPUT, "a record's header of %zu bytes, more than %d: class names, the history and other keys are "
			    "too long", length - sizeof(uint64_t), STREAM_HEADER_MOST);
	if (length + data > STREAM_RECORD_MOST)
		return fail(STATUS_INPUT, "a record of %zu bytes, more than %d", length + data, STREAM_RECORD_MOST);
	return STATUS_OK;
}

/* One record: what is arranged, or as many of its first rows as `most` bytes hold. @return STATUS_OK, …; *n: rows sent */
static Status
send_one(Writer *writer, const Record *record, const Tensor *all, uint64_t begin, uint64_t *n, size_t most)
{
	WriterState *state = writer->state;
	size_t row = 0, length;
	char *header;

	for (size_t i = 0; i < state->count; i++)
		row += tensor_row_size(&all[i]);
	*n = rows_that_fit(most, 0, row, record->n - begin);
	take_rows(state, all, begin, *n);
	header = make_header(writer, record, &length);
	if (length + data_size(state) > most && *n > 1) {
		*n = rows_that_fit(most, length, row, *n);
		take_rows(state, all, begin, *n);
		free(header);
		header = make_header(writer, record, &length);
	}
	Status status = check_size(length, data_size(state));
	if (status < 0) {
		free(header);
		return status;
	}
	for (size_t i = 0; i < state->count; i++)
		content_add(state->content, state->columns[i], &state->tensors[i]);
	status = write_record(state, header, length, state->count);
	free(header);
	writer->records++;
	writer->samples += *n;
	return status;
}

/* Parts and epochs are written where the stream has them, and only there. */
static Status
settle_marks(const About *about, Record *record)
{
	if (!about->is_marked)
		record->part = PART_NONE;
	else if (record->part == PART_NONE)
		record->part = PART_FIT;
	if (about->epochs == EPOCHS_NONE || record->part == PART_HOLDOUT)
		record->epoch = -1;
	else if (record->epoch < 0 && record->n && !about->is_lazy)
		return fail(STATUS_INPUT, "a record of a repeated stream has no epoch");
	return STATUS_OK;
}

static Status
send_all(Writer *writer, const Record *given, size_t most)
{
	WriterState *state = writer->state;
	uint64_t begin = 0, n;
	Record sent = *given, *record = &sent;
	Status status = arrange(state, record);

	if (status == STATUS_OK)
		status = settle_marks(&state->about, record);
	if (status < 0)
		return status;
	if (state->is_enough)
		return WRITER_ENOUGH;
	Tensor *all = memory_zeroed(state->count, sizeof *all);
	memcpy(all, state->tensors, state->count * sizeof *all);
	do {
		status = send_one(writer, record, all, begin, &n, most);
		begin += n;
	} while (status == STATUS_OK && begin < record->n);
	free(all);
	return status;
}

Status
writer_send(Writer *writer, const Record *record)
{
	return send_all(writer, record, STREAM_RECORD_USUAL);
}

Status
writer_send_whole(Writer *writer, const Record *record)
{
	return send_all(writer, record, SIZE_MAX);
}

/* No samples are one record with n = 0, which keeps the classes. */
static Status
send_nothing(Writer *writer)
{
	WriterState *state = writer->state;
	const About *about = &state->about;
	Record record = { .epoch = -1 };

	record.tensors = memory_zeroed(about->column_count, sizeof *record.tensors);
	choose_columns(state, &record);
	for (; record.tensor_count < state->count; record.tensor_count++) {
		const Column *column = &about->columns[state->columns[record.tensor_count]];
		Tensor *tensor = &record.tensors[record.tensor_count];

		*tensor = (Tensor){ .name = column->name, .dtype = column->dtype, .rank = column->rank + 1,
				    .data = (uint8_t *)"" };
		memcpy(tensor->shape + 1, column->shape, (size_t)column->rank * sizeof *column->shape);
	}
	Status status = writer_send_whole(writer, &record);
	free(record.tensors);
	return status;
}

Status
writer_finish(Writer *writer, const json_t *history)
{
	WriterState *state = writer->state;
	Status status = writer->records ? STATUS_OK : send_nothing(writer);
	size_t length;

	if (status != STATUS_OK)
		return status;
	if (state->is_enough)
		return WRITER_ENOUGH;
	state->value = content_value(state->content);
	json_t *metadata = metadata_of_end(writer->records, writer->samples, state->value,
					   history ? history : state->about.history);
	char *header = safetensors_header(metadata, NULL, 0, &length);
	json_decref(metadata);
	status = check_size(length, 0);
	if (status == STATUS_OK)
		status = write_record(state, header, length, 0);
	free(header);
	return status;
}

uint64_t
writer_content(const Writer *writer)
{
	return writer->state->value;
}

void
writer_close(Writer *writer)
{
	WriterState *state = writer->state;

	if (!state)
		return;
	content_close(state->content);
	about_release(&state->about);
	free(state->tensors);
	free(state->columns);
	free(state->parts);
	free(state->name);
	free(state);
	*writer = (Writer){ 0 };
}
