/* source/cifar_files.c: CIFAR-10's and CIFAR-100's binary files, by the names that they are published under. */
#include "memory.h"
#include "source/cifar_source.h"
#include "source/file_kinds.h"
#include "source/samples.h"
#include "source/splits.h"

#include <stdio.h>
#include <string.h>

typedef struct CifarPlace {
	const Files *files;
	size_t train[CIFAR_BATCHES_MOST + 1]; /* by batch number; CIFAR-100 has only 1 */
	size_t train_count, test;	      /* NO_FILE */
	size_t names;			      /* the file with the classes' names; NO_FILE */
	bool is_hundred;
} CifarPlace;

/* Apart from how it is packed. */
static bool
is_file(const char *path, const char *name)
{
	const char *base = path_base(path);

	return !strncmp(base, name, strlen(name)) && path_has_suffix(base, strrchr(name, '.'));
}

/* "data_batch_3.bin": 3; 0: none of these */
static size_t
batch_number(const char *path)
{
	static const char start[] = "data_batch_";
	const char *base = path_base(path);
	size_t number = 0;

	if (strncmp(base, start, sizeof start - 1) != 0 || !path_has_suffix(base, ".bin"))
		return 0;
	for (const char *c = base + sizeof start - 1; *c >= '0' && *c <= '9' && number <= CIFAR_BATCHES_MOST; c++)
		number = number * 10 + (size_t)(*c - '0');
	return number <= CIFAR_BATCHES_MOST ? number : 0;
}

static Status
note(const Files *files, size_t *place, size_t file)
{
	if (*place != NO_FILE)
		return fail(STATUS_INPUT, "%s: more than one data set in it: %s and %s; give one of them", files->name,
			    files->paths[*place], files->paths[file]);
	*place = file;
	return STATUS_OK;
}

static Status
look_at(CifarPlace *place, size_t file)
{
	const char *path = place->files->paths[file];
	size_t batch = place->is_hundred ? is_file(path, "train.bin") : batch_number(path);

	if (is_file(path, place->is_hundred ? "fine_label_names.txt" : "batches.meta.txt"))
		return note(place->files, &place->names, file);
	if (is_file(path, place->is_hundred ? "test.bin" : "test_batch.bin"))
		return note(place->files, &place->test, file);
	if (!batch)
		return STATUS_OK;
	place->train_count = batch > place->train_count ? batch : place->train_count;
	return note(place->files, &place->train[batch], file);
}

/* @return 1 there are such files, 0 there are none */
static Status
find(CifarPlace *place, const Files *files, bool is_hundred)
{
	*place = (CifarPlace){ .files = files, .test = NO_FILE, .names = NO_FILE, .is_hundred = is_hundred };
	for (size_t i = 0; i <= CIFAR_BATCHES_MOST; i++)
		place->train[i] = NO_FILE;
	for (size_t i = 0; i < files->count; i++) {
		Status status = look_at(place, i);

		if (status < 0)
			return status;
	}
	for (size_t i = 1; i <= place->train_count; i++)
		if (place->train[i] == NO_FILE && !files->is_single)
			return fail(STATUS_INPUT, "%s: data_batch_%zu.bin is missing, there are others up to %zu", files->name, i,
				    place->train_count);
	/* other things are called train.bin, too */
	if (is_hundred && place->names == NO_FILE && !files->is_single)
		return 0;
	return place->train_count > 0 || place->test != NO_FILE;
}

static bool
cifar_has(const void *context, Split split)
{
	const CifarPlace *place = context;

	if (place->files->is_single)
		return split == SPLIT_ANY;
	return split == SPLIT_TEST ? place->test != NO_FILE : split == SPLIT_TRAIN && place->train_count > 0;
}

/* ---- opening ---- */

static Status
name_classes(const CifarPlace *place, CifarSet *set)
{
	Bytes bytes;

	if (place->names != NO_FILE) {
		Status status = files_read(place->files, place->names, &bytes);

		if (status < 0)
			return status;
		status = cifar_names_read(&bytes, &set->class_count, &set->classes);
		bytes_close(&bytes);
		return status;
	}
	set->class_count = place->is_hundred ? 100 : 10;
	set->classes = memory_zeroed(set->class_count, sizeof *set->classes);
	for (uint32_t i = 0; i < set->class_count; i++)
		if (asprintf(&set->classes[i], "%u", i) < 0)
			abort();
	return STATUS_OK;
}

static Status
open_batch(const CifarPlace *place, CifarSet *set, size_t file)
{
	if (file == NO_FILE) /* of a single file only its own number is there */
		return STATUS_OK;
	return files_read(place->files, file, &set->batches[set->count++]);
}

static Status
open_batches(const CifarPlace *place, CifarSet *set, Split split)
{
	Status status = STATUS_OK;

	if (split != SPLIT_TRAIN && place->test != NO_FILE)
		return open_batch(place, set, place->test);
	for (size_t i = 1; i <= place->train_count && status >= 0; i++)
		status = open_batch(place, set, place->train[i]);
	return status;
}

static void
release(CifarSet *set)
{
	for (size_t i = 0; i < set->count; i++)
		bytes_close(&set->batches[i]);
	for (uint32_t i = 0; i < set->class_count; i++)
		free(set->classes[i]);
	free(set->classes);
}

static Status
cifar_open(void *context, Split split, int64_t first_id, Source *source)
{
	const CifarPlace *place = context;
	CifarSet set = { .label_bytes = place->is_hundred ? 2 : 1 };
	Status status = name_classes(place, &set);

	if (status >= 0)
		status = open_batches(place, &set, split);
	if (status >= 0)
		status = cifar_source_open(source, &set, first_id);
	release(&set);
	return status;
}

Status
cifar_files_open(Source *source, const Files *files, SourceRequest *request)
{
	CifarPlace place;
	const Splits splits = { files->name, "CIFAR's batches", &place, cifar_has, cifar_open };
	Status status = find(&place, files, false);

	if (!status)
		status = find(&place, files, true);
	if (status > 0 && (status = splits_open(&splits, &request->split, source)) >= 0)
		return 1;
	return status;
}

bool
is_cifar_name(const char *base)
{
	return batch_number(base) || is_file(base, "test_batch.bin") || is_file(base, "batches.meta.txt") ||
	       is_file(base, "train.bin") || is_file(base, "test.bin") || is_file(base, "fine_label_names.txt");
}
