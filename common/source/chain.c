/* source/chain.c: one source after another. */
#include "source/chain.h"

#include "memory.h"

typedef struct ChainState {
	Source parts[2];
	int current;
} ChainState;

static Status
chain_next(Source *source, Record *record)
{
	ChainState *state = source->state;
	Status status = source_next(&state->parts[state->current], record);

	if (status == 0 && state->current == 0) {
		state->current = 1;
		status = source_next(&state->parts[1], record);
	}
	return status;
}

static bool
chain_stored_hash(const Source *source, uint64_t row, uint64_t seed, uint64_t *hash)
{
	const ChainState *state = source->state;

	return source_stored_hash(&state->parts[state->current], row, seed, hash);
}

static void
chain_close(Source *source)
{
	ChainState *state = source->state;

	source_close(&state->parts[0]);
	source_close(&state->parts[1]);
	free(state);
}

static const SourceKind chain_kind = { .next = chain_next, .stored_hash = chain_stored_hash, .close = chain_close };

static Status
check_classes(const Source *more, const Source *fewer)
{
	for (uint32_t i = 0; i < fewer->about.class_count; i++)
		if (strcmp(more->about.classes[i], fewer->about.classes[i]) != 0)
			return fail(STATUS_INPUT, "%s calls class %u '%s', %s calls it '%s'", more->name, i,
				    more->about.classes[i], fewer->name, fewer->about.classes[i]);
	return STATUS_OK;
}

static Status
check_geometry(const Source *first, const Source *second)
{
	const About *one = &first->about, *other = &second->about;

	if (one->height != other->height || one->width != other->width || one->channels != other->channels)
		return fail(STATUS_INPUT, "%s has pictures of %ux%ux%u, %s of %ux%ux%u", first->name, one->height, one->width,
			    one->channels, second->name, other->height, other->width, other->channels);
	return STATUS_OK;
}

Status
chain_open(Source *source, Source *first, Source *second)
{
	ChainState *state = memory_zeroed(1, sizeof *state);
	bool is_first_longer = first->about.class_count >= second->about.class_count;
	const Source *more = is_first_longer ? &state->parts[0] : &state->parts[1];
	const Source *fewer = is_first_longer ? &state->parts[1] : &state->parts[0];

	state->parts[0] = *first;
	state->parts[1] = *second;
	*first = *second = (Source){ 0 };
	source_wrap(source, more, &chain_kind, state);
	Status status = check_geometry(&state->parts[0], &state->parts[1]);

	if (status >= 0)
		status = check_classes(more, fewer);
	if (status < 0)
		source_close(source);
	return status;
}
