/* source/mat_files.c: MAT-files. */
#include "source/file_kinds.h"
#include "source/mat.h"
#include "source/mat_source.h"

#include <unistd.h>

static Status
open_one(const SplitFiles *place, size_t file, int64_t first_id, Source *source)
{
	Bytes images, labels;
	Status status = files_read_twice(place->files, file, &images, &labels);

	return status < 0 ? status : mat_source_open(source, &images, &labels, first_id);
}

/* Whatever it is called. */
static bool
is_one_by_start(const Files *files)
{
	uint8_t start[MAT_HEADER];

	return files->is_single && pread(files->fd, start, sizeof start, 0) == sizeof start && is_mat_start(start, sizeof start);
}

Status
mat_files_open(Source *source, const Files *files, SourceRequest *request)
{
	SplitFiles place = { .what = "MAT-files", .open = open_one };

	return split_files_open(source, files, request, &place, is_one_by_start(files) ? "" : ".mat");
}
