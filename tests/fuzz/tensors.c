/* Any bytes are a safetensors file of images and labels or an error; whatever is sent has a label that is a class. */
#include "source/tensors_source.h"

#include "memory_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Bytes images, labels;
	Source source;
	Record record;

	if (bytes_open(&images, memory_file(data, size), "tensors", NULL) < 0)
		return 0;
	if (bytes_open(&labels, memory_file(data, size), "tensors", NULL) < 0)
		abort();
	if (tensors_source_open(&source, &images, &labels, &(IdxTraits){ 0 }) < 0)
		return 0;
	while (source_next(&source, &record) > 0) {
		const int32_t *label = (const int32_t *)record_find(&record, "label")->data;

		for (uint64_t i = 0; i < record.n; i++)
			if (label[i] < -1 || label[i] >= (int32_t)source.about.class_count)
				abort();
	}
	source_close(&source);
	return 0;
}
