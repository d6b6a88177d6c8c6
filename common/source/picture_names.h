/* source/picture_names.h: what the paths of pictures say: which split, which class. */
#ifndef FM_SOURCE_PICTURE_NAMES_H
#define FM_SOURCE_PICTURE_NAMES_H

#include "source/idx_pairs.h"
#include "stream/record.h"

#include <stdbool.h>

/** Has a name the suffix of a picture file that fm-picture knows? */
bool is_picture_name(const char *base);

/** Do these first bytes begin a picture file? @param size  of start, at least 12 where the file has them */
bool is_picture_start(const uint8_t *start, size_t size);

/** A picture in a tree. */
typedef struct PictureName {
	size_t file; /* index of its path */
	Split split; /* SPLIT_ANY: there are none */
	int32_t label; /* -1: at the top */
} PictureName;

typedef struct PictureNames {
	size_t count;
	PictureName *pictures; /* [count], in the order of paths */
	uint32_t class_count;
	char **classes; /* in byte order */
	size_t longest; /* path, in bytes */
} PictureNames;

/**
 * Sort pictures by the first part of their paths: its class, or, where pictures lie in train/ and test/ or in one of them, its
 * split, which its class follows.
 *
 * @param sheds  of an archive: a folder that holds everything, and in it nothing but folders, counts for nothing
 * @param paths  [count], in byte order; those that are no pictures are passed over
 * @return STATUS_OK; STATUS_INPUT: pictures beside train/ and test/, names that are not UTF-8 or too long
 */
MUST_CHECK Status picture_names_find(PictureNames *names, const char *place, size_t count, char *const *paths, bool sheds);

void picture_names_release(PictureNames *names);

#endif
