/* kept.c: read a stream into a spool, and count what its first record must say when it is sent again. */
#include "augment/kept.h"

#include <stdlib.h>
#include <string.h>

static Status
grow_ids(Kept *kept, uint64_t needed)
{
	uint64_t room = needed > 2 * kept->ids_room ? needed : 2 * kept->ids_room;
	int64_t *ids;

	if (needed <= kept->ids_room)
		return STATUS_OK;
	ids = reallocarray(kept->ids, room, sizeof *ids);
	if (!ids)
		return fail_errno("memory for the ids of %llu samples", (unsigned long long)needed);
	kept->ids = ids;
	kept->ids_room = room;
	return STATUS_OK;
}

static Status
keep_ids(Kept *kept, const Record *record, uint64_t first)
{
	Status status = grow_ids(kept, first + record->n);

	if (status == STATUS_OK)
		memcpy(kept->ids + first, record_find(record, "id")->data, record->n * sizeof *kept->ids);
	return status;
}

static void
count_labels(Kept *kept, const Record *record)
{
	const Tensor *tensor = record_find(record, "label");
	const int32_t *labels = tensor ? (const int32_t *)tensor->data : NULL;

	for (uint64_t i = 0; labels && i < record->n; i++)
		if (labels[i] >= 0)
			kept->label_counts[labels[i]]++;
}

static Status
keep_record(Kept *kept, const Record *record)
{
	bool is_holdout = record->part == PART_HOLDOUT;
	Status status;

	if (record->n == 0)
		return STATUS_OK;
	status = keep_ids(kept, record, kept->holdout + kept->fit);
	if (status == STATUS_OK)
		status = spool_append(&kept->spool, record);
	if (status != STATUS_OK)
		return status;
	if (!is_holdout)
		count_labels(kept, record);
	*(is_holdout ? &kept->holdout : &kept->fit) += record->n;
	return STATUS_OK;
}

static Status
prepare(Kept *kept, const About *about, uint64_t memory)
{
	*kept = (Kept){ 0 };
	about_copy(&kept->about, about);
	kept->label_counts = calloc((size_t)about->class_count + 1, sizeof *kept->label_counts);
	if (!kept->label_counts)
		return fail_errno("memory to count %u classes", about->class_count);
	return spool_open(&kept->spool, &kept->about, memory);
}

Status
kept_read(Kept *kept, Reader *reader, uint64_t memory)
{
	Status status = prepare(kept, &reader->about, memory);
	Record record;

	while (status == STATUS_OK && (status = reader_next(reader, &record)) > 0)
		status = keep_record(kept, &record);
	if (status != STATUS_OK)
		kept_release(kept);
	return status;
}

void
kept_release(Kept *kept)
{
	if (kept->spool.state)
		spool_close(&kept->spool);
	about_release(&kept->about);
	free(kept->ids);
	free(kept->label_counts);
	*kept = (Kept){ 0 };
}
