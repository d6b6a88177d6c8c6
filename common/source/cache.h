/* source/cache.h: downloads that are kept, in $XDG_CACHE_HOME/fm-tools. */
#ifndef FM_SOURCE_CACHE_H
#define FM_SOURCE_CACHE_H

#include "source/download.h"
#include "status.h"

/** @return malloced path of a file in a folder of the cache; NULL where there is no cache: no XDG_CACHE_HOME, no HOME */
char *cache_path(const char *folder, const char *file);

/** Where a file comes from, and what it must be. */
typedef struct CacheOrigin {
	const char *address;
	uint64_t size;	    /* 0: unknown */
	const char *sha256; /* 64 hex digits */
	const DownloadManners *manners;
} CacheOrigin;

/**
 * Open a file of the cache, verified; download it first where it is missing or damaged: to "PATH.part", which a later call
 * goes on with if this one is cut short; then it is renamed. Two processes that want the same file wait for each other, and
 * the second finds it done.
 *
 * @param fd  out: the verified file, the caller's
 * @return STATUS_OK; STATUS_INPUT: what came hasn't that size or digest, and is removed; STATUS_IO
 */
MUST_CHECK Status cache_open(const char *path, const CacheOrigin *origin, int *fd);

#endif
