/* source/range.c: --range. */
#include "source/range.h"

#include "memory.h"

#include <errno.h>

typedef struct RangeState {
	Source inner;
	Range range;
	uint64_t position; /* of the next sample that inner sends */
	uint64_t dropped;  /* samples in front of those kept of the last record */
} RangeState;

static const char *
number_parse(const char *text, uint64_t *number)
{
	char *end;

	errno = 0;
	*number = strtoull(text, &end, 10);
	return *text < '0' || *text > '9' || errno ? NULL : end;
}

const char *
range_parse(const char *text, Range *range)
{
	static const char expected[] = "A:B, whole numbers, A not above B, such as 0:5000";
	const char *rest = text;

	*range = (Range){ 0, UINT64_MAX };
	if (*rest != ':' && !(rest = number_parse(rest, &range->begin)))
		return expected;
	if (*rest++ != ':' || (*rest && !(rest = number_parse(rest, &range->end))) || *rest)
		return expected;
	return range->begin > range->end ? expected : NULL;
}

/* What of a record lies in the range; state->position is its end. */
static void
keep(RangeState *state, Record *record)
{
	uint64_t begin = state->position - record->n;
	uint64_t to = state->range.end < state->position ? state->range.end : state->position;

	state->dropped = state->range.begin > begin ? state->range.begin - begin : 0;
	record_keep(record, state->dropped, to - begin);
}

static Status
range_next(Source *source, Record *record)
{
	RangeState *state = source->state;

	while (state->position < state->range.end) {
		Status status = source_next(&state->inner, record);

		if (status == 0 && state->range.end != UINT64_MAX)
			return fail(STATUS_USAGE, "--range %llu:%llu: %s has only %llu samples",
				    (unsigned long long)state->range.begin, (unsigned long long)state->range.end, source->name,
				    (unsigned long long)state->position);
		if (status <= 0)
			return status;
		state->position += record->n;
		if (state->position > state->range.begin) {
			keep(state, record);
			return 1;
		}
	}
	return 0;
}

static bool
range_stored_hash(const Source *source, uint64_t row, uint64_t seed, uint64_t *hash)
{
	const RangeState *state = source->state;

	return source_stored_hash(&state->inner, row + state->dropped, seed, hash);
}

static Status
range_finish(Source *source)
{
	return source_finish(&((RangeState *)source->state)->inner);
}

static json_t *
range_inputs(const Source *source)
{
	return source_inputs(&((const RangeState *)source->state)->inner);
}

static void
range_close(Source *source)
{
	RangeState *state = source->state;

	source_close(&state->inner);
	free(state);
}

static const SourceKind range_kind = {
	.next = range_next,
	.stored_hash = range_stored_hash,
	.finish = range_finish,
	.inputs = range_inputs,
	.close = range_close,
};

Status
range_open(Source *source, Source *inner, Range range)
{
	RangeState *state = memory_zeroed(1, sizeof *state);

	state->inner = *inner;
	state->range = range;
	*inner = (Source){ 0 };
	source_wrap(source, &state->inner, &range_kind, state);
	if (!source->about.epochs)
		return STATUS_OK;
	Status status = fail(STATUS_USAGE, "--range: %s repeats its samples epoch by epoch; choose before fm-augment --epochs",
			     source->name);

	source_close(source);
	return status;
}
