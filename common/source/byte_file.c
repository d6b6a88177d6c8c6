/* source/byte_file.c */
#include "source/byte_file.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static ssize_t
read_some(ByteFile *file, size_t at)
{
	ssize_t got;

	do
		got = file->is_rewindable ? pread(file->fd, file->block, BYTE_FILE_BLOCK, file->offset) :
					    read(file->fd, file->block + at, BYTE_FILE_BLOCK - at);
	while (got < 0 && errno == EINTR);
	file->in += got > 0 ? (uint64_t)got : 0;
	return got;
}

/* The file as it is. */
static ssize_t
next_block(void *context, const void **block)
{
	ByteFile *file = context;
	ssize_t got = file->ready ? (ssize_t)file->ready : read_some(file, 0);

	file->ready = 0;
	file->offset += got > 0 ? got : 0;
	*block = file->block;
	return got;
}

/* Enough to tell gzip, which a pipe may bring byte by byte. */
static int
look_at_start(ByteFile *file)
{
	ssize_t got;

	do {
		if ((got = read_some(file, file->ready)) < 0)
			return -1;
		file->ready += (size_t)got;
	} while (got && file->ready < GUNZIP_MAGIC_SIZE && !file->is_rewindable);
	return 0;
}

int
byte_file_open(ByteFile *file, int fd)
{
	file->fd = fd;
	file->is_rewindable = lseek(fd, 0, SEEK_CUR) >= 0;
	if (look_at_start(file) < 0)
		return -1;
	if (is_gzip(file->block, file->ready) && !(file->gunzip = gunzip_open(next_block, file))) {
		errno = ENOMEM;
		return -1;
	}
	return 0;
}

bool
byte_file_is_seekable(const ByteFile *file)
{
	return file->is_rewindable && !file->gunzip;
}

la_ssize_t
gunzip_result(struct archive *archive, const Gunzip *gunzip, ssize_t got)
{
	if (got == -2)
		archive_set_error(archive, EILSEQ, "gzip: %s", gunzip_reason(gunzip));
	return got < 0 ? ARCHIVE_FATAL : got;
}

la_ssize_t
byte_file_read(struct archive *archive, void *context, const void **block)
{
	ByteFile *file = context;
	ssize_t got = file->gunzip ? gunzip_next(file->gunzip, block) : next_block(file, block);

	if (got == -1)
		archive_set_error(archive, errno, "%s", strerror(errno));
	return gunzip_result(archive, file->gunzip, got);
}

la_int64_t
byte_file_seek(struct archive *archive, void *context, la_int64_t offset, int whence)
{
	ByteFile *file = context;
	struct stat about;

	if (whence == SEEK_CUR)
		offset += file->offset;
	if (whence == SEEK_END) {
		if (fstat(file->fd, &about))
			return ARCHIVE_FATAL;
		offset += about.st_size;
	}
	if (offset < 0) {
		archive_set_error(archive, EINVAL, "a position before the file's start");
		return ARCHIVE_FATAL;
	}
	file->ready = 0;
	file->offset = offset;
	return offset;
}

void
byte_file_close(ByteFile *file)
{
	gunzip_close(file->gunzip);
	file->gunzip = NULL;
}
