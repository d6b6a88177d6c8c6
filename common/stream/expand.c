/* stream/expand.c: keep a lazy stream's data set; make the samples of its epochs from it. */
#include "stream/expand.h"

#include "machine/memory.h"
#include "memory.h"
#include "pixel/warp.h"
#include "stream/lazy.h"
#include "stream/spool.h"

#include <inttypes.h>

enum { ALIGNMENT = 64, HEADER_USUAL = 8192 /* bytes of a usual record that are left for its header */ };

struct Expander {
	const About *plain;
	uint64_t holdout; /* samples that come first and are in no epoch */
	Spool fit;	  /* the data set's other samples */
	int image;	  /* column of plain */
	Warp warp;
	Tensor *tensors; /* [plain's columns]: of the record made last */
	uint8_t *data;	 /* their bytes, each tensor's on a line of the cache */
	size_t data_room;
};

Status
expander_open(Expander **expander, const About *lazy, const About *plain)
{
	Expander *made = memory_zeroed(1, sizeof *made);
	Status status = warp_init(&made->warp, lazy->fill, lazy->fill_value, lazy->height, lazy->width, lazy->channels);

	made->plain = plain;
	made->image = about_find(plain, "image");
	made->tensors = memory_zeroed(plain->column_count, sizeof *made->tensors);
	if (status == STATUS_OK)
		status = spool_open(&made->fit, plain, memory_share());
	if (status < 0)
		expander_close(made);
	*expander = status < 0 ? NULL : made;
	return status;
}

void
expander_limit(Expander *expander, uint64_t memory)
{
	spool_limit(&expander->fit, memory);
}

Status
expander_keep(Expander *expander, const Record *record)
{
	if (record->part != PART_HOLDOUT)
		return spool_append(&expander->fit, record);
	expander->holdout += record->n;
	return STATUS_OK;
}

static size_t
in_lines(size_t size)
{
	return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static size_t
sample_size(const Expander *expander)
{
	size_t size = 0;

	for (size_t i = 0; i < expander->plain->column_count; i++)
		size += spool_row_size(&expander->fit, i);
	return size;
}

static Status
make_room(Expander *expander, uint64_t n)
{
	size_t size = 0;

	for (size_t i = 0; i < expander->plain->column_count; i++)
		size += in_lines(n * spool_row_size(&expander->fit, i));
	if (size <= expander->data_room)
		return STATUS_OK;
	free(expander->data);
	expander->data_room = 0;
	expander->data = aligned_alloc(ALIGNMENT, size);
	if (!expander->data)
		return fail(STATUS_IO, "no memory for %zu bytes of samples", size);
	expander->data_room = size;
	return STATUS_OK;
}

/* Names, shapes and places of n samples; their bytes come later. */
static void
shape_tensors(Expander *expander, uint64_t n)
{
	uint8_t *data = expander->data;

	for (size_t i = 0; i < expander->plain->column_count; i++) {
		const Column *column = &expander->plain->columns[i];
		size_t row = spool_row_size(&expander->fit, i);
		Tensor *tensor = &expander->tensors[i];

		*tensor = (Tensor){ .name = column->name, .dtype = column->dtype, .rank = column->rank + 1, .data = data,
				    .size = n * row };
		tensor->shape[0] = n;
		memcpy(tensor->shape + 1, column->shape, (size_t)column->rank * sizeof *column->shape);
		/* names are as wide as the widest of the data set */
		if (!strcmp(column->name, "name"))
			tensor->shape[1] = row;
		data += in_lines(n * row);
	}
}

static void
make_sample(Expander *expander, uint64_t row, const Transform *transform, uint64_t to)
{
	for (size_t i = 0; i < expander->plain->column_count; i++) {
		size_t size = spool_row_size(&expander->fit, i);
		const uint8_t *from = spool_row(&expander->fit, i, row);
		uint8_t *made = expander->tensors[i].data + to * size;

		if ((int)i == expander->image)
			warp_apply(&expander->warp, transform, from, made);
		else if (size)
			memcpy(made, from, size);
	}
}

static uint64_t
samples_a_record(const Expander *expander)
{
	size_t size = sample_size(expander);

	return size < STREAM_RECORD_USUAL - HEADER_USUAL ? (STREAM_RECORD_USUAL - HEADER_USUAL) / size : 1;
}

Status
expander_make(Expander *expander, const Record *record, uint64_t *begin, Record *plain)
{
	LazyRows rows = lazy_rows(record);
	uint64_t n = samples_a_record(expander);
	Status status;

	n = record->n - *begin < n ? record->n - *begin : n;
	status = make_room(expander, n);
	if (status < 0)
		return status;
	shape_tensors(expander, n);
	for (uint64_t i = 0; i < n; i++) {
		Transform transform = lazy_transform(&rows, *begin + i);

		make_sample(expander, (uint64_t)rows.rows[*begin + i] - expander->holdout, &transform, i);
	}
	*begin += n;
	*plain = *record;
	plain->n = n;
	plain->tensors = expander->tensors;
	plain->tensor_count = expander->plain->column_count;
	return STATUS_OK;
}

void
expander_close(Expander *expander)
{
	if (!expander)
		return;
	spool_close(&expander->fit);
	warp_release(&expander->warp);
	free(expander->tensors);
	free(expander->data);
	free(expander);
}
