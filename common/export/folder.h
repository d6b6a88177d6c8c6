/* export/folder.h: output folders that appear whole or not at all. */
#ifndef FM_EXPORT_FOLDER_H
#define FM_EXPORT_FOLDER_H

#include "status.h"

#include <stdint.h>
#include <stdio.h>

/**
 * A folder being written: hidden beside its target, whose name it gets in the end. Nothing is written outside: every path
 * is relative to it, and there are no links in it. folder_commit or folder_abandon.
 */
typedef struct Folder {
	int fd;
	char *target, *temporary;
	char *made; /* the folder that was made last: pictures of a class follow each other */
} Folder;

/** @param target  a new name, or an empty folder. @return STATUS_IO where something is there already */
MUST_CHECK Status folder_open(Folder *folder, const char *target);

/** One for files in between, beside a target that is a file; it only ever is abandoned. */
MUST_CHECK Status folder_open_scratch(Folder *folder, const char *target);

/**
 * Create a new file and the folders above it.
 *
 * @param path  relative, without empty components, "." and ".."
 * @param fd    out: open for reading and writing; -1 if there is a file of this name
 * @return STATUS_OK; STATUS_INPUT for a path that can't be: too long, or below a file; STATUS_IO
 */
MUST_CHECK Status folder_create(Folder *folder, const char *path, int *fd);

/** As folder_create, as a stream to be closed by folder_close_file; a name that is taken is a failure. */
MUST_CHECK Status folder_create_file(Folder *folder, const char *path, FILE **file);

/** Close it, checked: a full disk is a failure. */
MUST_CHECK Status folder_close_file(Folder *folder, FILE *file, const char *path);

/** All of it to the disk, then under its name; releases the folder whatever happens. */
MUST_CHECK Status folder_commit(Folder *folder);

/** Remove what was written, and release. */
void folder_abandon(Folder *folder);

#endif
