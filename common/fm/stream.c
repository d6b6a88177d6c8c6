/* fm/stream.c: the public face of the stream's reader and writer. */
#include "fm/stream.h"

#include "json/canonical.h"
#include "memory.h"
#include "stream/history.h"
#include "stream/reader.h"
#include "stream/writer.h"
#include "version.h"

struct fms_record {
	Record record;
};

struct fms_tensor {
	Tensor tensor;
};

struct fms_reader {
	Reader reader;
	fms_record current;
	char *error;
};

struct fms_writer {
	Writer writer;
	int fd;
	char *name, *tool, *version, *error;
	json_t *options;
	const fms_reader *reader; /* whose stream this one is like, or NULL */
	About about;
	bool is_described, is_begun;
};

/* The message moves from the thread to the handle. */
static int
keep_error(char **error, Status status)
{
	if (status < 0) {
		free(*error);
		*error = memory_text(status_message());
	}
	return status;
}

const char *
fms_version(void)
{
	return FM_VERSION;
}

int
fms_reader_open(fms_reader **reader, int fd, const char *name)
{
	*reader = memory_zeroed(1, sizeof **reader);
	return keep_error(&(*reader)->error, reader_open_fd(&(*reader)->reader, fd, name));
}

int
fms_reader_next(fms_reader *reader, fms_record **record)
{
	Status status = reader->reader.state ? reader_next(&reader->reader, &reader->current.record) :
		fail(STATUS_USAGE, "the stream is not open");

	*record = status == 1 ? &reader->current : NULL;
	return keep_error(&reader->error, status);
}

int
fms_reader_would_wait(fms_reader *reader)
{
	return reader->reader.state && reader_would_wait(&reader->reader);
}

const char *
fms_reader_error(const fms_reader *reader)
{
	return reader->error ? reader->error : "";
}

uint32_t
fms_reader_height(const fms_reader *reader)
{
	return reader->reader.about.height;
}

uint32_t
fms_reader_width(const fms_reader *reader)
{
	return reader->reader.about.width;
}

uint32_t
fms_reader_channels(const fms_reader *reader)
{
	return reader->reader.about.channels;
}

uint32_t
fms_reader_class_count(const fms_reader *reader)
{
	return reader->reader.about.class_count;
}

const char *
fms_reader_class(const fms_reader *reader, uint32_t index)
{
	return index < reader->reader.about.class_count ? reader->reader.about.classes[index] : NULL;
}

uint64_t
fms_reader_epochs(const fms_reader *reader)
{
	return reader->reader.about.epochs;
}

char *
fms_reader_history(const fms_reader *reader)
{
	return reader->reader.about.history ? json_canonical(reader->reader.about.history, NULL) : memory_text("[]");
}

void
fms_reader_close(fms_reader *reader)
{
	if (!reader)
		return;
	reader_close(&reader->reader);
	free(reader->error);
	free(reader);
}

fms_record *
fms_record_new(void)
{
	fms_record *record = memory_zeroed(1, sizeof *record);

	record->record.epoch = -1;
	return record;
}

void
fms_record_free(fms_record *record)
{
	if (!record)
		return;
	for (size_t i = 0; i < record->record.tensor_count; i++)
		free((char *)record->record.tensors[i].name);
	free(record->record.tensors);
	free(record);
}

static Tensor *
add_tensor(Record *record, const char *name)
{
	record->tensors = memory_grow(record->tensors, record->tensor_count + 1, sizeof *record->tensors);
	record->tensors[record->tensor_count] = (Tensor){ .name = memory_text(name) };
	return &record->tensors[record->tensor_count++];
}

int
fms_record_set(fms_record *record, const char *name, const char *dtype, int rank, const uint64_t *shape, void *data)
{
	Dtype type = dtype_from_name(dtype);
	size_t size = type < DTYPE_COUNT ? dtype_size(type) : 0;

	if (type == DTYPE_COUNT || rank < 1 || rank > TENSOR_RANK_MOST)
		return FMS_USAGE;
	for (int i = 0; i < rank; i++) {
		if (__builtin_mul_overflow(size, shape[i], &size))
			return FMS_USAGE;
	}
	Tensor *tensor = record_find(&record->record, name);
	if (!tensor)
		tensor = add_tensor(&record->record, name);
	tensor->dtype = type;
	tensor->rank = rank;
	tensor->size = size;
	tensor->data = data;
	memcpy(tensor->shape, shape, (size_t)rank * sizeof *shape);
	record->record.n = shape[0];
	return FMS_OK;
}

uint64_t
fms_record_samples(const fms_record *record)
{
	return record->record.n;
}

const char *
fms_record_part(const fms_record *record)
{
	Part part = record->record.part;

	return part == PART_FIT ? "fit" : part == PART_HOLDOUT ? "holdout" : NULL;
}

int64_t
fms_record_epoch(const fms_record *record)
{
	return record->record.epoch;
}

void
fms_record_filter(fms_record *record, const uint8_t *keep)
{
	record_filter(&record->record, keep);
}

/* A Tensor is the first and only member of an fms_tensor. */
static fms_tensor *
public_tensor(Tensor *tensor)
{
	return (fms_tensor *)tensor;
}

fms_tensor *
fms_record_tensor(fms_record *record, const char *name)
{
	return public_tensor(record_find(&record->record, name));
}

size_t
fms_record_tensor_count(const fms_record *record)
{
	return record->record.tensor_count;
}

fms_tensor *
fms_record_tensor_at(fms_record *record, size_t index)
{
	return index < record->record.tensor_count ? public_tensor(&record->record.tensors[index]) : NULL;
}

