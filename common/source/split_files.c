/* source/split_files.c: one file a split, each a source of its own. */
#include "source/file_kinds.h"

#include "source/splits.h"

#include <string.h>

const char *
path_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

bool
path_has_suffix(const char *path, const char *suffix)
{
	static const char *const packed[] = { "", ".gz", ".bz2", ".xz", ".zst", ".lz4", NULL };
	size_t length = strlen(path), size = strlen(suffix);

	for (const char *const *extra = packed; *extra; extra++) {
		size_t more = size + strlen(*extra);

		if (length > more && !strncasecmp(path + length - more, suffix, size) &&
		    !strcasecmp(path + length - strlen(*extra), *extra))
			return true;
	}
	return false;
}

static bool
has_split(const void *context, Split split)
{
	return ((const SplitFiles *)context)->file[split] != NO_FILE;
}

static Status
open_split(void *context, Split split, int64_t first_id, Source *source)
{
	const SplitFiles *place = context;

	return place->open(place, place->file[split], first_id, source);
}

/* @return how many there are */
static Status
find(SplitFiles *place, const char *suffix)
{
	const Files *files = place->files;
	Status found = 0;

	for (int i = 0; i <= SPLIT_ANY; i++)
		place->file[i] = NO_FILE;
	for (size_t i = 0; i < files->count; i++) {
		/* a file that was given by itself has no splits, whatever it is called */
		Split split = files->is_single ? SPLIT_ANY : split_of_path(files->paths[i], strlen(files->paths[i]));

		if (!path_has_suffix(files->paths[i], suffix))
			continue;
		if (place->file[split] != NO_FILE)
			return fail(STATUS_INPUT, "%s: more than one data set in it: %s and %s; give one of them", files->name,
				    files->paths[place->file[split]], files->paths[i]);
		place->file[split] = i;
		found++;
	}
	return found;
}

Status
split_files_open(Source *source, const Files *files, SourceRequest *request, SplitFiles *place, const char *suffix)
{
	const Splits splits = { files->name, place->what, place, has_split, open_split };

	place->files = files;
	place->request = request;
	Status status = find(place, suffix);

	if (status > 0 && (status = splits_open(&splits, &request->split, source)) >= 0)
		return 1;
	return status;
}
