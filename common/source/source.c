/* source/source.c: what all kinds of sources share. */
#include "source/source.h"

#include "memory.h"

Status
source_next(Source *source, Record *record)
{
	return source->kind->next(source, record);
}

Status
source_finish(Source *source)
{
	return source->kind->finish ? source->kind->finish(source) : STATUS_OK;
}

bool
source_stored_hash(const Source *source, uint64_t row, uint64_t seed, uint64_t *hash)
{
	return source->kind->stored_hash && source->kind->stored_hash(source, row, seed, hash);
}

json_t *
source_inputs(const Source *source)
{
	return source->kind && source->kind->inputs ? source->kind->inputs(source) : NULL;
}

void
source_close(Source *source)
{
	if (!source->kind)
		return;
	source->kind->close(source);
	about_release(&source->about);
	free(source->name);
	*source = (Source){ 0 };
}

void
source_wrap(Source *outer, const Source *inner, const SourceKind *kind, void *state)
{
	*outer = (Source){ .kind = kind, .name = memory_text(inner->name), .state = state };
	about_copy(&outer->about, &inner->about);
}
