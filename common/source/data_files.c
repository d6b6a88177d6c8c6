/* source/data_files.c: which kind of data set it is. */
#include "source/data_files.h"

#include "source/array_source.h"
#include "source/csv_source.h"
#include "cli/message.h"
#include "source/idx_source.h"
#include "source/picture_source.h"
#include "source/sets.h"
#include "source/splits.h"

#include <string.h>
#include <unistd.h>

/* ---- names ---- */

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Does the name end so, whatever it was packed with? */
static bool
has_suffix(const char *name, const char *suffix)
{
	static const char *const packed[] = { "", ".gz", ".bz2", ".xz", ".zst", ".lz4", NULL };
	size_t length = strlen(name), size = strlen(suffix);

	for (const char *const *extra = packed; *extra; extra++) {
		size_t more = size + strlen(*extra);

		if (length > more && !strncasecmp(name + length - more, suffix, size) &&
		    !strcasecmp(name + length - strlen(*extra), *extra))
			return true;
	}
	return false;
}

bool
data_file_is_wanted(const char *base)
{
	return strstr(base, "idx") || has_suffix(base, ".csv") || has_suffix(base, ".npy") || is_picture_name(base);
}

/* ---- IDX ---- */

typedef struct IdxPlace {
	const Files *files;
	IdxPair pairs[4]; /* by Split */
} IdxPlace;

static bool
idx_has(const void *place, Split split)
{
	return ((const IdxPlace *)place)->pairs[split].images != NO_FILE;
}

static Status
idx_open(void *context, Split split, int64_t first_id, Source *source)
{
	const IdxPlace *place = context;
	const IdxTraits traits = { .first_id = first_id };
	IdxPair pair = place->pairs[split];
	Bytes images, labels = { 0 };
	Status status = files_read(place->files, pair.images, &images);

	if (status >= 0 && pair.labels != NO_FILE && (status = files_read(place->files, pair.labels, &labels)) < 0)
		bytes_close(&images);
	return status < 0 ? status : idx_source_open(source, &images, pair.labels == NO_FILE ? NULL : &labels, &traits);
}

/* A single file, whatever it is called. */
static void
set_single(IdxPlace *place)
{
	for (int i = 0; i <= SPLIT_ANY; i++)
		place->pairs[i] = (IdxPair){ NO_FILE, NO_FILE };
	place->pairs[SPLIT_ANY].images = 0;
}

static Status
open_idx(IdxPlace *place, SourceRequest *request, Source *source)
{
	const Splits splits = { place->files->name, "IDX files", place, idx_has, idx_open };

	return splits_open(&splits, &request->split, source);
}

/* ---- CSV ---- */

typedef struct CsvPlace {
	const Files *files;
	const SourceRequest *request;
	size_t file[4]; /* by Split */
} CsvPlace;

static bool
csv_has(const void *place, Split split)
{
	return ((const CsvPlace *)place)->file[split] != NO_FILE;
}

/* What is published under these names is Fashion-MNIST: its classes have names. */
static IdxTraits
traits_of(const char *path)
{
	const char *base = base_name(path);

	if (!strncmp(base, "fashion-mnist_train.csv", 23) || !strncmp(base, "fashion-mnist_test.csv", 22))
		return set_find("fashion-mnist")->traits;
	return (IdxTraits){ 0 };
}

static Status
csv_open(void *context, Split split, int64_t first_id, Source *source)
{
	const CsvPlace *place = context;
	IdxTraits traits = traits_of(place->files->paths[place->file[split]]);
	Bytes bytes, labels = { 0 };
	Status status = files_read(place->files, place->file[split], &bytes);

	if (status >= 0 && !traits.class_count && (status = files_read(place->files, place->file[split], &labels)) < 0)
		bytes_close(&bytes);
	traits.first_id = first_id;
	return status < 0 ? status : csv_source_open(source, &bytes, &labels, &place->request->form, &traits);
}

/* Files by split; two of one split are an error. @return how many there are */
static Status
find_csv(const Files *files, size_t file[static 4])
{
	Status found = 0;

	for (int i = 0; i <= SPLIT_ANY; i++)
		file[i] = NO_FILE;
	for (size_t i = 0; i < files->count; i++) {
		Split split = split_of_path(files->paths[i], strlen(files->paths[i]));

		if (!has_suffix(files->paths[i], ".csv"))
			continue;
		if (file[split] != NO_FILE)
			return fail(STATUS_INPUT, "%s: more than one data set in it: %s and %s; give one of them", files->name,
				    files->paths[file[split]], files->paths[i]);
		file[split] = i;
		found++;
	}
	return found;
}

