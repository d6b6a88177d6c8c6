/* source/part.c: --part: one part of a marked source, without the mark. */
#include "memory.h"
#include "source/holdout.h"

typedef struct PartState {
	Source inner;
	Part part;
} PartState;

static Status
part_next(Source *source, Record *record)
{
	PartState *state = source->state;
	Status status;

	/* all hold-out records come first: once the others begin, no more of it will follow */
	while ((status = source_next(&state->inner, record)) > 0 && record->part != state->part)
		if (state->part == PART_HOLDOUT)
			return 0;
	record->part = PART_NONE;
	return status;
}

static Status
part_finish(Source *source)
{
	return source_finish(&((PartState *)source->state)->inner);
}

static json_t *
part_inputs(const Source *source)
{
	return source_inputs(&((const PartState *)source->state)->inner);
}

static void
part_close(Source *source)
{
	PartState *state = source->state;

	source_close(&state->inner);
	free(state);
}

static const SourceKind part_kind = {
	.next = part_next,
	.finish = part_finish,
	.inputs = part_inputs,
	.close = part_close,
};

/* The hold-out is not repeated, whatever the rest is. */
static void
forget_epochs(About *about)
{
	about->epochs = EPOCHS_NONE;
	about->epoch_samples = 0;
	json_decref(about->epoch_labels);
	about->epoch_labels = NULL;
}

Status
part_open(Source *source, Source *inner, Part part)
{
	PartState *state = memory_zeroed(1, sizeof *state);

	*state = (PartState){ .inner = *inner, .part = part };
	*inner = (Source){ 0 };
	source_wrap(source, &state->inner, &part_kind, state);
	if (source->about.is_marked) {
		source->about.is_marked = false;
		if (part == PART_HOLDOUT)
			forget_epochs(&source->about);
		return STATUS_OK;
	}
	Status status = fail(STATUS_USAGE, "--part: %s has no parts; make them with --holdout", source->name);

	source_close(source);
	return status;
}
