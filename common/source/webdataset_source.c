/* source/webdataset_source.c */
#include "source/webdataset_source.h"

#include "cli/threads.h"
#include "memory.h"
#include "source/learned.h"
#include "source/picture_source.h"
#include "source/samples.h"
#include "source/shards.h"

static void
close_shards(void *context)
{
	shards_close(context);
	free(context);
}

/* Whose classes are found while it is read: behind inner nobody looks at the labels before it has ended. */
static Status
learn(Source *source, const Shards *shards, const SourceRequest *request)
{
	Source inner = *source;

	return learned_open(source, &inner, &shards->labels, request->seed, request->memory);
}

Status
webdataset_source_open(Source *source, const SourceRequest *request)
{
	const ClassNames *classes = request->classes;
	char *const *operands = request->path_count ? request->paths : (char *const *)request->operands;
	const char *name = strcmp(operands[0], "-") ? operands[0] : "standard input";
	Shards *shards = memory_zeroed(1, sizeof *shards);
	const PicturePlace place = {
		.supplier = { .context = shards, .next = shards_next, .load = shards_load },
		.close = close_shards, .would_wait = shards_would_wait,
		.name = name, .source = name, .longest = SAMPLE_NAME_MOST,
	};
	Status status = shards_open(shards, operands, request->path_count ? request->path_count : 1, &request->manners);

	shards->sha256 = request->sha256;
	if (classes)
		labels_init_known(&shards->labels, classes->count, classes->names, request->class_file);
	else
		labels_init(&shards->labels);
	if (status < 0) {
		close_shards(shards);
		return status;
	}
	status = picture_source_open(source, &place, classes ? classes->count : 0, classes ? classes->names : NULL, 0, request);
	return status < 0 || classes ? status : learn(source, shards, request);
}
