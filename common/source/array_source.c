/* source/array_source.c: arrays of NumPy or safetensors as a source. */
#include "source/array_source.h"

#include "memory.h"
#include "source/samples.h"

#include <inttypes.h>

typedef struct ArrayState {
	Array images;
	size_t size; /* of a picture */
	int32_t *labels; /* [n], or NULL */
	uint64_t done;
} ArrayState;

Status
array_skip(Array *array, uint64_t size)
{
	uint8_t piece[4096];

	while (size) {
		size_t wanted = size < sizeof piece ? (size_t)size : sizeof piece, got;
		Status status = bytes_read(&array->bytes, piece, wanted, &got);

		if (status < 0)
			return status;
		if (got < wanted)
			return fail(STATUS_INPUT, "%s: truncated: %" PRIu64 " bytes fewer than its header promises", array->bytes.name,
				    size - got);
		size -= got;
	}
	return STATUS_OK;
}

static Status
check_end(Array *array)
{
	uint8_t byte;
	size_t got;
	Status status = array_skip(array, array->behind);

	if (status >= 0 && (status = bytes_read(&array->bytes, &byte, 1, &got)) >= 0 && got)
		return fail(STATUS_INPUT, "%s: more data than its header promises", array->bytes.name);
	array->behind = 0;
	return status;
}

static Status
array_read(void *own, Sample *sample)
{
	ArrayState *state = own;
	size_t got;

	if (state->done == state->images.header.shape[0])
		return check_end(&state->images);
	Status status = bytes_read(&state->images.bytes, sample->image, state->size, &got);

	if (status >= 0 && got < state->size)
		return fail(STATUS_INPUT, "%s: truncated: it has %" PRIu64 " images, its header promises %" PRIu64,
			    state->images.bytes.name, state->done, state->images.header.shape[0]);
	if (status < 0)
		return status;
	sample->label = state->labels ? state->labels[state->done] : -1;
	state->done++;
	return 1;
}

static void
array_close(void *own)
{
	ArrayState *state = own;

	bytes_close(&state->images.bytes);
	free(state->labels);
	free(state);
}

static const SamplesKind array_kind = { .read = array_read, .close = array_close };

/* ---- opening ---- */

static Status
check_images(const Array *images)
{
	const NpyHeader *header = &images->header;

	if (header->kind != 'u' || header->size != 1)
		return fail(STATUS_INPUT, "%s: images of type %c%u; expected bytes 0 to 255 (in NumPy: .astype(numpy.uint8))",
			    images->bytes.name, header->kind, header->size);
	if (header->rank != 3 && header->rank != 4)
		return fail(STATUS_INPUT, "%s: an array of %d dimensions; expected images [n, h, w] or [n, h, w, c]",
			    images->bytes.name, header->rank);
	for (int i = 1; i < NPY_RANK_MOST; i++)
		if (header->shape[i] > STREAM_SIDE_MOST)
			return fail(STATUS_INPUT, "%s: images of %" PRIu64 "x%" PRIu64 "x%" PRIu64
				    "; expected at most %d pixels a side", images->bytes.name, header->shape[1],
				    header->shape[2], header->shape[3], STREAM_SIDE_MOST);
	return STATUS_OK;
}

static Status
check_labels(const Array *labels, const Array *images)
{
	const NpyHeader *header = &labels->header;
	bool is_flat = header->rank == 1 || (header->rank == 2 && header->shape[1] == 1);

	if ((header->kind != 'u' && header->kind != 'i') || header->size > 8 || !is_flat)
		return fail(STATUS_INPUT, "%s: labels of type %c%u and %d dimensions; expected whole numbers, one a picture",
			    labels->bytes.name, header->kind, header->size, header->rank);
	if (header->shape[0] != images->header.shape[0])
		return fail(STATUS_INPUT, "%s has %" PRIu64 " labels, %s has %" PRIu64 " images; they don't belong together",
			    labels->bytes.name, header->shape[0], images->bytes.name, images->header.shape[0]);
	return STATUS_OK;
}

static Status
read_label(Array *labels, uint64_t at, int32_t first, int32_t *label)
{
	uint8_t value[8];
	int64_t number = 0;
	size_t got;
	Status status = bytes_read(&labels->bytes, value, labels->header.size, &got);

	if (status >= 0 && got < labels->header.size)
		return fail(STATUS_INPUT, "%s: truncated: it has %" PRIu64 " labels, its header promises %" PRIu64,
			    labels->bytes.name, at, labels->header.shape[0]);
	if (status < 0)
		return status;
	if (!npy_integer(&labels->header, value, &number) || number < -1 || number - first >= STREAM_CLASSES_MOST ||
	    (number != -1 && number < first))
		return fail(STATUS_INPUT, "%s: sample %" PRIu64 " has the label %" PRId64 "; expected %d to %d, or -1",
			    labels->bytes.name, at, number, first, STREAM_CLASSES_MOST - 1 + first);
	*label = number == -1 ? -1 : (int32_t)number - first;
	return STATUS_OK;
}

/* Memory grows with what is really there, not with what a header promises. */
static Status
read_labels(ArrayState *state, Array *labels, int32_t first, int32_t *most)
{
	uint64_t n = labels->header.shape[0], room = 0;
	Status status = STATUS_OK;

	for (uint64_t i = 0; i < n && status >= 0; i++) {
		if (i == room) {
			room = room ? 2 * room : 4096;
			int32_t *larger = reallocarray(state->labels, room, sizeof *larger);

			if (!larger)
				return fail(STATUS_IO, "%s: no memory for %" PRIu64 " labels", labels->bytes.name, n);
			state->labels = larger;
		}
		status = read_label(labels, i, first, &state->labels[i]);
		if (status >= 0 && state->labels[i] > *most)
			*most = state->labels[i];
	}
	if (!state->labels)
		state->labels = memory_zeroed(1, sizeof *state->labels);
	return status < 0 ? status : check_end(labels);
}

static Status
set_classes(About *about, const IdxTraits *traits, int32_t most, const char *name)
{
	if (!traits->class_count)
		return samples_number_classes(about, (uint32_t)(most + 1));
	if (most >= 0 && (uint32_t)most >= traits->class_count)
		return fail(STATUS_INPUT, "%s: label %d is out of range: there are %u classes", name, most, traits->class_count);
	return about_set_classes(about, traits->class_count, traits->classes);
}

static Status
prepare(ArrayState *state, Array *labels, const IdxTraits *traits, About *about)
{
	const uint64_t *shape = state->images.header.shape;
	const char *name = state->images.bytes.name;
	int32_t most = -1;
	Status status = check_images(&state->images);

	if (status >= 0 && labels->bytes.state && (status = check_labels(labels, &state->images)) >= 0)
		status = read_labels(state, labels, traits->first_label, &most);
	if (status < 0)
		return status;
	status = samples_about(about, (uint32_t)shape[1], (uint32_t)shape[2], (uint32_t)shape[3], 0, name);
	if (status < 0)
		return status;
	state->size = shape[1] * shape[2] * shape[3];
	if ((status = set_classes(about, traits, most, name)) < 0)
		about_release(about);
	return status;
}

Status
array_source_open(Source *source, Array *images, Array *labels, const IdxTraits *traits)
{
	ArrayState *state = memory_zeroed(1, sizeof *state);
	About about;

	state->images = *images;
	*images = (Array){ 0 };
	Status status = prepare(state, labels, traits, &about);

	bytes_close(&labels->bytes);
	if (status >= 0)
		return samples_open(source, &array_kind, state, &about, state->images.bytes.name, traits->first_id, 0);
	array_close(state);
	return status;
}
