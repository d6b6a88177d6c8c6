/* Any bytes are CIFAR's batches, names of classes, or an error; whatever is sent has a label that is a class. */
#include "source/cifar_source.h"

#include "memory_file.h"

#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
read_names(const uint8_t *data, size_t size)
{
	Bytes bytes;
	uint32_t count;
	char **names;

	if (bytes_open(&bytes, memory_file(data, size), "names", NULL) < 0)
		return;
	if (cifar_names_read(&bytes, &count, &names) >= 0 && (!count || count > 256))
		abort();
	for (uint32_t i = 0; i < count; i++)
		free(names[i]);
	free(names);
	bytes_close(&bytes);
}

static void
read_all(CifarSet *set)
{
	Source source;
	Record record;

	if (cifar_source_open(&source, set, 0) < 0)
		return;
	while (source_next(&source, &record) > 0) {
		const int32_t *label = (const int32_t *)record_find(&record, "label")->data;

		for (uint64_t i = 0; i < record.n; i++)
			if (label[i] < 0 || label[i] >= (int32_t)source.about.class_count)
				abort();
	}
	source_close(&source);
}

static void
read_batches(const uint8_t *data, size_t size, size_t label_bytes, uint32_t classes)
{
	char texts[16][4], *names[16];
	CifarSet set = { .label_bytes = label_bytes, .class_count = classes, .classes = names };

	for (uint32_t i = 0; i < classes; i++) {
		snprintf(texts[i], sizeof texts[i], "%u", i);
		names[i] = texts[i];
	}
	for (int i = 0; i < 2; i++) {
		if (bytes_open(&set.batches[set.count], memory_file(data, size), "batch", NULL) < 0) {
			for (size_t j = 0; j < set.count; j++)
				bytes_close(&set.batches[j]);
			return;
		}
		set.count++;
	}
	read_all(&set);
}

/* The first byte: n names; else a batch, with one label a picture or two, and some classes. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	if (data[0] == 'n')
		read_names(data + 1, size - 1);
	else
		read_batches(data + 1, size - 1, 1 + (data[0] >> 7), 1 + data[0] % 16);
	return 0;
}
