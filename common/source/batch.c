/* source/batch.c: memory for the records that a source makes itself. */
#include "source/batch.h"

#include "memory.h"

enum { HEADER_ROOM = 64 << 10 }; /* what a usual record's header may take of its size */

static size_t
sample_size(const About *about)
{
	size_t size = 0;

	for (size_t i = 0; i < about->column_count; i++)
		size += about->columns[i].row_size;
	return size ? size : 1;
}

static void
tensor_of(Tensor *tensor, const Column *column)
{
	*tensor = (Tensor){ .name = column->name, .dtype = column->dtype, .rank = column->rank + 1 };
	memcpy(tensor->shape + 1, column->shape, sizeof *column->shape * (size_t)column->rank);
}

uint64_t
batch_room(const About *about)
{
	uint64_t usual = (STREAM_RECORD_USUAL - HEADER_ROOM) / sample_size(about);

	return usual ? usual : 1;
}

Status
batch_init(Batch *batch, const About *about)
{
	*batch = (Batch){ .room = batch_room(about),
			  .record = { .tensor_count = about->column_count, .epoch = -1 } };
	batch->record.tensors = memory_zeroed(about->column_count, sizeof *batch->record.tensors);
	for (size_t i = 0; i < about->column_count; i++) {
		Tensor *tensor = &batch->record.tensors[i];

		tensor_of(tensor, &about->columns[i]);
		tensor->data = malloc(batch->room * about->columns[i].row_size);
		if (!tensor->data) {
			batch_release(batch);
			return fail(STATUS_IO, "no memory for a record of %d bytes", STREAM_RECORD_USUAL);
		}
	}
	return STATUS_OK;
}

void
batch_resize(Batch *batch, uint64_t n)
{
	batch->record.n = n;
	for (size_t i = 0; i < batch->record.tensor_count; i++) {
		Tensor *tensor = &batch->record.tensors[i];

		tensor->shape[0] = n;
		tensor->size = n * tensor_row_size(tensor);
	}
}

void
batch_release(Batch *batch)
{
	for (size_t i = 0; i < batch->record.tensor_count; i++)
		free(batch->record.tensors[i].data);
	free(batch->record.tensors);
	*batch = (Batch){ 0 };
}
