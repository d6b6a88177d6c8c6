/* source/data_files.c: which kind of data set it is. */
#include "source/data_files.h"

#include "source/file_kinds.h"
#include "source/picture_names.h"

#include <string.h>

bool
data_file_is_wanted(const char *base)
{
	return strstr(base, "idx") || path_has_suffix(base, ".csv") || path_has_suffix(base, ".npy") ||
	       path_has_suffix(base, ".safetensors") || path_has_suffix(base, ".mat") || is_cifar_name(base) || is_picture_name(base);
}

static Status
fail_kind(const Files *files)
{
	if (files->links_left)
		return fail(STATUS_INPUT, "%s; not followed: give the folder that it leads to, or put what it leads to in its place",
			    files->link_left);
	return fail(STATUS_INPUT,
		    "%s: no IDX files in it (such as train-images-idx3-ubyte.gz and train-labels-idx1-ubyte.gz), no pictures, no CSV, "
		    "no NumPy arrays (images.npy and labels.npy), no safetensors, no CIFAR (data_batch_1.bin), no SVHN (train_32x32.mat)",
		    files->name);
}

Status
data_files_open(Source *source, const Files *files, SourceRequest *request)
{
	/* what is found beside other files in any folder comes last */
	static FileKind *const kinds[] = { idx_files_open, csv_files_open, npy_files_open, cifar_files_open, picture_files_open,
					  mat_files_open, tensors_files_open };
	Status status = 0;

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds && !status; i++)
		status = kinds[i](source, files, request);
	if (!status && files->is_single)
		status = idx_file_open(source, files, request);
	if (!status)
		return fail_kind(files);
	return status < 0 ? status : STATUS_OK;
}
