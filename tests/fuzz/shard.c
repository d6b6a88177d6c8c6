/* Any path, label and tar are samples or an error: a key is part of its path, a label is a class, a sample has a picture. */
#include "memory.h"
#include "source/shards.h"

#include "memory_file.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
read_name(const char *text)
{
	const char *path = shard_path(text);
	ShardName name;

	if (!shard_name_parse(path, &name))
		return;
	if (!name.key || path[name.key] != '.' || strchr(path + name.key, '/') || path[name.key - 1] == '/')
		abort();
}

static void
read_label(const char *text)
{
	static char *const names[] = { (char *)"cat", (char *)"7", (char *)"ü" };
	Labels known, met;
	int32_t label, *final;
	uint32_t count;
	char **classes;

	labels_init(&met);
	labels_init_known(&known, 3, names, "names");
	if (labels_find(&known, text, &label) >= 0 && (label < -1 || label > 2))
		abort();
	if (labels_find(&met, text, &label) >= 0 && label >= 0) {
		labels_settle(&met, &count, &classes, &final);
		if (final[label] < 0 || (uint32_t)final[label] >= count)
			abort();
		for (uint32_t i = 0; i < count; i++)
			free(classes[i]);
		free(classes);
		free(final);
	}
	labels_release(&met);
	labels_release(&known);
}

static void
read_shard(const uint8_t *data, size_t size)
{
	char path[32], *operands[] = { path };
	int fd = memory_file(data, size);
	Shards shards;
	Job job = { 0 };

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (shards_open(&shards, operands, 1, &(DownloadManners){ 0 }) < 0)
		abort();
	labels_init(&shards.labels);
	while (shards_next(&shards, &job) > 0) {
		if (!job.name || !job.place || (!job.reason && !job.data) || job.label < -1)
			abort();
		job_release(&job);
	}
	shards_close(&shards);
	close(fd);
}

/* The first byte says which: a path, a label, a tar. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	char *text = strndup((const char *)data + 1, size - 1);

	if (!text)
		abort();
	if (data[0] == 'n')
		read_name(text);
	else if (data[0] == 'l')
		read_label(text);
	else
		read_shard(data + 1, size - 1);
	free(text);
	return 0;
}
