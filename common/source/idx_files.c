/* source/idx_files.c: pairs of IDX files. */
#include "source/file_kinds.h"
#include "source/idx_source.h"
#include "source/splits.h"

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

static Status
open_idx(IdxPlace *place, SourceRequest *request, Source *source)
{
	const Splits splits = { place->files->name, "IDX files", place, idx_has, idx_open };
	Status status = splits_open(&splits, &request->split, source);

	return status < 0 ? status : 1;
}

Status
idx_files_open(Source *source, const Files *files, SourceRequest *request)
{
	IdxPlace place = { .files = files };
	Status status = files->is_single ? 0 : idx_pairs_find(files->name, files->count, files->paths, place.pairs);

	if (status < 0 || files->is_single)
		return status;
	if (idx_has(&place, SPLIT_TRAIN) || idx_has(&place, SPLIT_TEST) || idx_has(&place, SPLIT_ANY))
		return open_idx(&place, request, source);
	return 0;
}

Status
idx_file_open(Source *source, const Files *files, SourceRequest *request)
{
	IdxPlace place = { .files = files };

	for (int i = 0; i <= SPLIT_ANY; i++)
		place.pairs[i] = (IdxPair){ NO_FILE, NO_FILE };
	place.pairs[SPLIT_ANY].images = 0;
	return open_idx(&place, request, source);
}
