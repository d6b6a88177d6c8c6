/* Any bytes are a MAT-file of pictures and digits or an error; whatever is sent has a digit's label. */
#include "source/mat_source.h"

#include "memory_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Bytes images, labels;
	Source source;
	Record record;

	if (bytes_open(&images, memory_file(data, size), "mat", NULL) < 0)
		return 0;
	if (bytes_open(&labels, memory_file(data, size), "mat", NULL) < 0)
		abort();
	if (mat_source_open(&source, &images, &labels, 0) < 0)
		return 0;
	while (source_next(&source, &record) > 0) {
		const int32_t *label = (const int32_t *)record_find(&record, "label")->data;

		for (uint64_t i = 0; i < record.n; i++)
			if (label[i] < 0 || label[i] > 9)
				abort();
	}
	source_close(&source);
	return 0;
}
