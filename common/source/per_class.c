/* source/per_class.c: keep all samples, choose, send the chosen ones. */
#include "source/per_class.h"

#include "memory.h"
#include "random/philox.h"
#include "source/batch.h"
#include "stream/spool.h"

typedef struct Candidate {
	Part part;
	int32_t label;
	uint64_t key, position;
	uint64_t stored_hash;
	bool has_stored_hash;
} Candidate;

typedef struct PerClassState {
	Source inner;
	uint64_t most, seed, memory;
	RandomKey key;
	Spool spool;
	Candidate *candidates; /* [count] */
	uint64_t count, room;
	bool is_read;
	uint64_t begin, position; /* of the first candidate of the last record, of the next one to send */
	uint64_t *rows, rows_room;
	Record record;
} PerClassState;

static Status
add(PerClassState *state, const Record *record)
{
	const int32_t *labels = (const int32_t *)record_find(record, "label")->data;
	const int64_t *ids = (const int64_t *)record_find(record, "id")->data;

	if (state->count + record->n > state->room) {
		uint64_t room = 2 * (state->count + record->n);
		Candidate *larger = reallocarray(state->candidates, room, sizeof *larger);

		if (!larger)
			return fail(STATUS_IO, "--sample: no memory to choose from %llu samples", (unsigned long long)room);
		state->candidates = larger;
		state->room = room;
	}
	for (uint64_t i = 0; i < record->n; i++) {
		uint64_t key = random_u64(random_words(state->key, 0, 0, (uint64_t)ids[i]));

		Candidate *candidate = &state->candidates[state->count];

		*candidate = (Candidate){ record->part, labels[i], key, state->count, 0, false };
		candidate->has_stored_hash = source_stored_hash(&state->inner, i, state->seed, &candidate->stored_hash);
		state->count++;
	}
	return spool_append(&state->spool, record);
}

static int
compare_keys(const void *left, const void *right)
{
	const Candidate *a = left, *b = right;

	if (a->part != b->part)
		return a->part < b->part ? -1 : 1;
	if (a->label != b->label)
		return a->label < b->label ? -1 : 1;
	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	return a->position < b->position ? -1 : a->position > b->position;
}

static int
compare_positions(const void *left, const void *right)
{
	const Candidate *a = left, *b = right;

	return a->position < b->position ? -1 : a->position > b->position;
}

static void
choose(PerClassState *state)
{
	uint64_t kept = 0, of_class = 0;
	Candidate before = { 0 };

	if (state->count)
		qsort(state->candidates, state->count, sizeof *state->candidates, compare_keys);
	for (uint64_t i = 0; i < state->count; i++) {
		Candidate candidate = state->candidates[i];

		of_class = i && before.label == candidate.label && before.part == candidate.part ? of_class + 1 : 0;
		if (of_class < state->most)
			state->candidates[kept++] = candidate;
		before = candidate;
	}
	state->count = kept;
	if (kept)
		qsort(state->candidates, kept, sizeof *state->candidates, compare_positions);
}

static Status
read_all(PerClassState *state)
{
	Record record;
	Status status = spool_open(&state->spool, &state->inner.about, state->memory);

	while (status >= 0 && (status = source_next(&state->inner, &record)) > 0)
		status = add(state, &record);
	if (status >= 0)
		status = source_finish(&state->inner);
	if (status >= 0)
		choose(state);
	state->is_read = true;
	return status;
}

static Status
per_class_next(Source *source, Record *record)
{
	PerClassState *state = source->state;
	Status status = state->is_read ? STATUS_OK : read_all(state);
	uint64_t n = 0, at = state->position;

	if (status < 0 || at == state->count)
		return status < 0 ? status : 0;
	while (at + n < state->count && n < state->rows_room && state->candidates[at + n].part == state->candidates[at].part) {
		state->rows[n] = state->candidates[at + n].position;
		n++;
	}
	if ((status = spool_gather(&state->spool, state->rows, n, &state->record)) < 0)
		return status;
	state->record.part = state->candidates[at].part;
	state->record.epoch = -1;
	state->begin = at;
	state->position += n;
	*record = state->record;
	return 1;
}

static bool
per_class_stored_hash(const Source *source, uint64_t row, uint64_t seed, uint64_t *hash)
{
	const PerClassState *state = source->state;
	const Candidate *candidate = &state->candidates[state->begin + row];

	*hash = candidate->stored_hash;
	return seed == state->seed && candidate->has_stored_hash;
}

static json_t *
per_class_inputs(const Source *source)
{
	return source_inputs(&((const PerClassState *)source->state)->inner);
}

static void
per_class_close(Source *source)
{
	PerClassState *state = source->state;

	spool_record_release(&state->record);
	if (state->spool.state)
		spool_close(&state->spool);
	source_close(&state->inner);
	free(state->candidates);
	free(state->rows);
	free(state);
}

static const SourceKind per_class_kind = {
	.next = per_class_next,
	.stored_hash = per_class_stored_hash,
	.inputs = per_class_inputs,
	.close = per_class_close,
};

Status
per_class_open(Source *source, Source *inner, uint64_t most, uint64_t seed, uint64_t memory)
{
	PerClassState *state = memory_zeroed(1, sizeof *state);

	*state = (PerClassState){ .inner = *inner, .most = most, .seed = seed, .memory = memory,
				  .key = random_key(seed, "sample") };
	*inner = (Source){ 0 };
	source_wrap(source, &state->inner, &per_class_kind, state);
	state->rows_room = batch_room(&source->about);
	state->rows = memory_zeroed(state->rows_room, sizeof *state->rows);
	if (!source->about.epochs)
		return STATUS_OK;
	Status status = fail(STATUS_USAGE, "--sample: %s repeats its samples epoch by epoch; choose before fm-augment --epochs",
			     source->name);

	source_close(source);
	return status;
}
