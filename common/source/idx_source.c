/* source/idx_source.c: a pair of IDX files as a source. */
#include "source/idx_source.h"

#include "memory.h"
#include "source/batch.h"
#include "source/idx.h"
#include "source/idx_labels.h"

#include <inttypes.h>
#include <stdio.h>

typedef struct IdxState {
	Bytes images;
	IdxHeader header;
	int32_t *labels; /* [header.shape[0]]; NULL: none */
	IdxTraits traits;
	uint64_t done; /* samples */
	Batch batch;
	uint8_t *stored; /* [h, w, c]: a picture before it is turned over; NULL where it is stored upright */
} IdxState;

static void
idx_close(Source *source)
{
	IdxState *state = source->state;

	bytes_close(&state->images);
	batch_release(&state->batch);
	free(state->labels);
	free(state->stored);
	free(state);
}

/* from [w, h, c] to [h, w, c] */
static void
transpose(const uint8_t *from, uint8_t *to, const IdxHeader *header)
{
	size_t h = header->shape[1], w = header->shape[2], c = header->shape[3];

	for (size_t y = 0; y < h; y++)
		for (size_t x = 0; x < w; x++)
			memcpy(to + (y * w + x) * c, from + (x * h + y) * c, c);
}

static void
set_upright(IdxState *state, uint8_t *images, uint64_t n, size_t size)
{
	for (uint64_t i = 0; state->stored && i < n; i++) {
		memcpy(state->stored, images + i * size, size);
		transpose(state->stored, images + i * size, &state->header);
	}
}

static Status
read_images(IdxState *state, uint64_t n)
{
	Tensor *image = record_find(&state->batch.record, "image");
	size_t size = tensor_row_size(image), got;
	Status status = bytes_read(&state->images, image->data, n * size, &got);

	if (status >= 0 && got < n * size)
		return fail(STATUS_INPUT, "%s: truncated: it has %" PRIu64 " images, its header promises %u", state->images.name,
			    state->done + got / size, state->header.shape[0]);
	if (status >= 0)
		set_upright(state, image->data, n, size);
	return status;
}

static void
set_labels(IdxState *state, uint64_t n)
{
	int32_t *label = (int32_t *)record_find(&state->batch.record, "label")->data;
	int64_t *id = (int64_t *)record_find(&state->batch.record, "id")->data;

	for (uint64_t i = 0; i < n; i++) {
		label[i] = state->labels ? state->labels[state->done + i] : -1;
		id[i] = state->traits.first_id + (int64_t)(state->done + i);
	}
}

static Status
idx_next(Source *source, Record *record)
{
	IdxState *state = source->state;
	uint64_t left = state->header.shape[0] - state->done;
	uint64_t n = left < state->batch.room ? left : state->batch.room;
	Status status;

	if (!left)
		return (status = idx_check_end(&state->images, &state->header)) < 0 ? status : 0;
	batch_resize(&state->batch, n);
	if ((status = read_images(state, n)) < 0)
		return status;
	set_labels(state, n);
	state->done += n;
	*record = state->batch.record;
	return 1;
}

static const SourceKind idx_kind = { .next = idx_next, .close = idx_close };

/* ---- opening ---- */

/* Names for classes that have none: "0", "1", … */
static Status
set_numbers(About *about, uint32_t count)
{
	char(*texts)[8] = memory_zeroed(count, sizeof *texts);
	const char **names = memory_zeroed(count, sizeof *names);

	for (uint32_t i = 0; i < count; i++) {
		snprintf(texts[i], sizeof texts[i], "%u", i % STREAM_CLASSES_MOST);
		names[i] = texts[i];
	}
	Status status = about_set_classes(about, count, names);

	free(names);
	free(texts);
	return status;
}

static Status
set_classes(About *about, const IdxTraits *traits, int32_t most, const char *name)
{
	if (!traits->class_count)
		return set_numbers(about, (uint32_t)(most + 1));
	if (most >= 0 && (uint32_t)most >= traits->class_count)
		return fail(STATUS_INPUT, "%s: label %d is out of range: there are %u classes, %d to %d", name,
			    most + traits->first_label, traits->class_count, traits->first_label,
			    (int)traits->class_count - 1 + traits->first_label);
	return about_set_classes(about, traits->class_count, traits->classes);
}

static Status
read_labels(IdxState *state, Bytes *bytes, const IdxHeader *header, int32_t *most)
{
	if (header->rank != 1)
		return fail(STATUS_INPUT, "%s: holds images; expected the labels of %s", bytes->name, state->images.name);
	if (header->shape[0] != state->header.shape[0])
		return fail(STATUS_INPUT, "%s has %u labels, %s has %u images; they don't belong together", bytes->name,
			    header->shape[0], state->images.name, state->header.shape[0]);
	return idx_labels_read(bytes, header, state->traits.first_label, &state->labels, most);
}

static Status
describe(Source *source, IdxState *state)
{
	const IdxHeader *header = &state->header;
	About *about = &source->about;

	if (state->traits.is_transposed && header->shape[1] != header->shape[2])
		return fail(STATUS_INPUT, "%s: pictures of %ux%u; expected square ones", state->images.name, header->shape[1],
			    header->shape[2]);
	if (state->traits.is_transposed)
		state->stored = memory_zeroed(header->shape[1] * header->shape[2], header->shape[3]);
	about_init(about, header->shape[1], header->shape[2], header->shape[3]);
	Status status = about_add_column(about, "id", DTYPE_I64, 0, NULL);

	return status < 0 ? status : about_add_column(about, "label", DTYPE_I32, 0, NULL);
}

static Status
prepare(Source *source, IdxState *state, Bytes *labels, const IdxHeader *header)
{
	int32_t most = -1;
	Status status;

	if (state->header.rank == 1)
		return fail(STATUS_INPUT, "%s: holds labels; give it together with the file of its images", state->images.name);
	if ((status = describe(source, state)) >= 0 && labels->state)
		status = read_labels(state, labels, header, &most);
	if (status >= 0)
		status = set_classes(&source->about, &state->traits, most, state->images.name);
	return status < 0 ? status : batch_init(&state->batch, &source->about);
}

/* Which is which, their headers say. */
static Status
read_headers(IdxState *state, Bytes *labels, IdxHeader *header)
{
	Status status = idx_header_read(&state->images, &state->header);

	if (status < 0 || !labels->state || (status = idx_header_read(labels, header)) < 0)
		return status;
	if (state->header.rank == 1 && header->rank > 1) {
		IdxHeader images_header = *header;
		Bytes images = *labels;

		*labels = state->images;
		*header = state->header;
		state->images = images;
		state->header = images_header;
	}
	return STATUS_OK;
}

Status
idx_source_open(Source *source, Bytes *images, Bytes *labels, const IdxTraits *traits)
{
	IdxState *state = memory_zeroed(1, sizeof *state);
	Bytes other = labels ? *labels : (Bytes){ 0 };
	IdxHeader header;

	state->images = *images;
	state->traits = *traits;
	*images = (Bytes){ 0 };
	if (labels)
		*labels = (Bytes){ 0 };
	Status status = read_headers(state, &other, &header);

	*source = (Source){ .kind = &idx_kind, .name = memory_text(state->images.name), .state = state };
	if (status >= 0)
		status = prepare(source, state, &other, &header);
	bytes_close(&other);
	if (status < 0)
		source_close(source);
	return status;
}
