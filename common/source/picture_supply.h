/* source/picture_supply.h: where picture files come from: a folder, an archive, a list; for a pool. */
#ifndef FM_SOURCE_PICTURE_SUPPLY_H
#define FM_SOURCE_PICTURE_SUPPLY_H

#include "source/files.h"
#include "source/picture_names.h"
#include "source/pool.h"

#include <stdio.h>

/** Where in the spool an archive's file is. */
typedef struct Extent {
	uint64_t offset, size;
} Extent;

/** A picture that will be sent. */
typedef struct Supplied {
	char *path; /* within the place */
	int32_t label;
	Extent extent; /* of an archive */
} Supplied;

/** Zeroed, it is closed. */
typedef struct PictureSupply {
	int folder;	    /* to which paths are relative, or AT_FDCWD */
	int spool;	    /* an archive's files, one after the other; -1: none */
	Supplied *pictures; /* [count] */
	size_t count, next;
	FILE *list; /* of paths that end with NUL, read as they arrive; NULL: none */
	char *line; /* getdelim's */
	size_t room;
	size_t longest; /* path */
	bool is_open;
} PictureSupply;

MUST_CHECK Status picture_supply_open_tree(PictureSupply *supply, const Files *files, const PictureNames *names, Split split);

/** @param list  a file, or "-" for stdin; NULL: the paths */
MUST_CHECK Status picture_supply_open_list(PictureSupply *supply, const char *list, char *const *paths, size_t count);

/** As PoolSupplier has them; context is the supply. */
MUST_CHECK Status picture_supply_next(void *context, Job *job);
MUST_CHECK Status picture_supply_load(void *context, Job *job);

void picture_supply_close(PictureSupply *supply);

#endif
