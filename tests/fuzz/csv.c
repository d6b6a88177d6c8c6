/* Any bytes are lines of CSV or an error; whatever is sent has a label that is a class. */
#include "source/csv_source.h"

#include "memory_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require_fit(const Source *source, const Record *record)
{
	const int32_t *label = (const int32_t *)record_find(record, "label")->data;

	for (uint64_t i = 0; i < record->n; i++)
		if (label[i] < -1 || label[i] >= (int32_t)source->about.class_count)
			abort();
}

/* The first byte: the width that is asked for, or 0. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const IdxTraits traits = { .first_id = 0 };
	Bytes bytes, labels;
	Source source;
	Record record;

	if (!size)
		return 0;
	const Form form = { .height = data[0] ? 1 : 0, .width = data[0] };

	if (bytes_open(&bytes, memory_file(data + 1, size - 1), "csv", NULL) < 0)
		return 0;
	if (bytes_open(&labels, memory_file(data + 1, size - 1), "csv", NULL) < 0)
		abort();
	if (csv_source_open(&source, &bytes, &labels, &form, &traits) < 0)
		return 0;
	while (source_next(&source, &record) > 0)
		require_fit(&source, &record);
	source_close(&source);
	return 0;
}
