/* source/open.h: from what a user names to a source. */
#ifndef FM_SOURCE_OPEN_H
#define FM_SOURCE_OPEN_H

#include "picture/fit.h"
#include "source/class_names.h"
#include "source/download.h"
#include "source/idx_pairs.h"
#include "source/source.h"

typedef struct SourceRequest {
	const char *operands[2]; /* "-" a stream; a set's name; an address; a folder; a file. The second one, or NULL: the
				    other one of a pair of IDX files */
	Split split;		 /* in: SPLIT_ANY where none was asked for; out: what was opened, SPLIT_ANY where there are
				    no splits */
	const char *sha256;	 /* what the one address must have, or NULL */
	DownloadManners manners;
	const char *raw;	 /* "HxWxC": the operand, or stdin, holds bare frames; or NULL */
	Form form;		 /* what pictures are to become; zeros: as they are */
	uint64_t seed;		 /* of stored hashes */
	char **paths;		 /* all operands, [path_count], where they may be more than two: pictures */
	size_t path_count;
	const char *list;	 /* a file with their paths, or "-"; or NULL */
	bool is_webdataset;	 /* the operands are WebDataset's shards */
	const ClassNames *classes; /* that --classes names, or NULL */
	const char *class_file;
	uint64_t memory; /* bytes to keep before a file is used */
	bool skips_bad;		 /* name bad pictures and pass over them */
	uint64_t *skipped;	 /* counts them; never NULL */
} SourceRequest;

/**
 * Find out what it is, and open it.
 *
 * @return STATUS_OK; STATUS_USAGE: a split that it hasn't; STATUS_INPUT, STATUS_IO
 */
MUST_CHECK Status source_open(Source *source, SourceRequest *request);

#endif
