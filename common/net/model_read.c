/* model_read.c: read a model or checkpoint. Metadata and shapes are checked before any memory for weights is asked for. */
#include "net/model.h"

#include "hash.h"
#include "net/model_parts.h"
#include "stream/record.h"
#include "stream/safetensors.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

/* Bytes asked for before any have come: a header may promise what the file doesn't hold. */
enum { DATA_AT_ONCE = 64 << 20 };

typedef struct Source {
	int fd;
	const char *name;
	Hash *hash;
	uint64_t at; /* bytes read */
} Source;

/* @return bytes read, less than size only at the end of the file; or STATUS_IO */
static Status
read_most(Source *source, void *data, size_t size, size_t *got)
{
	*got = 0;
	while (*got < size) {
		ssize_t n = read(source->fd, (char *)data + *got, size - *got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail_errno("%s", source->name);
		if (n == 0)
			break;
		*got += (size_t)n;
	}
	hash_update(source->hash, data, *got);
	source->at += *got;
	return STATUS_OK;
}

static Status
read_exactly(Source *source, void *data, size_t size, const char *what)
{
	size_t got;
	uint64_t begin = source->at;
	Status status = read_most(source, data, size, &got);

	if (!status && got < size)
		return fail(STATUS_INPUT, "%s ends at byte %" PRIu64 ", within its %s, which ends at byte %" PRIu64
			    "; it was cut short", source->name, source->at, what, begin + size);
	return status;
}

/* Grows with what is there, so that a promise of 2^60 bytes costs nothing. */
static Status
read_data(Source *source, uint64_t size, uint8_t **data)
{
	uint64_t have = 0;
	Status status = STATUS_OK;

	*data = NULL;
	do {
		uint64_t want = have ? 2 * have : DATA_AT_ONCE;
		uint8_t *grown;

		want = want > size ? size : want;
		grown = realloc(*data, want ? want : 1);
		if (!grown)
			status = fail_errno("%s: no memory for %" PRIu64 " bytes", source->name, want);
		else
			status = read_exactly(source, (*data = grown) + have, want - have, "data");
		have = want;
	} while (!status && have < size);
	return status;
}

static Status
read_header(Source *source, Safetensors *file)
{
	uint64_t length = 0;
	char *text;
	Status status = read_exactly(source, &length, sizeof length, "header length");

	if (status)
		return status;
	if (length < 2 || length > STREAM_HEADER_MOST)
		return fail(STATUS_INPUT, "%s is not a model: a safetensors header has 2 to %d bytes, this one %" PRIu64,
			    source->name, STREAM_HEADER_MOST, length);
	text = malloc(length);
	if (!text)
		return fail_errno("%s: no memory for a header of %" PRIu64 " bytes", source->name, length);
	status = read_exactly(source, text, length, "header");
	if (!status)
		status = safetensors_parse(file, text, length, source->name);
	free(text);
	return status;
}

static Status
read_tensors(Model *model, Source *source, Safetensors *file)
{
	uint8_t *data = NULL, beyond = 0;
	size_t got;
	Status status = read_data(source, file->data_size, &data);

	if (!status)
		status = read_most(source, &beyond, 1, &got);
	if (!status && got)
		status = fail(STATUS_INPUT, "%s goes on after byte %" PRIu64 ", where its last tensor ends", source->name,
			      source->at - 1);
	if (!status) {
		safetensors_place(file, data);
		status = model_take_weights(model, file, source->name);
	}
	if (!status)
		status = model_take_extra(model, file, source->name);
	free(data);
	return status;
}

static Status
read_all(Model *model, Source *source)
{
	Safetensors file;
	Status status = read_header(source, &file);

	if (status)
		return status;
	status = model_take_metadata(model, &file, source->name);
	if (!status)
		status = model_check_tensors(&model->net, &file, source->name);
	if (!status)
		status = read_tensors(model, source, &file);
	safetensors_release(&file);
	return status;
}

Status
model_read_fd(Model *model, int fd, const char *name)
{
	Source source = { .fd = fd, .name = name, .hash = hash_open() };
	Status status;

	*model = (Model){ 0 };
	status = read_all(model, &source);
	model->content = hash_value(source.hash);
	hash_close(source.hash);
	if (status)
		model_release(model);
	return status;
}

Status
model_read(Model *model, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	Status status;

	if (fd < 0)
		return fail_errno("%s", path);
	status = model_read_fd(model, fd, path);
	close(fd);
	return status;
}
