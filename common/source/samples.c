/* source/samples.c: from single samples to records. */
#include "source/samples.h"

#include "memory.h"
#include "source/batch.h"

#include <stdio.h>

typedef struct SamplesState {
	const SamplesKind *kind;
	void *own;
	Batch batch;
	uint64_t room; /* samples a record */
	int64_t next_id;
	uint64_t seed;
	uint64_t *hashes; /* [room] of the record that was sent last */
	bool has_hashes;
	size_t name_width; /* of a row in memory; 0: no names */
} SamplesState;

static void
keep_name(SamplesState *state, uint64_t row, const char *name, size_t *widest)
{
	uint8_t *names = record_find(&state->batch.record, "name")->data;
	size_t length = strnlen(name, state->name_width);

	memset(names + row * state->name_width, 0, state->name_width);
	memcpy(names + row * state->name_width, name, length);
	if (length > *widest)
		*widest = length;
}

/* Names lie as wide apart as the widest of all could be: push them together to the widest of these. */
static void
narrow_names(SamplesState *state, uint64_t n, size_t width)
{
	Tensor *tensor = record_find(&state->batch.record, "name");

	tensor->shape[1] = width ? width : 1;
	for (uint64_t i = 1; i < n; i++)
		memmove(tensor->data + i * tensor->shape[1], tensor->data + i * state->name_width, tensor->shape[1]);
}

static Status
read_one(SamplesState *state, uint64_t row, size_t *widest)
{
	Record *record = &state->batch.record;
	Tensor *image = record_find(record, "image");
	Sample sample = { .image = image->data + row * tensor_row_size(image), .label = -1 };
	Status status = state->kind->read(state->own, &sample);

	if (status <= 0)
		return status;
	((int32_t *)record_find(record, "label")->data)[row] = sample.label;
	((int64_t *)record_find(record, "id")->data)[row] = state->next_id++;
	state->hashes[row] = sample.stored_hash;
	state->has_hashes = sample.has_stored_hash;
	if (state->name_width)
		keep_name(state, row, sample.name ? sample.name : "", widest);
	return 1;
}

static Status
samples_next(Source *source, Record *record)
{
	SamplesState *state = source->state;
	uint64_t n = 0;
	size_t widest = 0;
	Status status = 1;

	while (n < state->room && status > 0) {
		if (n && state->kind->would_wait && state->kind->would_wait(state->own))
			break;
		if ((status = read_one(state, n, &widest)) > 0)
			n++;
	}
	if (status < 0 || !n)
		return status < 0 ? status : 0;
	if (state->name_width)
		narrow_names(state, n, widest);
	batch_resize(&state->batch, n);
	*record = state->batch.record;
	return 1;
}

static bool
samples_stored_hash(const Source *source, uint64_t row, uint64_t seed, uint64_t *hash)
{
	const SamplesState *state = source->state;

	if (!state->has_hashes || seed != state->seed)
		return false;
	*hash = state->hashes[row];
	return true;
}

static void
samples_close(Source *source)
{
	SamplesState *state = source->state;

	state->kind->close(state->own);
	batch_release(&state->batch);
	free(state->hashes);
	free(state);
}

static const SourceKind samples_kind = {
	.next = samples_next,
	.stored_hash = samples_stored_hash,
	.close = samples_close,
};

Status
samples_open(Source *source, const SamplesKind *kind, void *own, About *about, const char *name, int64_t first_id, uint64_t seed)
{
	SamplesState *state = memory_zeroed(1, sizeof *state);
	int column = about_find(about, "name");

	*state = (SamplesState){ .kind = kind, .own = own, .next_id = first_id, .seed = seed,
				 .name_width = column < 0 ? 0 : about->columns[column].shape[0] };
	*source = (Source){ .kind = &samples_kind, .about = *about, .name = memory_text(name), .state = state };
	*about = (About){ 0 };
	Status status = batch_init(&state->batch, &source->about);

	if (status < 0) {
		source_close(source);
		return status;
	}
	state->room = kind->is_single ? 1 : state->batch.room;
	state->hashes = memory_zeroed(state->room, sizeof *state->hashes);
	return STATUS_OK;
}

Status
samples_about(About *about, uint32_t height, uint32_t width, uint32_t channels, uint64_t name_width, const char *name)
{
	if (!height || !width || !channels || height > STREAM_SIDE_MOST || width > STREAM_SIDE_MOST ||
	    channels > STREAM_CHANNELS_MOST)
		return fail(STATUS_INPUT, "%s: pictures of %ux%ux%u; expected 1 to %d pixels a side and 1 to %d channels", name,
			    height, width, channels, STREAM_SIDE_MOST, STREAM_CHANNELS_MOST);
	about_init(about, height, width, channels);
	Status status = about_add_column(about, "id", DTYPE_I64, 0, NULL);

	if (status >= 0)
		status = about_add_column(about, "label", DTYPE_I32, 0, NULL);
	if (status >= 0 && name_width)
		status = about_add_column(about, "name", DTYPE_U8, 1, &name_width);
	if (status < 0)
		about_release(about);
	return status;
}

Status
samples_number_classes(About *about, uint32_t count)
{
	char(*texts)[12] = memory_zeroed(count, sizeof *texts);
	const char **names = memory_zeroed(count, sizeof *names);

	for (uint32_t i = 0; i < count; i++) {
		snprintf(texts[i], sizeof texts[i], "%u", i);
		names[i] = texts[i];
	}
	Status status = about_set_classes(about, count, names);

	free(names);
	free(texts);
	return status;
}
