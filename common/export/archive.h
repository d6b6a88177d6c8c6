/* export/archive.h: archives and compressed files being written, through libarchive; equal content is equal bytes. */
#ifndef FM_EXPORT_ARCHIVE_H
#define FM_EXPORT_ARCHIVE_H

#include "status.h"

#include <stddef.h>
#include <stdint.h>

struct archive;

typedef enum ArchiveKind { ARCHIVE_TAR, ARCHIVE_ZIP, ARCHIVE_GZIP } ArchiveKind;

/** archive_begin, then archive_finish or archive_drop. */
typedef struct ArchiveFile {
	struct archive *archive;
	const char *name; /* borrowed: for messages */
} ArchiveFile;

/** @param fd  stays the caller's */
MUST_CHECK Status archive_begin(ArchiveFile *file, ArchiveKind kind, int fd, const char *name);

/** A member in one go. @param path  UTF-8 */
MUST_CHECK Status archive_add(ArchiveFile *file, const char *path, const void *data, size_t size);

/** A member, or what is to be compressed, out of an open file, from its start. */
MUST_CHECK Status archive_add_file(ArchiveFile *file, const char *path, int fd);

/** The archive's end; releases it whatever happens. */
MUST_CHECK Status archive_finish(ArchiveFile *file);

/** Release it without an end, so that what was written can't be taken for whole. */
void archive_drop(ArchiveFile *file);

#endif
