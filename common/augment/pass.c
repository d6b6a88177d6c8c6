/* pass.c: one pass over a stream, record by record, in constant memory. */
#include "augment/augment.h"

#include <stdlib.h>

typedef struct Pass {
	Augmenter *augmenter;
	const Record *record; /* being made */
	uint8_t *pixels;      /* for it: room for size bytes */
	size_t size;
} Pass;

static Status
make_room(Pass *pass, size_t size)
{
	if (size <= pass->size)
		return STATUS_OK;
	free(pass->pixels);
	pass->size = 0;
	pass->pixels = aligned_alloc(64, (size + 63) / 64 * 64);
	if (!pass->pixels)
		return fail_errno("%zu bytes for a record's pictures", size);
	pass->size = size;
	return STATUS_OK;
}

static void
make_share(void *context, size_t share, int thread)
{
	const Pass *pass = context;
	Augmenter *augmenter = pass->augmenter;
	const Record *record = pass->record;
	const uint8_t *from = record_find(record, "image")->data;
	const int64_t *ids = (const int64_t *)record_find(record, "id")->data;
	uint32_t epoch = record->epoch < 0 ? 0 : (uint32_t)record->epoch;
	uint64_t most = augmenter_share(augmenter), begin = share * most;
	uint64_t end = record->n - begin < most ? record->n : begin + most;
	size_t size = augmenter->picture_size;

	for (uint64_t i = begin; i < end; i++)
		augmenter_make(augmenter, thread, epoch, (uint64_t)ids[i], from + i * size, pass->pixels + i * size);
}

/* Put augmented pictures in the place of a record's own. */
static Status
augment_record(Pass *pass, Record *record)
{
	Tensor *image = record_find(record, "image");
	uint64_t share = augmenter_share(pass->augmenter);

	if (record->part == PART_HOLDOUT || record->n == 0)
		return STATUS_OK;
	if (make_room(pass, image->size) != STATUS_OK)
		return STATUS_IO;
	pass->record = record;
	team_run(pass->augmenter->team, (record->n + share - 1) / share, make_share, pass);
	image->data = pass->pixels;
	return STATUS_OK;
}

Status
augment_pass(Augmenter *augmenter, Reader *reader, Writer *writer)
{
	Pass pass = { .augmenter = augmenter };
	Record record;
	Status status;

	while ((status = reader_next(reader, &record)) > 0) {
		status = augment_record(&pass, &record);
		if (status == STATUS_OK)
			status = writer_send(writer, &record);
		if (status != STATUS_OK)
			break;
	}
	free(pass.pixels);
	return status;
}
