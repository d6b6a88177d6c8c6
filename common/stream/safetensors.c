/* stream/safetensors.c: headers in and out; nothing of what they claim is believed before it is checked. */
#include "stream/safetensors.h"

#include "json/canonical.h"
#include "memory.h"
#include "stream/record.h"

#include <inttypes.h>
#include <stdio.h>

static Status
parse_metadata(Safetensors *file, json_t *metadata, const char *what)
{
	const char *key;
	json_t *value;

	if (!json_is_object(metadata))
		return fail(STATUS_INPUT, "%s: __metadata__ is not an object", what);
	json_object_foreach(metadata, key, value) {
		if (!json_is_string(value))
			return fail(STATUS_INPUT, "%s: __metadata__ \"%s\" is not a string", what, key);
	}
	file->metadata = json_incref(metadata);
	return STATUS_OK;
}

static bool
read_size(const json_t *value, uint64_t *size)
{
	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return false;
	*size = (uint64_t)json_integer_value(value);
	return true;
}

static Status
parse_shape(Tensor *tensor, const json_t *shape, const char *what)
{
	size_t rank = json_array_size(shape);

	if (!json_is_array(shape))
		return fail(STATUS_INPUT, "%s: tensor \"%s\" has no shape", what, tensor->name);
	if (rank > TENSOR_RANK_MOST)
		return fail(STATUS_INPUT, "%s: tensor \"%s\" has %zu dimensions, more than %d", what, tensor->name, rank,
			    TENSOR_RANK_MOST);
	tensor->rank = (int)rank;
	tensor->size = dtype_size(tensor->dtype);
	for (size_t i = 0; i < rank; i++) {
		if (!read_size(json_array_get(shape, i), &tensor->shape[i]))
			return fail(STATUS_INPUT, "%s: tensor \"%s\": dimension %zu is not a whole number", what,
				    tensor->name, i);
		if (__builtin_mul_overflow(tensor->size, tensor->shape[i], &tensor->size))
			return fail(STATUS_INPUT, "%s: tensor \"%s\": its size overflows", what, tensor->name);
	}
	return STATUS_OK;
}

/* *begin is where the tensor says that its bytes are; the shape must fill them. */
static Status
parse_offsets(const Tensor *tensor, const json_t *offsets, uint64_t *begin, const char *what)
{
	uint64_t end;

	if (json_array_size(offsets) != 2 || !read_size(json_array_get(offsets, 0), begin) ||
	    !read_size(json_array_get(offsets, 1), &end) || end < *begin)
		return fail(STATUS_INPUT, "%s: tensor \"%s\": data_offsets are not [begin,end]", what, tensor->name);
	if (end - *begin != tensor->size)
		return fail(STATUS_INPUT, "%s: tensor \"%s\": %" PRIu64 " bytes of data, its shape needs %zu", what,
			    tensor->name, end - *begin, tensor->size);
	return STATUS_OK;
}

typedef struct Placed {
	Tensor tensor;
	uint64_t begin;
	size_t order; /* in the header */
} Placed;

static Status
parse_tensor(Placed *placed, const char *name, const json_t *object, const char *what)
{
	Tensor *tensor = &placed->tensor;
	const char *dtype = json_string_value(json_object_get(object, "dtype"));
	const char *key;
	json_t *value;

	tensor->name = name;
	if (!json_is_object(object) || !dtype)
		return fail(STATUS_INPUT, "%s: tensor \"%s\" has no dtype", what, name);
	json_object_foreach((json_t *)object, key, value) {
		if (strcmp(key, "dtype") != 0 && strcmp(key, "shape") != 0 && strcmp(key, "data_offsets") != 0)
			return fail(STATUS_INPUT, "%s: tensor \"%s\" has the unknown key \"%s\"", what, name, key);
	}
	tensor->dtype = dtype_from_name(dtype);
	if (tensor->dtype == DTYPE_COUNT)
		return fail(STATUS_INPUT, "%s: tensor \"%s\" has the unknown dtype \"%s\"", what, name, dtype);
	Status status = parse_shape(tensor, json_object_get(object, "shape"), what);
	if (status < 0)
		return status;
	return parse_offsets(tensor, json_object_get(object, "data_offsets"), &placed->begin, what);
}

/* An empty tensor goes before the one that begins where it does; several in the header's order. */
static int
by_offset(const void *left, const void *right)
{
	const Placed *a = left, *b = right;

	if (a->begin != b->begin)
		return a->begin < b->begin ? -1 : 1;
	if (!a->tensor.size != !b->tensor.size)
		return a->tensor.size ? 1 : -1;
	return a->order < b->order ? -1 : a->order > b->order;
}

