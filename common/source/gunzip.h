/* source/gunzip.h: gzip, RFC 1952, by zlib: unlike libarchive it compares the checksum and the length at the end. */
#ifndef FM_SOURCE_GUNZIP_H
#define FM_SOURCE_GUNZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct Gunzip Gunzip;

/** The next compressed bytes, which stay where they are until the next call. @return their number, 0 at the end, or -1 */
typedef ssize_t GunzipSupply(void *context, const void **block);

enum { GUNZIP_MAGIC_SIZE = 3 };

/** Do these bytes begin a gzip file? */
bool is_gzip(const uint8_t *start, size_t size);

/** @return NULL: no memory */
Gunzip *gunzip_open(GunzipSupply *supply, void *context);

/**
 * The next plain bytes, until the next call. Of several gzip files one after the other all are read; zeros may follow.
 *
 * @return their number, 0 at the end, -1 supply failed, -2 the file is damaged or cut short: gunzip_reason
 */
ssize_t gunzip_next(Gunzip *gunzip, const void **block);

/** What is wrong with the file. */
const char *gunzip_reason(const Gunzip *gunzip);

void gunzip_close(Gunzip *gunzip);

#endif