const char *
fms_tensor_name(const fms_tensor *tensor)
{
	return tensor->tensor.name;
}

const char *
fms_tensor_dtype(const fms_tensor *tensor)
{
	return dtype_name(tensor->tensor.dtype);
}

int
fms_tensor_rank(const fms_tensor *tensor)
{
	return tensor->tensor.rank;
}

uint64_t
fms_tensor_dimension(const fms_tensor *tensor, int index)
{
	return index >= 0 && index < tensor->tensor.rank ? tensor->tensor.shape[index] : 0;
}

size_t
fms_tensor_size(const fms_tensor *tensor)
{
	return tensor->tensor.size;
}

void *
fms_tensor_data(fms_tensor *tensor)
{
	return tensor->tensor.data;
}

int
fms_writer_open(fms_writer **writer, int fd, const char *name, const char *tool, const char *version, const char *options)
{
	fms_writer *new = memory_zeroed(1, sizeof *new);
	Status status = STATUS_OK;

	*writer = new;
	new->fd = fd;
	new->name = memory_text(name);
	new->tool = memory_text(tool);
	new->version = memory_text(version);
	if (options)
		status = json_parse(&new->options, options, strlen(options), "options");
	else
		new->options = json_object();
	if (status == STATUS_OK && !json_is_object(new->options))
		status = fail(STATUS_USAGE, "options are not a JSON object");
	return keep_error(&new->error, status);
}

static json_t *
make_history(const fms_writer *writer)
{
	json_t *inputs = writer->reader ? reader_inputs(&writer->reader->reader, "stdin") : NULL;
	json_t *history = history_make(writer->tool, json_incref(writer->options), NULL, NULL, inputs);

	json_object_set_new(json_array_get(history, 0), "version", json_string(writer->version));
	return history;
}

/* Describing comes first, once; the first record's history knows no more of its input than is known then. */
static Status
describe(fms_writer *writer)
{
	if (writer->is_described)
		return fail(STATUS_USAGE, "the stream has been described already");
	writer->is_described = true;
	return STATUS_OK;
}

static void
begin_history(fms_writer *writer)
{
	json_decref(writer->about.history);
	writer->about.history = make_history(writer);
}

int
fms_writer_like(fms_writer *writer, const fms_reader *reader)
{
	Status status = reader->reader.state ? describe(writer) : fail(STATUS_USAGE, "the stream to be like is not open");

	if (status == STATUS_OK) {
		about_copy(&writer->about, &reader->reader.about);
		writer->reader = reader;
		begin_history(writer);
	}
	return keep_error(&writer->error, status);
}

int
fms_writer_pictures(fms_writer *writer, uint32_t height, uint32_t width, uint32_t channels)
{
	Status status = STATUS_OK;

	if (height - 1 >= STREAM_SIDE_MOST || width - 1 >= STREAM_SIDE_MOST ||
	    channels - 1 >= STREAM_CHANNELS_MOST)
		status = fail(STATUS_USAGE, "pictures of %ux%ux%u can't be streamed", height, width, channels);
	if (status == STATUS_OK)
		status = describe(writer);
	if (status == STATUS_OK) {
		about_init(&writer->about, height, width, channels);
		begin_history(writer);
	}
	return keep_error(&writer->error, status);
}

static Status
may_describe(const fms_writer *writer)
{
	if (!writer->is_described || writer->is_begun)
		return fail(STATUS_USAGE, "tensors and classes come after the pictures and before the first record");
	return STATUS_OK;
}

int
fms_writer_classes(fms_writer *writer, uint32_t count, const char *const *names)
{
	Status status = may_describe(writer);

	return keep_error(&writer->error, status < 0 ? status : about_set_classes(&writer->about, count, names));
}

int
fms_writer_tensor(fms_writer *writer, const char *name, const char *dtype, int rank, const uint64_t *shape)
{
	Status status = may_describe(writer);
	Dtype type = dtype_from_name(dtype);

	if (status == STATUS_OK && (type == DTYPE_COUNT || rank < 0 || rank >= TENSOR_RANK_MOST))
		status = fail(STATUS_USAGE, "tensor \"%s\": unknown dtype \"%s\" or bad rank", name, dtype);
	return keep_error(&writer->error, status < 0 ? status : about_add_column(&writer->about, name, type, rank, shape));
}

static Status
begin(fms_writer *writer)
{
	if (writer->is_begun)
		return STATUS_OK;
	if (!writer->is_described)
		return fail(STATUS_USAGE, "the stream has not been described");
	writer->is_begun = true;
	return writer_open(&writer->writer, writer->fd, writer->name, &writer->about);
}

int
fms_writer_send(fms_writer *writer, const fms_record *record)
{
	Status status = begin(writer);

	return keep_error(&writer->error, status < 0 ? status : writer_send(&writer->writer, &record->record));
}

int
fms_writer_finish(fms_writer *writer)
{
	Status status = begin(writer);

	if (status == STATUS_OK) {
		json_t *history = make_history(writer);

		status = writer_finish(&writer->writer, history);
		json_decref(history);
	}
	return keep_error(&writer->error, status);
}

const char *
fms_writer_error(const fms_writer *writer)
{
	return writer->error ? writer->error : "";
}

void
fms_writer_close(fms_writer *writer)
{
	if (!writer)
		return;
	writer_close(&writer->writer);
	about_release(&writer->about);
	json_decref(writer->options);
	free(writer->name);
	free(writer->tool);
	free(writer->version);
	free(writer->error);
	free(writer);
}
