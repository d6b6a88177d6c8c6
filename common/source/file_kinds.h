/* source/file_kinds.h: the kinds of data sets that a folder, an archive or a file can be.
 *
 * Each function looks whether the files are one of its kind, by their names, of a single file also by its first bytes, and
 * opens it if so. files stays the caller's.
 *
 * @return 1 source is open; 0 none of this kind; STATUS_USAGE: a split that it hasn't; STATUS_INPUT, STATUS_IO */
#ifndef FM_SOURCE_FILE_KINDS_H
#define FM_SOURCE_FILE_KINDS_H

#include "source/files.h"
#include "source/open.h"

typedef Status FileKind(Source *source, const Files *files, SourceRequest *request);

FileKind idx_files_open, csv_files_open, npy_files_open, cifar_files_open, mat_files_open, picture_files_open, tensors_files_open;

/** A single file that nothing else fits: its header says what is wrong with it. */
FileKind idx_file_open;

/** Is it a file of CIFAR-10 or CIFAR-100, published or packed anew? */
bool is_cifar_name(const char *base);

/** The part of a path behind its last slash. */
const char *path_base(const char *path);

/** Does the path end so, apart from case, whatever the file was packed with (".gz", ".xz", …)? */
bool path_has_suffix(const char *path, const char *suffix);

/** One file a split, told by the words train and test in its path. */
typedef struct SplitFiles {
	const Files *files;
	const SourceRequest *request;
	size_t file[4]; /* by Split; NO_FILE */
	const char *what; /* "CSV files" */
	Status (*open)(const struct SplitFiles *place, size_t file, int64_t first_id, Source *source);
} SplitFiles;

/**
 * Open those that end in suffix.
 *
 * @param place  what and open are set
 * @return as a FileKind; STATUS_INPUT: two of one split
 */
MUST_CHECK Status split_files_open(Source *source, const Files *files, SourceRequest *request, SplitFiles *place,
				   const char *suffix);

#endif