static Status
open_csv(CsvPlace *place, SourceRequest *request, Source *source)
{
	const Splits splits = { place->files->name, "CSV files", place, csv_has, csv_open };

	place->request = request;
	return splits_open(&splits, &request->split, source);
}

/* ---- NumPy ---- */

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
	const char *base = base_name(path);

	return has_suffix(base, ".npy") && (strstr(base, word) || (base[0] == letter && (base[1] == '_' || base[1] == '.')));
}

/* @return how many images there are */
static Status
find_npy(const Files *files, IdxPair pairs[static 4])
{
	Status found = 0;

	for (int i = 0; i <= SPLIT_ANY; i++)
		pairs[i] = (IdxPair){ NO_FILE, NO_FILE };
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

static Status
open_npy(NpyPlace *place, SourceRequest *request, Source *source)
{
	const Splits splits = { place->files->name, "NumPy arrays", place, npy_has, npy_open };

	return splits_open(&splits, &request->split, source);
}

/* ---- pictures ---- */

typedef struct PictureTree {
	const Files *files;
	const SourceRequest *request;
	PictureNames names;
} PictureTree;

static bool
pictures_have(const void *context, Split split)
{
	const PictureTree *place = context;

	for (size_t i = 0; i < place->names.count; i++)
		if (place->names.pictures[i].split == split)
			return true;
	return false;
}

static Status
pictures_open(void *context, Split split, int64_t first_id, Source *source)
{
	const PictureTree *place = context;

	return picture_source_open_tree(source, place->files, &place->names, split, first_id, place->request);
}

static void
tell_what_was_left(const Files *files)
{
	if (files->link_out)
		warn("%s; not followed", files->link_out);
	if (files->passed_over)
		warn("%s: %zu files that are no pictures by their names, such as %s, passed over%s", files->name, files->passed_over,
		     files->first_passed_over,
		     has_suffix(files->first_passed_over, ".cls") ? "; --webdataset reads labels that lie beside pictures" : "");
}

static Status
open_pictures(PictureTree *place, SourceRequest *request, Source *source)
{
	const Splits splits = { place->files->name, "pictures", place, pictures_have, pictures_open };

	place->request = request;
	tell_what_was_left(place->files);
	return splits_open(&splits, &request->split, source);
}

/* ---- which ---- */

/* One file, by its first bytes and its name. */
static Status
open_single(Source *source, const Files *files, SourceRequest *request)
{
	char start[16] = { 0 };
	ssize_t got = pread(files->fd, start, sizeof start, 0);
	IdxPlace idx = { .files = files };

	if (got >= NPY_MAGIC_SIZE && !memcmp(start, NPY_MAGIC, NPY_MAGIC_SIZE)) {
		NpyPlace npy = { .files = files };

		memset(npy.pairs, 0xff, sizeof npy.pairs); /* NO_FILE */
		npy.pairs[SPLIT_ANY].images = 0;
		return open_npy(&npy, request, source);
	}
	if (has_suffix(files->name, ".csv")) {
		CsvPlace csv = { .files = files, .file = { NO_FILE, NO_FILE, NO_FILE, 0 } };

		return open_csv(&csv, request, source);
	}
	set_single(&idx);
	return open_idx(&idx, request, source);
}

static Status
fail_kind(const Files *files)
{
	return fail(STATUS_INPUT,
		    "%s: no IDX files in it (such as train-images-idx3-ubyte.gz and train-labels-idx1-ubyte.gz), no pictures, no CSV, "
		    "no NumPy arrays (images.npy and labels.npy)",
		    files->name);
}

Status
data_files_open(Source *source, const Files *files, SourceRequest *request)
{
	IdxPlace idx = { .files = files };
	CsvPlace csv = { .files = files };
	NpyPlace npy = { .files = files };
	Status status;

	if (files->is_single)
		return open_single(source, files, request);
	if ((status = idx_pairs_find(files->name, files->count, files->paths, idx.pairs)) < 0)
		return status;
	if (!files->count && files->link_out)
		return fail(STATUS_INPUT, "%s; give that folder instead", files->link_out);
	if (idx_has(&idx, SPLIT_TRAIN) || idx_has(&idx, SPLIT_TEST) || idx_has(&idx, SPLIT_ANY))
		return open_idx(&idx, request, source);
	if ((status = find_csv(files, csv.file)) != 0)
		return status < 0 ? status : open_csv(&csv, request, source);
	if ((status = find_npy(files, npy.pairs)) != 0)
		return status < 0 ? status : open_npy(&npy, request, source);
	PictureTree pictures = { .files = files };

	if ((status = picture_names_find(&pictures.names, files->name, files->count, files->paths, !files->is_folder)) < 0)
		return status;
	status = pictures.names.count ? open_pictures(&pictures, request, source) : fail_kind(files);
	picture_names_release(&pictures.names);
	return status;
}
