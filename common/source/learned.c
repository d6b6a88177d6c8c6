/* source/learned.c */
#include "source/learned.h"

#include "memory.h"
#include "source/batch.h"
#include "stream/spool.h"

typedef struct LearnedState {
	Source inner;
	Spool spool;
	uint64_t count, room, begin, position; /* of the last record's first sample, of the next one's */
	uint64_t seed, *hashes; /* [count] of the stored files */
	bool has_hashes;
	int32_t *final; /* class of each provisional label */
	uint64_t *rows, rows_room;
	Record record;
} LearnedState;

static Status
keep_hashes(LearnedState *state, uint64_t n)
{
	if (state->count + n > state->room) {
		uint64_t room = 2 * (state->count + n);
		uint64_t *larger = reallocarray(state->hashes, room, sizeof *larger);

		if (!larger)
			return fail(STATUS_IO, "no memory for %llu samples", (unsigned long long)room);
		state->hashes = larger;
		state->room = room;
	}
	for (uint64_t i = 0; i < n; i++)
		state->has_hashes = source_stored_hash(&state->inner, i, state->seed, &state->hashes[state->count + i]);
	state->count += n;
	return STATUS_OK;
}

static Status
read_all(LearnedState *state, uint64_t memory)
{
	Record record;
	Status status = spool_open(&state->spool, &state->inner.about, memory);

	while (status >= 0 && (status = source_next(&state->inner, &record)) > 0)
		if ((status = keep_hashes(state, record.n)) >= 0)
			status = spool_append(&state->spool, &record);
	return status < 0 ? status : source_finish(&state->inner);
}

static Status
learned_next(Source *source, Record *record)
{
	LearnedState *state = source->state;
	uint64_t left = state->count - state->position, n = left < state->rows_room ? left : state->rows_room;

	if (!n)
		return 0;
	for (uint64_t i = 0; i < n; i++)
		state->rows[i] = state->position + i;
	Status status = spool_gather(&state->spool, state->rows, n, &state->record);

	if (status < 0)
		return status;
	int32_t *label = (int32_t *)record_find(&state->record, "label")->data;

	for (uint64_t i = 0; i < n; i++)
		label[i] = label[i] < 0 ? -1 : state->final[label[i]];
	state->record.epoch = -1;
	state->begin = state->position;
	state->position += n;
	*record = state->record;
	return 1;
}

static bool
learned_stored_hash(const Source *source, uint64_t row, uint64_t seed, uint64_t *hash)
{
	const LearnedState *state = source->state;

	*hash = state->hashes[state->begin + row];
	return seed == state->seed && state->has_hashes;
}

static void
learned_close(Source *source)
{
	LearnedState *state = source->state;

	spool_record_release(&state->record);
	if (state->spool.state)
		spool_close(&state->spool);
	source_close(&state->inner);
	free(state->hashes);
	free(state->final);
	free(state->rows);
	free(state);
}

static const SourceKind learned_kind = {
	.next = learned_next,
	.stored_hash = learned_stored_hash,
	.close = learned_close,
};

static Status
set_classes(Source *source, LearnedState *state, const Labels *labels)
{
	uint32_t count;
	char **names;

	labels_settle(labels, &count, &names, &state->final);
	Status status = about_set_classes(&source->about, count, (const char *const *)names);

	for (uint32_t i = 0; i < count; i++)
		free(names[i]);
	free(names);
	return status;
}

Status
learned_open(Source *source, Source *inner, const Labels *labels, uint64_t seed, uint64_t memory)
{
	LearnedState *state = memory_zeroed(1, sizeof *state);

	*state = (LearnedState){ .inner = *inner, .seed = seed };
	*inner = (Source){ 0 };
	source_wrap(source, &state->inner, &learned_kind, state);
	state->rows_room = batch_room(&source->about);
	state->rows = memory_zeroed(state->rows_room, sizeof *state->rows);
	Status status = read_all(state, memory);

	if (status >= 0)
		status = set_classes(source, state, labels);
	if (status < 0)
		source_close(source);
	return status;
}
