/* Any bytes are a NumPy header, arrays of images and labels, or an error. */
#include "source/array_source.h"

#include "memory_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
open_array(Array *array, const uint8_t *data, size_t size)
{
	*array = (Array){ 0 };
	if (bytes_open(&array->bytes, memory_file(data, size), "npy", NULL) < 0)
		return false;
	if (npy_header_read(&array->bytes, &array->header) >= 0)
		return true;
	bytes_close(&array->bytes);
	return false;
}

static void
read_arrays(const uint8_t *one, size_t one_size, const uint8_t *other, size_t other_size)
{
	const IdxTraits traits = { .first_id = 0 };
	Array images, labels;
	Source source;
	Record record;

	if (!open_array(&images, one, one_size))
		return;
	open_array(&labels, other, other_size);
	if (array_source_open(&source, &images, &labels, &traits) < 0)
		return;
	while (source_next(&source, &record) > 0)
		;
	source_close(&source);
}

/* The first byte says where the labels begin. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	size_t cut = data[0] < size - 1 ? data[0] : size - 1;

	read_arrays(data + 1, cut, data + 1 + cut, size - 1 - cut);
	return 0;
}
