/* source/dedup.c */
#include "source/dedup.h"

#include "cli/message.h"
#include "hash.h"
#include "memory.h"
#include "source/chosen.h"

#include <inttypes.h>
#include <stdio.h>

enum { NAMED_MOST = 20, NAME_SHOWN = 200 };

/* A picture that was let through. */
typedef struct Seen {
	XXH128_hash_t hash;
	int64_t id;
	int32_t label;
	Part part;
	char *name; /* or NULL */
} Seen;

typedef struct DedupState {
	Source inner;
	Chosen chosen;
	Seen *seen;	 /* [room], open addressing; a free place has used[i] = 0 */
	uint8_t *used;
	uint64_t room, count; /* room is a power of two */
	uint64_t duplicates, leaks, disagreeing;
} DedupState;

static uint64_t
place_of(const DedupState *state, XXH128_hash_t hash)
{
	uint64_t at = hash.low64 & (state->room - 1);

	while (state->used[at] && !XXH128_isEqual(state->seen[at].hash, hash))
		at = (at + 1) & (state->room - 1);
	return at;
}

static Status
grow(DedupState *state)
{
	DedupState old = *state;

	if (4 * (state->count + 1) <= 3 * state->room)
		return STATUS_OK;
	state->room = old.room ? 2 * old.room : 1024;
	state->seen = reallocarray(NULL, state->room, sizeof *state->seen);
	state->used = calloc(state->room, 1);
	if (!state->seen || !state->used) {
		free(state->seen);
		free(state->used);
		*state = old;
		return fail(STATUS_IO, "--dedup: no memory to remember %" PRIu64 " pictures", state->count);
	}
	for (uint64_t i = 0; i < old.room; i++) {
		if (!old.used[i])
			continue;
		uint64_t at = place_of(state, old.seen[i].hash);

		state->seen[at] = old.seen[i];
		state->used[at] = 1;
	}
	free(old.seen);
	free(old.used);
	return STATUS_OK;
}

/* A sample by its name, else by its id. */
static void
call(char *text, size_t size, const char *name, int64_t id)
{
	if (name && *name)
		snprintf(text, size, "%s", name);
	else
		snprintf(text, size, "sample %" PRId64, id);
}

static void
report(DedupState *state, const Seen *found, const Seen *again)
{
	char one[NAME_SHOWN], other[NAME_SHOWN];
	bool leaks = found->part != again->part;

	state->duplicates++;
	state->leaks += leaks;
	state->disagreeing += found->label != again->label;
	/* each leak is named: a score on the hold-out is worth nothing where they are many */
	if (!leaks && state->duplicates - state->leaks > NAMED_MOST)
		return;
	call(one, sizeof one, again->name, again->id);
	call(other, sizeof other, found->name, found->id);
	warn("%s equals %s%s%s; dropped", one, other, leaks ? " of the hold-out" : "",
	     found->label != again->label ? ", which has another label" : "");
}

/* Remember it. @return 1 it is new, 0 it is not */
static Status
meet(DedupState *state, Seen *sample)
{
	Status status = grow(state);

	if (status < 0) {
		free(sample->name);
		return status;
	}
	uint64_t at = place_of(state, sample->hash);

	if (state->used[at]) {
		report(state, &state->seen[at], sample);
		free(sample->name);
		return 0;
	}
	state->seen[at] = *sample;
	state->used[at] = 1;
	state->count++;
	return 1;
}

static char *
name_of(const Tensor *names, uint64_t row)
{
	size_t width = names ? tensor_row_size(names) : 0;
	char *name = names ? strndup((const char *)names->data + row * width, width) : NULL;

	if (names && !name)
		abort();
	return name;
}

static Status
look(DedupState *state, Record *record)
{
	const Tensor *image = record_find(record, "image"), *names = record_find(record, "name");
	const int64_t *ids = (const int64_t *)record_find(record, "id")->data;
	const int32_t *labels = (const int32_t *)record_find(record, "label")->data;
	size_t size = tensor_row_size(image);
	Status status = chosen_begin(&state->chosen, record);

	for (uint64_t i = 0; status >= 0 && i < record->n; i++) {
		Seen sample = { XXH3_128bits(image->data + i * size, size), ids[i], labels[i], record->part, name_of(names, i) };

		status = meet(state, &sample);
		state->chosen.keep[i] = status > 0;
	}
	if (status >= 0)
		chosen_apply(&state->chosen, record);
	return status < 0 ? status : STATUS_OK;
}

static void
sum_up(const DedupState *state)
{
	if (state->duplicates)
		warn("%" PRIu64 " of %" PRIu64 " samples equal earlier ones and were dropped; %" PRIu64
		     " of them were in both parts, %" PRIu64 " had another label", state->duplicates,
		     state->count + state->duplicates, state->leaks, state->disagreeing);
}

static Status
dedup_next(Source *source, Record *record)
{
	DedupState *state = source->state;
	Status status;

	do {
		if ((status = source_next(&state->inner, record)) == 0)
			sum_up(state);
		if (status <= 0 || (status = look(state, record)) < 0)
			return status;
	} while (!record->n);
	return 1;
}

static bool
dedup_stored_hash(const Source *source, uint64_t row, uint64_t seed, uint64_t *hash)
{
	const DedupState *state = source->state;

	return source_stored_hash(&state->inner, state->chosen.rows[row], seed, hash);
}

static Status
dedup_finish(Source *source)
{
	return source_finish(&((DedupState *)source->state)->inner);
}

static json_t *
dedup_inputs(const Source *source)
{
	return source_inputs(&((const DedupState *)source->state)->inner);
}

static void
dedup_close(Source *source)
{
	DedupState *state = source->state;

	for (uint64_t i = 0; i < state->room; i++)
		if (state->used[i])
			free(state->seen[i].name);
	free(state->seen);
	free(state->used);
	chosen_release(&state->chosen);
	source_close(&state->inner);
	free(state);
}

static const SourceKind dedup_kind = {
	.next = dedup_next,
	.stored_hash = dedup_stored_hash,
	.finish = dedup_finish,
	.inputs = dedup_inputs,
	.close = dedup_close,
};

Status
dedup_open(Source *source, Source *inner)
{
	DedupState *state = memory_zeroed(1, sizeof *state);

	state->inner = *inner;
	*inner = (Source){ 0 };
	source_wrap(source, &state->inner, &dedup_kind, state);
	if (!source->about.epochs)
		return STATUS_OK;
	Status status = fail(STATUS_USAGE, "--dedup: %s repeats its samples epoch by epoch; do it before fm-augment --epochs",
			     source->name);

	source_close(source);
	return status;
}
