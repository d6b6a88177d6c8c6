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

/* The record's ids, or else positions, behind those of the records before. */
static Status
keep_ids(Kept *kept, const Record *record, uint64_t first)
{
	const Tensor *tensor = record_find(record, "id");
	Status status = grow_ids(kept, first + record->n);

	if (status != STATUS_OK)
		return status;
	if (tensor)
		memcpy(kept->ids + first, tensor->data, record->n * sizeof *kept->ids);
	for (uint64_t i = 0; !tensor && i < record->n; i++)
		kept->ids[first + i] = (int64_t)(first + i);
	return STATUS_OK;
}

static void
count_labels(Kept *kept, const Record *record)
{
	const Tensor *tensor = record_find(record, "label");

	for (uint64_t i = 0; tensor && i < record->n; i++) {
		int32_t label;

		memcpy(&label, tensor->data + i * sizeof label, sizeof label);
		if (label >= 0 && (uint32_t)label < kept->about.class_count)
			kept->label_counts[label]++;
	}
}

/* Ids belong to the source: in another order they must be said, even where they were the positions. */
static Status
spool_record(Kept *kept, const Record *record, uint64_t first)
{
	Record with_ids = *record;

	if (record_find(record, "id"))
		return spool_append(&kept->spool, record);
	memcpy(kept->tensors, record->tensors, record->tensor_count * sizeof *kept->tensors);
	kept->tensors[record->tensor_count] = (Tensor){
		.name = "id", .dtype = DTYPE_I64, .rank = 1, .shape = { record->n }, .data = (uint8_t *)(kept->ids + first),
		.size = record->n * sizeof *kept->ids,
	};
	with_ids.tensors = kept->tensors;
	with_ids.tensor_count++;
	return spool_append(&kept->spool, &with_ids);
}

static Status
keep_record(Kept *kept, const Record *record)
{
	uint64_t first = kept->holdout + kept->fit;
	bool is_holdout = record->part == PART_HOLDOUT;
	Status status;

	if (record->n == 0)
		return STATUS_OK;
	if (is_holdout && kept->fit)
		return fail(STATUS_INPUT, "record %llu is of the hold-out part, which comes before all others",
			    (unsigned long long)record->number);
	status = keep_ids(kept, record, first);
	if (status == STATUS_OK)
		status = spool_record(kept, record, first);
	if (status != STATUS_OK)
		return status;
	*(is_holdout ? &kept->holdout : &kept->fit) += record->n;
	if (!is_holdout)
		count_labels(kept, record);
	return STATUS_OK;
}

static Status
prepare(Kept *kept, const About *about, uint64_t memory)
{
	Status status;

	*kept = (Kept){ 0 };
	about_copy(&kept->about, about);
	if (about_find(about, "id") < 0 && (status = about_add_column(&kept->about, "id", DTYPE_I64, 0, NULL)) != STATUS_OK)
		return status;
	kept->label_counts = calloc((size_t)about->class_count + 1, sizeof *kept->label_counts);
	kept->tensors = calloc(kept->about.column_count, sizeof *kept->tensors);
	if (!kept->label_counts || !kept->tensors)
		return fail_errno("memory to keep samples");
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
	free(kept->tensors);
	*kept = (Kept){ 0 };
}
