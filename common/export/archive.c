#include "export/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 1 << 16 };

static Status
fail_archive(const ArchiveFile *file)
{
	const char *reason = archive_error_string(file->archive);
	int number = archive_errno(file->archive);

	/* its own words for what the system has refused are "Write error" */
	if (number > 0)
		return fail(STATUS_IO, "%s: %s: %s", file->name, reason ? reason : "libarchive", strerror(number));
	return fail(STATUS_IO, "%s: %s", file->name, reason ? reason : "libarchive gives no reason");
}

/* No time and no locale gets into the bytes. GNU's tar takes names of any length as the bytes that they are; libarchive's
 * pax would convert them, and crashes over UTF-8 in the locale C. */
static int
choose_kind(struct archive *archive, ArchiveKind kind)
{
	if (kind == ARCHIVE_TAR)
		return archive_write_set_format_gnutar(archive);
	if (kind == ARCHIVE_ZIP)
		return archive_write_set_format_zip(archive) | archive_write_set_options(archive, "zip:compression=store");
	return archive_write_set_format_raw(archive) | archive_write_add_filter_gzip(archive) |
	       archive_write_set_options(archive, "gzip:!timestamp");
}

Status
archive_begin(ArchiveFile *file, ArchiveKind kind, int fd, const char *name)
{
	*file = (ArchiveFile){ .archive = archive_write_new(), .name = name };
	if (!file->archive)
		return fail_errno("%s", name);
	/* unblocked: a member leaves as soon as it is there */
	if (choose_kind(file->archive, kind) == ARCHIVE_OK && archive_write_set_bytes_per_block(file->archive, 0) == ARCHIVE_OK &&
	    archive_write_open_fd(file->archive, fd) == ARCHIVE_OK)
		return STATUS_OK;
	Status status = fail_archive(file);
	archive_drop(file);
	return status;
}

static Status
add_header(ArchiveFile *file, const char *path, int64_t size)
{
	struct archive_entry *entry = archive_entry_new2(file->archive);

	if (!entry)
		return fail_errno("%s", file->name);
	archive_entry_set_pathname(entry, path);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, 0644);
	archive_entry_set_mtime(entry, 0, 0);
	archive_entry_set_size(entry, size);
	/* a warning is as good as an error: something could not be written as it is */
	bool is_good = archive_write_header(file->archive, entry) == ARCHIVE_OK;
	Status status = is_good ? STATUS_OK : fail_in(fail_archive(file), "%s", path);
	archive_entry_free(entry);
	return status;
}

Status
archive_add(ArchiveFile *file, const char *path, const void *data, size_t size)
{
	Status status = add_header(file, path, (int64_t)size);

	if (status >= 0 && size && archive_write_data(file->archive, data, size) != (la_ssize_t)size)
		status = fail_archive(file);
	return status;
}

Status
archive_add_file(ArchiveFile *file, const char *path, int fd)
{
	static char block[BLOCK];
	struct stat about;
	ssize_t got;

	if (fstat(fd, &about) < 0)
		return fail_errno("%s", file->name);
	Status status = add_header(file, path, about.st_size);
	for (off_t at = 0; status >= 0 && (got = pread(fd, block, sizeof block, at)) != 0; at += got)
		if (got < 0)
			return fail_errno("%s", file->name);
		else if (archive_write_data(file->archive, block, (size_t)got) != got)
			return fail_archive(file);
	return status;
}

Status
archive_finish(ArchiveFile *file)
{
	Status status = archive_write_close(file->archive) == ARCHIVE_OK ? STATUS_OK : fail_archive(file);

	archive_write_free(file->archive);
	file->archive = NULL;
	return status;
}

void
archive_drop(ArchiveFile *file)
{
	if (!file->archive)
		return;
	archive_write_fail(file->archive);
	archive_write_free(file->archive);
	file->archive = NULL;
}
