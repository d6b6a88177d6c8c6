/* source/byte_file.h: the blocks of a file or a pipe, for libarchive; of a gzip file, what is in it. */
#ifndef FM_SOURCE_BYTE_FILE_H
#define FM_SOURCE_BYTE_FILE_H

#include "source/gunzip.h"

#include <archive.h>

enum { BYTE_FILE_BLOCK = 128 << 10 };

typedef struct ByteFile {
	int fd;
	bool is_rewindable; /* read by position, its own offset stays */
	int64_t offset;	    /* of the next block, where it can be rewound */
	uint64_t in;	    /* bytes read */
	size_t ready;	    /* bytes of a pipe's block that were looked at, and not handed out */
	Gunzip *gunzip;	    /* NULL: not packed with gzip */
	uint8_t block[BYTE_FILE_BLOCK];
} ByteFile;

/** @param fd  stays the caller's. @return 0; -1: errno says why */
int byte_file_open(ByteFile *file, int fd);

/** Can libarchive seek in what it gets to see? */
bool byte_file_is_seekable(const ByteFile *file);

/** Callbacks of libarchive; context is the file. */
la_ssize_t byte_file_read(struct archive *archive, void *context, const void **block);
la_int64_t byte_file_seek(struct archive *archive, void *context, la_int64_t offset, int whence);

/** What gunzip_next or its supply returned, as such a callback does: a failure with its words in archive. */
la_ssize_t gunzip_result(struct archive *archive, const Gunzip *gunzip, ssize_t got);

void byte_file_close(ByteFile *file);

#endif
