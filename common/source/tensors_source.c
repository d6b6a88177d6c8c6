/* source/tensors_source.c */
#include "source/tensors_source.h"

#include "memory.h"
#include "source/array_source.h"
#include "stream/record.h"
#include "stream/safetensors.h"

#include <inttypes.h>

bool
is_safetensors_start(const uint8_t *start, size_t size)
{
	uint64_t length = 0;

	if (size < 9)
		return false;
	for (int i = 7; i >= 0; i--)
		length = length << 8 | start[i];
	return length >= 2 && length <= STREAM_HEADER_MOST && start[8] == '{';
}

static Status
read_exactly(Bytes *bytes, void *data, size_t size)
{
	size_t got;
	Status status = bytes_read(bytes, data, size, &got);

	if (status >= 0 && got < size)
		return fail(STATUS_INPUT, "%s: not a safetensors file, or truncated within its header", bytes->name);
	return status;
}

static Status
read_header(Bytes *bytes, Safetensors *file)
{
	uint8_t start[9];
	uint64_t length;
	Status status = read_exactly(bytes, start, sizeof start);

	if (status < 0)
		return status;
	if (!is_safetensors_start(start, sizeof start))
		return fail(STATUS_INPUT, "%s: not a safetensors file: expected a header's length, at most %d, and a JSON object",
			    bytes->name, STREAM_HEADER_MOST);
	memcpy(&length, start, sizeof length);
	char *header = malloc(length);

	if (!header)
		return fail(STATUS_IO, "%s: no memory for its header of %" PRIu64 " bytes", bytes->name, length);
	header[0] = (char)start[8];
	if ((status = read_exactly(bytes, header + 1, length - 1)) >= 0)
		status = safetensors_parse(file, header, length, bytes->name);
	free(header);
	return status;
}

/* @return the tensor of one of these two names; NULL: none */
static const Tensor *
find(const Safetensors *file, const char *name, const char *more)
{
	for (size_t i = 0; i < file->tensor_count; i++)
		if (!strcmp(file->tensors[i].name, name) || !strcmp(file->tensors[i].name, more))
			return &file->tensors[i];
	return NULL;
}

/* 'u', 'i', 'f' or 'b', as in an array's header */
static char
kind_of(Dtype dtype)
{
	const char *name = dtype_name(dtype);

	return *name == 'U' ? 'u' : *name == 'I' ? 'i' : dtype == DTYPE_BOOL ? 'b' : 'f';
}

/* An array of bytes, which stand at the beginning of the data, and go to where the tensor is. */
static Status
go_to(Bytes *bytes, const Safetensors *file, const Tensor *tensor, Array *array)
{
	uint64_t offset = 0;

	*array = (Array){ .bytes = *bytes };
	*bytes = (Bytes){ 0 };
	for (const Tensor *before = file->tensors; before < tensor; before++)
		offset += before->size;
	array->behind = file->data_size - offset - tensor->size;
	array->header = (NpyHeader){ .kind = kind_of(tensor->dtype), .size = (uint32_t)dtype_size(tensor->dtype), .rank = tensor->rank };
	for (int i = 0; i < NPY_RANK_MOST; i++)
		array->header.shape[i] = i < tensor->rank ? tensor->shape[i] : 1;
	return array_skip(array, offset);
}

static Status
fail_images(const Bytes *bytes, const Safetensors *file)
{
	return fail(STATUS_INPUT, "%s: no tensor \"image\" or \"images\" among its %zu%s%s; is it a model? fm-predict -m takes those",
		    bytes->name, file->tensor_count, file->tensor_count ? ", such as " : "",
		    file->tensor_count ? file->tensors[0].name : "");
}

static Status
open_arrays(Source *source, Bytes *images, Bytes *labels, const Safetensors *file, const IdxTraits *traits)
{
	const Tensor *image = find(file, "images", "image"), *label = find(file, "labels", "label");
	Array image_array = { 0 }, label_array = { 0 };
	Safetensors again = { 0 };

	if (!image)
		return fail_images(images, file);
	Status status = go_to(images, file, image, &image_array);

	/* the same header, once more, to stand where the data begins */
	if (status >= 0 && label && (status = read_header(labels, &again)) >= 0) {
		label = find(&again, "labels", "label");
		status = label ? go_to(labels, &again, label, &label_array) :
				 fail(STATUS_INPUT, "%s: changed while it was read", image_array.bytes.name);
		safetensors_release(&again);
	}
	if (status >= 0)
		return array_source_open(source, &image_array, &label_array, traits);
	bytes_close(&image_array.bytes);
	bytes_close(&label_array.bytes);
	return status;
}

Status
tensors_source_open(Source *source, Bytes *images, Bytes *labels, const IdxTraits *traits)
{
	Safetensors file;
	Status status = read_header(images, &file);

	if (status >= 0) {
		status = open_arrays(source, images, labels, &file, traits);
		safetensors_release(&file);
	}
	bytes_close(images);
	bytes_close(labels);
	return status;
}
