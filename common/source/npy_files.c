/* source/npy_files.c: NumPy's arrays. */
#include "source/array_source.h"
#include "source/file_kinds.h"
#include "source/splits.h"

#include <string.h>
#include <unistd.h>

typedef struct NpyPlace {
	const Files *files;
	IdxPair pairs[4]; /* by Split */
} NpyPlace;

static bool
npy_has(const void *place, Split split)
{
	return ((const NpyPlace *)place)->pairs[split].images != NO_FILE;
}

static Status
open_array(const Files *files, size_t index, Array *array)
{
	Status status = files_read(files, index, &array->bytes);

	if (status >= 0 && (status = npy_header_read(&array->bytes, &array->header)) < 0)
		bytes_close(&array->bytes);
	return status;
}

static Status
npy_open(void *context, Split split, int64_t first_id, Source *source)
{
	const NpyPlace *place = context;
	const IdxTraits traits = { .first_id = first_id };
	IdxPair pair = place->pairs[split];
	Array images = { 0 }, labels = { 0 };
	Status status = open_array(place->files, pair.images, &images);

	if (status >= 0 && pair.labels != NO_FILE && (status = open_array(place->files, pair.labels, &labels)) < 0)
		bytes_close(&images.bytes);
	return status < 0 ? status : array_source_open(source, &images, &labels, &traits);
}

/* "images", "x_train": pictures; "labels", "y_test": labels. */
static bool
is_array(const char *path, const char *word, char letter)
{
	const char *base = path_base(path);

	return path_has_suffix(base, ".npy") && (strstr(base, word) || (base[0] == letter && (base[1] == '_' || base[1] == '.')));
}

/* A single file, whatever it is called. */
static bool
is_one_by_start(const Files *files)
{
	char start[NPY_MAGIC_SIZE];

	return files->is_single && pread(files->fd, start, sizeof start, 0) == sizeof start &&
	       !memcmp(start, NPY_MAGIC, NPY_MAGIC_SIZE);
}

/* @return how many images there are */
static Status
find_npy(const Files *files, IdxPair pairs[static 4])
{
	Status found = 0;

	for (int i = 0; i <= SPLIT_ANY; i++)
		pairs[i] = (IdxPair){ NO_FILE, NO_FILE };
	if (files->is_single) {
		pairs[SPLIT_ANY].images = is_one_by_start(files) ? 0 : NO_FILE;
		return pairs[SPLIT_ANY].images == 0;
	}
	for (size_t i = 0; i < files->count; i++) {
		const char *path = files->paths[i];
		IdxPair *pair = &pairs[split_of_path(path, strlen(path))];
		bool is_images = is_array(path, "images", 'x');
		size_t *place = is_images ? &pair->images : is_array(path, "labels", 'y') ? &pair->labels : NULL;

		if (place && *place != NO_FILE)
			return fail(STATUS_INPUT, "%s: more than one data set in it: %s and %s", files->name,
				    files->paths[*place], path);
		if (place)
			*place = i;
		found += is_images;
	}
	return found;
}

Status
npy_files_open(Source *source, const Files *files, SourceRequest *request)
{
	NpyPlace place = { .files = files };
	const Splits splits = { files->name, "NumPy arrays", &place, npy_has, npy_open };
	Status status = find_npy(files, place.pairs);

	if (status > 0 && (status = splits_open(&splits, &request->split, source)) >= 0)
		return 1;
	return status;
}
