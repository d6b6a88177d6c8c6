/* source/open.c: from what a user names to a source. */
#include "source/open.h"

#include "memory.h"
#include "source/chain.h"
#include "source/files.h"
#include "source/idx_source.h"
#include "source/locate.h"
#include "source/remote.h"
#include "source/sets.h"
#include "source/stream_source.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- pairs of IDX files, split by split ---- */

/* A place that holds the pairs of both splits: opens one of them. */
typedef Status OpenSplit(void *place, Split split, int64_t first_id, Source *source);

static Status
open_both(OpenSplit *open_split, void *place, Source *source)
{
	Source train, test;
	Status status = open_split(place, SPLIT_TRAIN, 0, &train);

	if (status < 0)
		return status;
	if ((status = open_split(place, SPLIT_TEST, TEST_ID_FIRST, &test)) < 0)
		source_close(&train);
	else
		status = chain_open(source, &train, &test);
	return status;
}

static Status
open_splits(OpenSplit *open_split, void *place, Split split, Source *source)
{
	return split == SPLIT_ALL ? open_both(open_split, place, source) : open_split(place, split, 0, source);
}

/* ---- named sets ---- */

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

static Status
open_set_split(void *context, Split split, int64_t first_id, Source *source)
{
	SetPlace *place = context;
	const SetSplit *files = split == SPLIT_TEST ? &place->set->test : &place->set->train;
	IdxTraits traits = place->set->traits;
	Bytes images, labels;
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

static Status
open_set(const NamedSet *set, SourceRequest *request, Source *source)
{
	SetPlace place = { .set = set, .manners = &request->manners, .fd = -1 };

	request->split = request->split == SPLIT_ANY ? SPLIT_TRAIN : request->split;
	Status status = open_splits(open_set_split, &place, request->split, source);

	if (place.fd >= 0)
		close(place.fd);
	free(place.name);
	if (status >= 0) { /* for messages: the set, not one of its files */
		free(source->name);
		source->name = memory_text(set->name);
	}
	return status;
}

/* ---- folders and archives ---- */

typedef struct FilesPlace {
	const Files *files;
	IdxPair pairs[4]; /* by Split */
} FilesPlace;

static Status
open_pair(const FilesPlace *place, IdxPair pair, int64_t first_id, Source *source)
{
	const IdxTraits traits = { .first_id = first_id };
	Bytes images, labels = { 0 };
	Status status = files_read(place->files, pair.images, &images);

	if (status >= 0 && pair.labels != NO_FILE && (status = files_read(place->files, pair.labels, &labels)) < 0)
		bytes_close(&images);
	return status < 0 ? status : idx_source_open(source, &images, pair.labels == NO_FILE ? NULL : &labels, &traits);
}

static bool
has_pair(const FilesPlace *place, Split split)
{
	return place->pairs[split].images != NO_FILE;
}

static Status
fail_split(const FilesPlace *place, Split split)
{
	Split other = split == SPLIT_TRAIN ? SPLIT_TEST : SPLIT_TRAIN;

	if (has_pair(place, other))
		return fail(STATUS_USAGE, "%s has no IDX files of the split %s; it has those of --split %s", place->files->name,
			    split_name(split), split_name(other));
	if (has_pair(place, SPLIT_ANY))
		return fail(STATUS_USAGE, "--split %s: %s has no splits", split_name(split), place->files->name);
	return fail(STATUS_INPUT,
		    "%s: no IDX files in it; expected names such as train-images-idx3-ubyte.gz and train-labels-idx1-ubyte.gz",
		    place->files->name);
}

static Status
open_files_split(void *context, Split split, int64_t first_id, Source *source)
{
	const FilesPlace *place = context;

	if (!has_pair(place, split))
		return fail_split(place, split);
	return open_pair(place, place->pairs[split], first_id, source);
}

static Status
open_found(FilesPlace *place, Split *split, Source *source)
{
	if (*split == SPLIT_ANY && has_pair(place, SPLIT_ANY) && !has_pair(place, SPLIT_TRAIN))
		return open_pair(place, place->pairs[SPLIT_ANY], 0, source);
	*split = *split == SPLIT_ANY ? SPLIT_TRAIN : *split;
	return open_splits(open_files_split, place, *split, source);
}

static Status
open_files(const Files *files, Split *split, Source *source)
{
	FilesPlace place = { .files = files };
	Status status = STATUS_OK;

	if (files->is_single)
		place.pairs[SPLIT_ANY] = (IdxPair){ 0, NO_FILE };
	for (int i = 0; files->is_single && i < SPLIT_ANY; i++)
		place.pairs[i] = (IdxPair){ NO_FILE, NO_FILE };
	if (!files->is_single)
		status = idx_pairs_find(files->name, files->count, files->paths, place.pairs);
	return status < 0 ? status : open_found(&place, split, source);
}

/* ---- what an operand names ---- */

static Status
open_path(const char *path, int *fd)
{
	*fd = open(path, O_RDONLY | O_CLOEXEC);
	if (*fd >= 0)
		return STATUS_OK;
	if (errno == ENOENT && !strchr(path, '/'))
		return fail(STATUS_IO, "%s: neither a file nor a data set that is known by name; see fm-fetch(1)", path);
	return fail_errno("%s", path);
}

/* An open file that an operand names, and what to call it. */
static Status
open_operand(const char *operand, const SourceRequest *request, int *fd, char **name)
{
	bool is_remote = is_address(operand);
	Status status = is_remote ? remote_open(operand, request->sha256, &request->manners, fd) : open_path(operand, fd);

	if (status >= 0)
		*name = is_remote ? address_public(operand) : memory_text(operand);
	return status;
}

static Status
fail_if_split(const SourceRequest *request, const char *what)
{
	if (request->split == SPLIT_ANY)
		return STATUS_OK;
	return fail(STATUS_USAGE, "--split %s: %s has no splits", split_name(request->split), what);
}

static Status
open_stdin(const SourceRequest *request, Source *source)
{
	Status status = fail_if_split(request, "a stream");

	return status < 0 ? status : stream_source_open_stdin(source);
}

/* Takes fd over. A pipe can't be looked at without reading it: it is taken for a stream, which most pipes will carry. */
static Status
open_stream(const SourceRequest *request, int fd, const char *name, Source *source)
{
	Status status = fail_if_split(request, "a stream");

	if (status >= 0)
		return stream_source_open_fd(source, fd, name);
	close(fd);
	return status;
}

static Status
open_fd(SourceRequest *request, int fd, const char *name, Source *source)
{
	Files files;

	if (is_stream(fd))
		return open_stream(request, fd, name, source);
	Status status = files_open(&files, fd, name, "idx");

	if (status >= 0) {
		status = open_files(&files, &request->split, source);
		files_close(&files);
	}
	return status;
}

static Status
open_one(SourceRequest *request, Source *source)
{
	const NamedSet *set = set_find(request->operands[0]);
	char *name;
	int fd;

	if (!strcmp(request->operands[0], "-"))
		return open_stdin(request, source);
	if (set)
		return open_set(set, request, source);
	Status status = open_operand(request->operands[0], request, &fd, &name);

	if (status < 0)
		return status;
	status = open_fd(request, fd, name, source);
	free(name);
	return status;
}

static Status
open_bytes(const char *operand, const SourceRequest *request, Bytes *bytes)
{
	char *name;
	int fd;
	Status status = open_operand(operand, request, &fd, &name);

	if (status < 0)
		return status;
	status = bytes_open(bytes, fd, name, NULL);
	free(name);
	return status;
}

static Status
open_two(const SourceRequest *request, Source *source)
{
	const IdxTraits traits = { 0 };
	Bytes one, other;
	Status status = fail_if_split(request, "a pair of files");

	if (status < 0 || (status = open_bytes(request->operands[0], request, &one)) < 0)
		return status;
	if ((status = open_bytes(request->operands[1], request, &other)) < 0) {
		bytes_close(&one);
		return status;
	}
	return idx_source_open(source, &one, &other, &traits);
}

Status
source_open(Source *source, SourceRequest *request)
{
	if (request->sha256 && (request->operands[1] || !is_address(request->operands[0])))
		return fail(STATUS_USAGE, "--sha256 is for one address; '%s' is %s", request->operands[0],
			    request->operands[1] ? "one of two operands" : "none");
	return request->operands[1] ? open_two(request, source) : open_one(request, source);
}
