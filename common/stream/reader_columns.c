/* stream/reader_columns.c: a record's tensors, wherever it holds them, as the columns of its stream. */
#include "stream/reader_parts.h"

#include "memory.h"
#include "stream/lazy.h"

#include <inttypes.h>
#include <string.h>

void
slot_restart(Slot *slot, size_t columns)
{
	raw_restart(&slot->raw);
	for (size_t i = 0; slot->aside && i < columns; i++) {
		free(slot->aside[i]);
		slot->aside[i] = NULL;
	}
}

void
slot_release(Slot *slot, size_t columns)
{
	slot_restart(slot, columns);
	raw_release(&slot->raw);
	free(slot->aside);
	free(slot->record.tensors);
}

/* A column of a record must be what it was in the first one; only names may differ, in width. */
static Status
check_column(const Column *column, const Tensor *tensor, uint64_t n)
{
	bool is_name = !strcmp(column->name, "name");
	size_t row = dtype_size(tensor->dtype);

	if (tensor->dtype != column->dtype || tensor->rank != column->rank + 1 || tensor->shape[0] != n)
		return fail(STATUS_INPUT, "tensor \"%s\" is %s of rank %d with %" PRIu64 " samples, expected %s of rank %d with %"
			    PRIu64, column->name, dtype_name(tensor->dtype), tensor->rank, tensor->rank ? tensor->shape[0] : 0,
			    dtype_name(column->dtype), column->rank + 1, n);
	for (int i = 0; i < column->rank; i++) {
		if (tensor->shape[i + 1] != column->shape[i] && !is_name)
			return fail(STATUS_INPUT, "tensor \"%s\" has %" PRIu64 " in dimension %d, the first record had %" PRIu64,
				    column->name, tensor->shape[i + 1], i + 1, column->shape[i]);
		if (__builtin_mul_overflow(row, tensor->shape[i + 1], &row) || row > STREAM_RECORD_MOST)
			return fail(STATUS_INPUT, "tensor \"%s\": a sample is larger than a record may be", column->name);
	}
	return STATUS_OK;
}

/* Where others may count on alignment, data that the stream put elsewhere is moved aside. */
static Status
align(Slot *slot, size_t column, Tensor *tensor)
{
	if ((uintptr_t)tensor->data % dtype_size(tensor->dtype) == 0)
		return STATUS_OK;
	slot->aside[column] = malloc(tensor->size ? tensor->size : 1);
	if (!slot->aside[column])
		return fail(STATUS_IO, "no memory for %zu bytes", tensor->size);
	if (tensor->size)
		memcpy(slot->aside[column], tensor->data, tensor->size);
	tensor->data = slot->aside[column];
	return STATUS_OK;
}

static Tensor *
find_tensor(const Safetensors *file, const char *name, size_t guess)
{
	if (guess < file->tensor_count && !strcmp(file->tensors[guess].name, name))
		return &file->tensors[guess];
	for (size_t i = 0; i < file->tensor_count; i++) {
		if (!strcmp(file->tensors[i].name, name))
			return &file->tensors[i];
	}
	return NULL;
}

/* For what reader_imply_ids fills in, when it is known which epoch the record belongs to. */
static Status
make_room_for_ids(Slot *slot, size_t column, const char *name)
{
	uint64_t n = slot->record.n;
	int64_t *ids = calloc(n + 1, sizeof *ids);

	if (!ids)
		return fail(STATUS_IO, "no memory for %" PRIu64 " ids", n);
	slot->aside[column] = ids;
	slot->record.tensors[column] = (Tensor){ .name = name, .dtype = DTYPE_I64, .rank = 1,
						 .shape = { n }, .data = (uint8_t *)ids, .size = n * sizeof *ids };
	return STATUS_OK;
}

/* @param column  of those that this record has */
static Status
place_column(Slot *slot, const Column *is, size_t column, size_t *used)
{
	Tensor *tensor;

	if (is->is_implied)
		return make_room_for_ids(slot, column, is->name);
	tensor = find_tensor(&slot->raw.file, is->name, *used);
	if (!tensor)
		return fail(STATUS_INPUT, "tensor \"%s\" is missing, %s", is->name,
			    is->is_lazy ? "an epoch of a lazy stream needs it" : "the first record had it");
	++*used;
	Status status = check_column(is, tensor, slot->record.n);
	if (status < 0)
		return status;
	slot->record.tensors[column] = *tensor;
	slot->record.tensors[column].name = is->name;
	return align(slot, column, &slot->record.tensors[column]);
}

/* Room for the tensors of a record of any kind. */
static void
slot_prepare(Slot *slot, size_t columns)
{
	if (slot->record.tensors)
		return;
	slot->record.tensors = memory_zeroed(columns, sizeof *slot->record.tensors);
	slot->aside = memory_zeroed(columns, sizeof *slot->aside);
}

Status
reader_place_columns(const Reader *reader, Slot *slot, bool is_lazy)
{
	const About *about = about_input(reader);
	const Safetensors *file = &slot->raw.file;
	const Tensor *first = find_tensor(file, is_lazy ? lazy_columns[LAZY_ROW].name : "image", 0);
	Record *record = &slot->record;
	size_t used = 0;

	slot_prepare(slot, about->column_count);
	record->tensor_count = 0;
	record->n = first && first->rank ? first->shape[0] : 0;
	for (size_t i = 0; i < about->column_count; i++) {
		if (about->columns[i].is_lazy != is_lazy)
			continue;
		Status status = place_column(slot, &about->columns[i], record->tensor_count++, &used);
		if (status < 0)
			return status;
	}
	if (used != file->tensor_count)
		return fail(STATUS_INPUT, "it holds %zu tensors, expected %zu as %s", file->tensor_count, used,
			    is_lazy ? "in every record of a lazy stream's epochs" : "in the first record");
	return STATUS_OK;
}
