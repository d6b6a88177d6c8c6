/* webdataset.c: a stream as a tar: KEY.png and, where it has a label, KEY.cls with the class's number. */
#include "export/sink.h"

#include "cli/atomic.h"
#include "export/archive.h"
#include "export/keys.h"
#include "export/path.h"
#include "export/png.h"
#include "memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

typedef struct WebDataset {
	AtomicFile file;
	ArchiveFile archive;
	Encoder encoder;
	char **classes;
	Keys keys; /* of the samples that were written */
	uint64_t number;
} WebDataset;

static Status
webdataset_open(Sink *sink)
{
	WebDataset *set = sink->state = memory_zeroed(1, sizeof *set);
	const char *name = sink->target ? sink->target : "standard output";

	set->file = (AtomicFile){ .fd = STDOUT_FILENO, .slot = -1 };
	Status status = encoder_init(&set->encoder, sink->about);
	if (status >= 0)
		status = path_classes(sink->about, &set->classes);
	if (status >= 0 && sink->target)
		status = atomic_open(&set->file, sink->target);
	return status < 0 ? status : archive_begin(&set->archive, ARCHIVE_TAR, set->file.fd, name);
}

/* A key ends at the first dot of its last component. */
static void
replace_dots(char *key)
{
	for (char *at = strrchr(key, '/') ? strrchr(key, '/') : key; *at; at++)
		if (*at == '.')
			*at = '_';
}

/* Of a stream without names the position, so that keys are as many as samples. */
static char *
key_of(WebDataset *set, const Sample *sample)
{
	char *key;

	if (sample->name_length) {
		key = path_of_sample(sample, set->classes);
		replace_dots(key);
		return key;
	}
	key = memory_zeroed(32, 1);
	snprintf(key, 32, "%09" PRIu64, set->number);
	return key;
}

/*
 * Readers take neighbours of one key for one sample, and unpacking keeps one file of a name: the later one gets its id as
 * well, as in a folder of pictures.
 *
 * @param key  out: malloced
 */
static Status
unique_key(WebDataset *set, const Sample *sample, char **key)
{
	char *longer;

	*key = key_of(set, sample);
	Status status = keys_add(&set->keys, *key);
	if (status)
		return status;
	longer = memory_zeroed(strlen(*key) + 32, 1);
	sprintf(longer, "%s-%" PRId64, *key, sample->id);
	free(*key);
	*key = longer;
	status = keys_add(&set->keys, longer);
	return status ? status : fail(STATUS_INPUT, "%s would be written twice: more than one sample has this name and id", longer);
}

static Status
add_member(WebDataset *set, const char *key, const char *suffix, const void *data, size_t size)
{
	char *path = memory_zeroed(strlen(key) + strlen(suffix) + 1, 1);

	strcat(strcpy(path, key), suffix);
	Status status = archive_add(&set->archive, path, data, size);
	free(path);
	return status;
}

static Status
add_sample(WebDataset *set, const Sample *sample)
{
	char label[16], *key;
	int length = snprintf(label, sizeof label, "%d", (int)sample->label);
	Status status = unique_key(set, sample, &key);

	if (status >= 0)
		status = encoder_run(&set->encoder, sample->pixels);
	if (status >= 0)
		status = add_member(set, key, ".png", set->encoder.bytes, set->encoder.size);
	if (status >= 0 && sample->label >= 0)
		status = add_member(set, key, ".cls", label, (size_t)length);
	set->number++;
	free(key);
	return status;
}

static Status
webdataset_add(Sink *sink, const Record *record)
{
	Status status = STATUS_OK;
	for (uint64_t i = 0; i < record->n && status >= 0; i++) {
		Sample sample = sample_of(record, i);
		status = add_sample(sink->state, &sample);
	}
	return status;
}

static Status
webdataset_finish(Sink *sink)
{
	WebDataset *set = sink->state;
	Status status = archive_finish(&set->archive);
	return status >= 0 && sink->target ? atomic_commit(&set->file) : status;
}

static void
webdataset_close(Sink *sink)
{
	WebDataset *set = sink->state;
	archive_drop(&set->archive);
	if (sink->target)
		atomic_abandon(&set->file);
	encoder_release(&set->encoder);
	path_classes_release(sink->about, set->classes);
	keys_release(&set->keys);
	free(set);
}

const SinkTable sink_webdataset = { webdataset_open, webdataset_add, webdataset_finish, webdataset_close };
