/* source/picture_source.h: picture files as a source. */
#ifndef FM_SOURCE_PICTURE_SOURCE_H
#define FM_SOURCE_PICTURE_SOURCE_H

#include "source/files.h"
#include "source/open.h"
#include "source/picture_names.h"
#include "source/pool.h"

/** Where pictures come from, for a source of them. */
typedef struct PicturePlace {
	PoolSupplier supplier;
	void (*close)(void *context);		 /* the supplier's */
	bool (*would_wait)(const void *context); /* NULL: never for long */
	const char *name;			 /* of all that is supplied, for messages; "": they have each their own */
	const char *source;			 /* what the source is called */
	size_t longest;				 /* name of a picture */
	bool is_single;				 /* each picture is a record of its own, sent at once */
} PicturePlace;

/**
 * @param place    its context is closed in the end, whatever happens; the texts are copied
 * @param classes  [class_count]
 */
MUST_CHECK Status picture_source_open(Source *source, const PicturePlace *place, uint32_t class_count, char *const *classes,
				      int64_t first_id, const SourceRequest *request);

/**
 * The pictures of one split of a folder or an archive, in the byte order of their paths. An archive's are first copied, as they
 * are, to an unlinked file in TMPDIR, else /var/tmp.
 *
 * @param files  of which names were made; copied from, stays the caller's
 * @param names  stays the caller's
 */
MUST_CHECK Status picture_source_open_tree(Source *source, const Files *files, const PictureNames *names, Split split,
					   int64_t first_id, const SourceRequest *request);

/** Files that are named one by one: unlabelled; of a list that is read from a pipe, each is sent at once. */
MUST_CHECK Status picture_source_open_list(Source *source, const SourceRequest *request);

#endif
