/* source/data_files.h: which kind of data set a folder, an archive or a file is, and a source of it. */
#ifndef FM_SOURCE_DATA_FILES_H
#define FM_SOURCE_DATA_FILES_H

#include "source/files.h"
#include "source/open.h"

/** Could a file of this base name belong to a data set of a kind that is known here? For files_open. */
bool data_file_is_wanted(const char *base);

/**
 * By names of files; of a single file, by its first bytes. The first that fits: IDX, CSV, NumPy, CIFAR, pictures.
 *
 * @param files  stays the caller's
 * @return STATUS_OK; STATUS_USAGE: a split that it hasn't; STATUS_INPUT, STATUS_IO
 */
MUST_CHECK Status data_files_open(Source *source, const Files *files, SourceRequest *request);

#endif
