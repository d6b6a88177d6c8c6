/* source/open.h: from what a user names to a source. */
#ifndef FM_SOURCE_OPEN_H
#define FM_SOURCE_OPEN_H

#include "source/download.h"
#include "source/idx_pairs.h"
#include "source/source.h"

/** Ids of the samples of a test split that is sent together with its train split begin here. */
#define TEST_ID_FIRST ((int64_t)1 << 40)

typedef struct SourceRequest {
	const char *operands[2]; /* "-" a stream; a set's name; an address; a folder; a file. The second one, or NULL: the
				    other one of a pair of IDX files */
	Split split;		 /* in: SPLIT_ANY where none was asked for; out: what was opened, SPLIT_ANY where there are
				    no splits */
	const char *sha256;	 /* what the one address must have, or NULL */
	DownloadManners manners;
} SourceRequest;

/**
 * Find out what it is, and open it.
 *
 * @return STATUS_OK; STATUS_USAGE: a split that it hasn't; STATUS_INPUT, STATUS_IO
 */
MUST_CHECK Status source_open(Source *source, SourceRequest *request);

#endif
