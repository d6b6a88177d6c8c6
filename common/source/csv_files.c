/* source/csv_files.c: CSV files. */
#include "source/csv_source.h"
#include "source/file_kinds.h"
#include "source/sets.h"

#include <string.h>

/* What is published under these names is Fashion-MNIST: its classes have names. */
static IdxTraits
traits_of(const char *path)
{
	const char *base = path_base(path);

	if (!strncmp(base, "fashion-mnist_train.csv", 23) || !strncmp(base, "fashion-mnist_test.csv", 22))
		return set_find("fashion-mnist")->traits;
	return (IdxTraits){ 0 };
}

static Status
open_one(const SplitFiles *place, size_t file, int64_t first_id, Source *source)
{
	IdxTraits traits = traits_of(place->files->paths[file]);
	Bytes bytes, labels = { 0 };
	Status status = files_read(place->files, file, &bytes);

	if (status >= 0 && !traits.class_count && (status = files_read(place->files, file, &labels)) < 0)
		bytes_close(&bytes);
	traits.first_id = first_id;
	return status < 0 ? status : csv_source_open(source, &bytes, &labels, &place->request->form, &traits);
}

Status
csv_files_open(Source *source, const Files *files, SourceRequest *request)
{
	SplitFiles place = { .what = "CSV files", .open = open_one };

	return split_files_open(source, files, request, &place, ".csv");
}
