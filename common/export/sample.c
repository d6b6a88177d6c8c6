#include "export/sample.h"

#include <string.h>

size_t
picture_size(const About *about)
{
	return (size_t)about->height * about->width * about->channels;
}

Sample
sample_of(const Record *record, uint64_t row)
{
	const Tensor *image = record_find(record, "image"), *label = record_find(record, "label");
	const Tensor *id = record_find(record, "id"), *name = record_find(record, "name");
	Sample sample = { .label = -1, .epoch = record->epoch };

	sample.pixels = image->data + row * tensor_row_size(image);
	if (label)
		memcpy(&sample.label, label->data + row * sizeof sample.label, sizeof sample.label);
	if (id)
		memcpy(&sample.id, id->data + row * sizeof sample.id, sizeof sample.id);
	if (name) {
		sample.name = (const char *)name->data + row * tensor_row_size(name);
		sample.name_length = strnlen(sample.name, tensor_row_size(name));
	}
	return sample;
}
