/* source/holdout.c: --holdout: keep all samples, choose, send the chosen ones first. */
#include "source/holdout.h"

#include "memory.h"
#include "source/batch.h"
#include "stream/spool.h"

#include <xxhash.h>

typedef struct HoldoutState {
	Source inner;
	Holdout holdout;
	uint64_t seed, memory;
	Spool spool;
	Ballot *ballots; /* [count], by number */
	uint64_t count, ballot_room;
	bool is_read;
	Part part;	   /* being sent */
	uint64_t position; /* of the next sample to look at, in the input */
	uint64_t *rows;	   /* [room] */
	uint64_t room;	   /* samples a record */
	Record record;
} HoldoutState;

static Status
grow(HoldoutState *state, uint64_t more)
{
	uint64_t room = 2 * (state->count + more);

	if (state->count + more <= state->ballot_room)
		return STATUS_OK;
	Ballot *larger = reallocarray(state->ballots, room, sizeof *larger);

	if (!larger)
		return fail(STATUS_IO, "no memory to choose from %llu samples", (unsigned long long)room);
	state->ballots = larger;
	state->ballot_room = room;
	return STATUS_OK;
}

static uint64_t
hash_row(const HoldoutState *state, const Record *record, uint64_t row)
{
	const Tensor *image = record_find(record, "image");
	size_t size = tensor_row_size(image);
	uint64_t hash;

	if (source_stored_hash(&state->inner, row, state->seed, &hash))
		return hash;
	return XXH3_64bits_withSeed(image->data + row * size, size, state->seed);
}

static Status
vote(HoldoutState *state, const Record *record)
{
	const int32_t *labels = (const int32_t *)record_find(record, "label")->data;
	const int64_t *ids = (const int64_t *)record_find(record, "id")->data;
	Status status = grow(state, record->n);
	bool is_all = false;
	uint64_t bound = holdout_bound(&state->holdout, &is_all);

	for (uint64_t i = 0; status >= 0 && i < record->n; i++) {
		bool is_held = state->holdout.is_share && (is_all || hash_row(state, record, i) < bound);

		state->ballots[state->count++] = (Ballot){ ids[i], labels[i], is_held };
	}
	return status;
}

static Status
read_all(HoldoutState *state)
{
	Record record;
	Status status = spool_open(&state->spool, &state->inner.about, state->memory);

	while (status >= 0 && (status = source_next(&state->inner, &record)) > 0)
		if ((status = vote(state, &record)) >= 0)
			status = spool_append(&state->spool, &record);
	return status < 0 ? status : source_finish(&state->inner);
}

static Status
choose(HoldoutState *state)
{
	if (state->holdout.is_share)
		return STATUS_OK;
	if (state->holdout.count > state->count)
		return fail(STATUS_USAGE, "--holdout %llu: %s has only %llu samples", (unsigned long long)state->holdout.count,
			    state->inner.name, (unsigned long long)state->count);
	return holdout_choose(state->holdout.count, state->seed, state->count, state->ballots);
}

/* Rows of the part being sent, as many as fill a record. */
static uint64_t
next_rows(HoldoutState *state)
{
	uint64_t n = 0;

	for (; state->position < state->count && n < state->room; state->position++)
		if (state->ballots[state->position].is_held == (state->part == PART_HOLDOUT))
			state->rows[n++] = state->position;
	return n;
}

static Status
holdout_next(Source *source, Record *record)
{
	HoldoutState *state = source->state;
	Status status = STATUS_OK;

	if (!state->is_read && ((status = read_all(state)) < 0 || (status = choose(state)) < 0))
		return status;
	state->is_read = true;
	uint64_t n = next_rows(state);

	if (!n && state->part == PART_HOLDOUT) {
		state->part = PART_FIT;
		state->position = 0;
		n = next_rows(state);
	}
	if (!n)
		return 0;
	if ((status = spool_gather(&state->spool, state->rows, n, &state->record)) < 0)
		return status;
	state->record.part = state->part;
	state->record.epoch = -1;
	*record = state->record;
	return 1;
}

static json_t *
holdout_inputs(const Source *source)
{
	return source_inputs(&((const HoldoutState *)source->state)->inner);
}

static void
holdout_close(Source *source)
{
	HoldoutState *state = source->state;

	spool_record_release(&state->record);
	if (state->spool.state)
		spool_close(&state->spool);
	source_close(&state->inner);
	free(state->ballots);
	free(state->rows);
	free(state);
}

static const SourceKind holdout_kind = { .next = holdout_next, .inputs = holdout_inputs, .close = holdout_close };

static Status
check_parts(const Source *inner)
{
	if (inner->about.is_marked)
		return fail(STATUS_USAGE, "--holdout: %s has its hold-out marked already; keep it, or drop it with --part",
			    inner->name);
	if (inner->about.epochs)
		return fail(STATUS_USAGE, "--holdout: %s repeats its samples epoch by epoch; hold out before fm-augment --epochs",
			    inner->name);
	return STATUS_OK;
}

Status
holdout_open(Source *source, Source *inner, const Holdout *holdout, uint64_t seed, uint64_t memory)
{
	HoldoutState *state = memory_zeroed(1, sizeof *state);

	*state = (HoldoutState){ .inner = *inner, .holdout = *holdout, .seed = seed, .memory = memory, .part = PART_HOLDOUT };
	*inner = (Source){ 0 };
	source_wrap(source, &state->inner, &holdout_kind, state);
	source->about.is_marked = true;
	Status status = check_parts(&state->inner);

	state->room = batch_room(&source->about);
	state->rows = memory_zeroed(state->room, sizeof *state->rows);
	if (status < 0)
		source_close(source);
	return status;
}
