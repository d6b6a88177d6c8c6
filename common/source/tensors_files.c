/* source/tensors_files.c: safetensors files. */
#include "source/file_kinds.h"
#include "source/tensors_source.h"

#include <unistd.h>

static Status
open_one(const SplitFiles *place, size_t file, int64_t first_id, Source *source)
{
	const IdxTraits traits = { .first_id = first_id };
	Bytes images, labels;
	Status status = files_read_twice(place->files, file, &images, &labels);

	return status < 0 ? status : tensors_source_open(source, &images, &labels, &traits);
}

/* Whatever it is called. */
static bool
is_one_by_start(const Files *files)
{
	uint8_t start[9];

	return files->is_single && pread(files->fd, start, sizeof start, 0) == sizeof start &&
	       is_safetensors_start(start, sizeof start);
}

Status
tensors_files_open(Source *source, const Files *files, SourceRequest *request)
{
	SplitFiles place = { .what = "safetensors files", .open = open_one };

	return split_files_open(source, files, request, &place, is_one_by_start(files) ? "" : ".safetensors");
}
