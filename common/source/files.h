/* source/files.h: a folder, an archive or a single file as a list of files that can be opened. */
#ifndef FM_SOURCE_FILES_H
#define FM_SOURCE_FILES_H

#include "source/bytes.h"
#include "status.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct Files {
	char *name;    /* of the folder or archive */
	int fd;	       /* of the folder, the archive or the file; owned */
	bool is_single; /* a file of its own: paths holds its name */
	bool is_folder;
	size_t count;
	char **paths; /* within it, in byte order */
	size_t passed_over; /* files that were not wanted, hidden ones apart */
	char *first_passed_over; /* one of them, or NULL */
	size_t links_left; /* links that were not followed: to folders, and to wanted files outside */
	char *link_left; /* the first of them, in words; or NULL */
} Files;

enum { FILES_MOST = 1000000, FILES_DEPTH_MOST = 16 };

/** Is a part of it hidden, or what macOS and Windows leave behind (__MACOSX, Thumbs.db)? */
bool is_litter_path(const char *path);

/**
 * List the files whose base name is wanted; hidden ones and what macOS leaves in archives are passed over.
 *
 * @param fd         taken over, whatever happens; a folder, or a file that is an archive or not
 * @param is_wanted  of a base name; NULL: all
 * @return STATUS_OK; STATUS_INPUT: damaged, a path in it leads out of it, too many files; STATUS_IO
 */
MUST_CHECK Status files_open(Files *files, int fd, const char *name, bool (*is_wanted)(const char *base));

/** Open one of them, by its index in paths. */
MUST_CHECK Status files_read(const Files *files, size_t index, Bytes *bytes);

/** Open one of them twice: what describes it is read ahead of what it holds. */
MUST_CHECK Status files_read_twice(const Files *files, size_t index, Bytes *bytes, Bytes *again);

void files_close(Files *files);

#endif
