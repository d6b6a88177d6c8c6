/* pass.c: one pass over a stream, record by record, in constant memory. */
#include "augment/augment.h"

#include <omp.h>
#include <stdlib.h>

enum { PIXELS_WORTH_THREADS = 1 << 16 }; /* waking threads costs as much as warping this many pixels */

typedef struct Pass {
	Augmenter *augmenter;
	uint8_t *pixels;  /* of the record being made */
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
make_pictures(Pass *pass, const Record *record, const Tensor *image)
{
	Augmenter *augmenter = pass->augmenter;
	const int64_t *ids = (const int64_t *)record_find(record, "id")->data;
	uint32_t epoch = record->epoch < 0 ? 0 : (uint32_t)record->epoch;
	size_t size = augmenter->picture_size;

#pragma omp parallel for schedule(dynamic, 16) num_threads(augmenter->threads) if (image->size >= PIXELS_WORTH_THREADS)
	for (uint64_t i = 0; i < record->n; i++)
		augmenter_make(augmenter, omp_get_thread_num(), epoch, (uint64_t)ids[i], image->data + i * size,
			       pass->pixels + i * size);
}

/* Put augmented pictures in the place of a record's own. */
static Status
augment_record(Pass *pass, Record *record)
{
	Tensor *image = record_find(record, "image");

	if (record->part == PART_HOLDOUT || record->n == 0)
		return STATUS_OK;
	if (make_room(pass, image->size) != STATUS_OK)
		return STATUS_IO;
	make_pictures(pass, record, image);
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
