/* source/set_source.c */
#include "source/set_source.h"

#include "memory.h"
#include "source/file_kinds.h"
#include "source/locate.h"
#include "source/mat_source.h"
#include "source/splits.h"

#include <unistd.h>

typedef struct SetPlace {
	const NamedSet *set;
	const DownloadManners *manners;
	int fd;	    /* of the set's one archive, verified once for all that is read from it; else -1 */
	char *name; /* the archive's */
} SetPlace;

static Status
locate_archive(SetPlace *place)
{
	char *name;
	int fd;

	if (place->fd >= 0)
		return STATUS_OK;
	Status status = locate_file(place->set, place->set->files, place->manners, &fd, &name);

	if (status >= 0) {
		place->fd = fd;
		place->name = name;
	}
	return status;
}

static Status
open_set_file(SetPlace *place, const char *file, Bytes *bytes)
{
	char *name;
	int fd;
	Status status;

	if (place->set->is_archive) {
		status = locate_archive(place);
		return status < 0 ? status : bytes_open(bytes, dup(place->fd), place->name, file);
	}
	if ((status = locate_file(place->set, set_file(place->set, file), place->manners, &fd, &name)) < 0)
		return status;
	status = bytes_open(bytes, fd, name, NULL);
	free(name);
	return status;
}

/* Pictures and labels in one file: it is opened twice. */
static Status
open_mat(SetPlace *place, const char *file, int64_t first_id, Source *source)
{
	Bytes images, labels;
	Status status = open_set_file(place, file, &images);

	if (status >= 0 && (status = open_set_file(place, file, &labels)) < 0)
		bytes_close(&images);
	return status < 0 ? status : mat_source_open(source, &images, &labels, first_id);
}

static Status
open_set_split(void *context, Split split, int64_t first_id, Source *source)
{
	SetPlace *place = context;
	const SetSplit *files = split == SPLIT_TEST ? &place->set->test : &place->set->train;
	IdxTraits traits = place->set->traits;
	Bytes images, labels;

	if (place->set->layout == SET_MAT)
		return open_mat(place, files->images, first_id, source);
	Status status = open_set_file(place, files->images, &images);

	if (status < 0)
		return status;
	if ((status = open_set_file(place, files->labels, &labels)) < 0) {
		bytes_close(&images);
		return status;
	}
	traits.first_id = first_id;
	return idx_source_open(source, &images, &labels, &traits);
}

static bool
has_set_split(const void *place, Split split)
{
	(void)place;
	return split != SPLIT_ANY;
}

static Status
open_pairs(SetPlace *place, SourceRequest *request, Source *source)
{
	const Splits splits = { place->set->name, "files", place, has_set_split, open_set_split };

	return splits_open(&splits, &request->split, source);
}

/* Batches and class names in one archive, as anybody's would be. */
static Status
open_cifar(SetPlace *place, SourceRequest *request, Source *source)
{
	Files files;
	Status status = locate_archive(place);

	if (status < 0 || (status = files_open(&files, dup(place->fd), place->name, is_cifar_name)) < 0)
		return status;
	if (!(status = cifar_files_open(source, &files, request)))
		status = fail(STATUS_INPUT, "%s: no CIFAR in it", files.name);
	files_close(&files);
	return status;
}

Status
set_source_open(Source *source, const NamedSet *set, SourceRequest *request)
{
	SetPlace place = { .set = set, .manners = &request->manners, .fd = -1 };
	Status status = set->layout == SET_CIFAR ? open_cifar(&place, request, source) : open_pairs(&place, request, source);

	if (place.fd >= 0)
		close(place.fd);
	free(place.name);
	if (status >= 0) { /* for messages: the set, not one of its files */
		free(source->name);
		source->name = memory_text(set->name);
	}
	return status < 0 ? status : STATUS_OK;
}
