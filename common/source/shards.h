/* source/shards.h: samples of WebDataset shards, tars read from their beginning, one sample after the other. */
#ifndef FM_SOURCE_SHARDS_H
#define FM_SOURCE_SHARDS_H

#include "source/bytes.h"
#include "source/download.h"
#include "source/labels.h"
#include "source/pool.h"
#include "source/shard_name.h"

/** Files in a tar that stand beside each other and have one key are a sample. Zeroed but for what shards_open sets. */
typedef struct Shards {
	char *const *operands; /* [count] files, addresses, "-" */
	size_t count, next;
	DownloadManners manners;
	const char *sha256; /* of the one shard, at an address; or NULL */
	Labels labels;
	Bytes bytes; /* of the open shard; its state is NULL where none is */
	char *name; /* the open shard's */
	bool is_ended; /* it is */
	char *path; /* malloced: of a file whose header was read, and whose contents were not taken; or NULL */
	struct {
		char *key, *label; /* malloced; NULL: none yet */
		size_t key_length;
		ShardField field; /* that the label is from: the first one in ShardField's order counts */
		uint8_t *text;	  /* malloced: a file that is being read */
	} sample; /* that is being read; kept here because a thread that waits in a read may be cancelled */
	_Atomic int pipe; /* the shard's, where it can't be rewound, to ask whether there is more to read; else -1 */
} Shards;

/**
 * @param operands  stays the caller's
 * @return STATUS_OK; STATUS_IO: one of them isn't there
 */
MUST_CHECK Status shards_open(Shards *shards, char *const *operands, size_t count, const DownloadManners *manners);

/** As PoolSupplier has them; context is the shards. What is wrong with one sample, load says. */
MUST_CHECK Status shards_next(void *context, Job *job);
MUST_CHECK Status shards_load(void *context, Job *job);

/** Has a pipe nothing to read just now? */
bool shards_would_wait(const void *context);

void shards_close(Shards *shards);

#endif