/* Contiguous from 0: a tensor begins where the one before it ends. */
static Status
check_contiguous(Safetensors *file, Placed *placed, const char *what)
{
	uint64_t at = 0;

	qsort(placed, file->tensor_count, sizeof *placed, by_offset);
	for (size_t i = 0; i < file->tensor_count; i++) {
		if (placed[i].begin != at)
			return fail(STATUS_INPUT, "%s: tensor \"%s\" begins at byte %" PRIu64 " of the data, not at %" PRIu64
				    ": %s", what, placed[i].tensor.name, placed[i].begin, at,
				    placed[i].begin < at ? "they overlap" : "there is a gap");
		at += placed[i].tensor.size; /* can't overflow: both offsets fit a json_int_t */
	}
	file->data_size = at;
	return STATUS_OK;
}

static Status
parse_tensors(Safetensors *file, Placed *placed, json_t *header, const char *what)
{
	const char *key;
	json_t *value;
	size_t count = 0;

	json_object_foreach(header, key, value) {
		if (!strcmp(key, "__metadata__"))
			continue;
		placed[count].order = count;
		Status status = parse_tensor(&placed[count++], key, value, what);
		if (status < 0)
			return status;
	}
	file->tensor_count = count;
	return check_contiguous(file, placed, what);
}

/* Names point into the JSON until here; from here on they are the file's own. */
static void
keep_tensors(Safetensors *file, const Placed *placed)
{
	file->tensors = memory_zeroed(file->tensor_count, sizeof *file->tensors);
	for (size_t i = 0; i < file->tensor_count; i++) {
		file->tensors[i] = placed[i].tensor;
		file->tensors[i].name = memory_text(placed[i].tensor.name);
	}
}

static Status
parse_header(Safetensors *file, json_t *header, const char *what)
{
	json_t *metadata = json_object_get(header, "__metadata__");

	if (!json_is_object(header))
		return fail(STATUS_INPUT, "%s: the header is not a JSON object", what);
	if (metadata) {
		Status status = parse_metadata(file, metadata, what);
		if (status < 0)
			return status;
	}
	Placed *placed = memory_zeroed(json_object_size(header), sizeof *placed);
	Status status = parse_tensors(file, placed, header, what);
	if (status == STATUS_OK)
		keep_tensors(file, placed);
	free(placed);
	return status;
}

Status
safetensors_parse(Safetensors *file, const char *header, size_t length, const char *what)
{
	json_t *json;
	Status status;

	*file = (Safetensors){ 0 };
	if (length > STREAM_HEADER_MOST)
		return fail(STATUS_INPUT, "%s: a header of %zu bytes, more than %d", what, length, STREAM_HEADER_MOST);
	status = json_parse(&json, header, length, "the header");
	if (status < 0)
		return fail_in(status, "%s", what);
	status = parse_header(file, json, what);
	json_decref(json);
	if (status < 0) {
		json_decref(file->metadata);
		*file = (Safetensors){ 0 };
		return status;
	}
	if (!file->metadata)
		file->metadata = json_object();
	return STATUS_OK;
}

void
safetensors_place(Safetensors *file, uint8_t *data)
{
	for (size_t i = 0; i < file->tensor_count; i++) {
		file->tensors[i].data = data;
		data += file->tensors[i].size;
	}
}

static json_t *
tensor_json(const Tensor *tensor, uint64_t begin)
{
	json_t *shape = json_array();

	for (int i = 0; i < tensor->rank; i++)
		json_array_append_new(shape, json_integer((json_int_t)tensor->shape[i]));
	return json_pack("{s:s, s:o, s:[I,I]}", "dtype", dtype_name(tensor->dtype), "shape", shape, "data_offsets",
			 (json_int_t)begin, (json_int_t)(begin + tensor->size));
}

char *
safetensors_header(const json_t *metadata, const Tensor *tensors, size_t count, size_t *length)
{
	json_t *header = json_object();
	uint64_t at = 0, size;
	size_t text_length;

	json_object_set(header, "__metadata__", (json_t *)metadata);
	for (size_t i = 0; i < count; i++) {
		json_object_set_new(header, tensors[i].name, tensor_json(&tensors[i], at));
		at += tensors[i].size;
	}
	char *text = json_canonical(header, &text_length);
	json_decref(header);

	size = (text_length + 7) / 8 * 8;
	char *bytes = memory_grow(NULL, 8 + size, 1);
	memcpy(bytes, &size, 8);
	memcpy(bytes + 8, text, text_length);
	memset(bytes + 8 + text_length, ' ', size - text_length);
	free(text);
	*length = 8 + size;
	return bytes;
}

void
safetensors_release(Safetensors *file)
{
	for (size_t i = 0; i < file->tensor_count; i++)
		free((char *)file->tensors[i].name);
	free(file->tensors);
	json_decref(file->metadata);
	*file = (Safetensors){ 0 };
}
