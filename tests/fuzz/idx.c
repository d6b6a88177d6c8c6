/* Any bytes, packed or not, are a pair of IDX files, an archive of them, or an error; whatever is sent fits its header. */
#include "source/files.h"
#include "source/idx_source.h"

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

static void
read_all(Bytes *images, Bytes *labels)
{
	const IdxTraits traits = { .first_label = 0 };
	Source source;
	Record record;

	if (idx_source_open(&source, images, labels, &traits) < 0)
		return;
	while (source_next(&source, &record) > 0)
		require_fit(&source, &record);
	source_close(&source);
}

static void
read_pair(const uint8_t *one, size_t one_size, const uint8_t *other, size_t other_size)
{
	Bytes images, labels;

	if (bytes_open(&images, memory_file(one, one_size), "one", NULL) < 0)
		return;
	if (bytes_open(&labels, memory_file(other, other_size), "other", NULL) < 0)
		bytes_close(&images);
	else
		read_all(&images, &labels);
}

static void
read_files(const uint8_t *data, size_t size)
{
	Files files;

	if (files_open(&files, memory_file(data, size), "archive", NULL) < 0)
		return;
	for (size_t i = 0; i < files.count && i < 4; i++) {
		Bytes bytes;

		if (files_read(&files, i, &bytes) >= 0)
			read_all(&bytes, NULL);
	}
	files_close(&files);
}

/* The first byte says where the second file begins; 255: one file, maybe an archive. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	size_t cut = data[0] < size - 1 ? data[0] : size - 1;

	if (data[0] == 255)
		read_files(data + 1, size - 1);
	else
		read_pair(data + 1, cut, data + 1 + cut, size - 1 - cut);
	return 0;
}
