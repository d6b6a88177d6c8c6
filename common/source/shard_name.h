/* source/shard_name.h: WebDataset's naming rule: which sample a file in a shard belongs to, and what of it it holds. */
#ifndef FM_SOURCE_SHARD_NAME_H
#define FM_SOURCE_SHARD_NAME_H

#include <stdbool.h>
#include <stddef.h>

typedef enum ShardField {
	SHARD_PICTURE, /* .png, .jpg, … */
	SHARD_CLS,     /* .cls: a class's number, or its name */
	SHARD_JSON,    /* .json: an object, which may have the member cls or label */
	SHARD_TXT,     /* .txt: as .cls */
	SHARD_OTHER,   /* of a sample, and of no use here */
} ShardField;

typedef struct ShardName {
	size_t key; /* length: what stands before the first dot of the path's last component, folders included */
	ShardField field;
} ShardName;

/** Without "./" in front. */
const char *shard_path(const char *path);

/**
 * Apart from case; of "a/b.seg.png" the extension is "seg.png", which is no picture's, but another field of "a/b".
 *
 * @param path  as shard_path has it
 * @return false: no sample's file, for its name has no dot, or nothing in front of it, or is what a desktop leaves behind
 */
bool shard_name_parse(const char *path, ShardName *name);

#endif
