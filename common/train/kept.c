/* kept.c: a spool of the three columns that training reads. */
#include "train/kept.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

Status
kept_open(Kept *kept, const About *stream, uint64_t memory)
{
	Status status;

	*kept = (Kept){ .picture_size = (size_t)stream->height * stream->width * stream->channels };
	about_init(&kept->about, stream->height, stream->width, stream->channels);
	status = about_add_column(&kept->about, "label", DTYPE_I32, 0, NULL);
	if (status >= 0)
		status = about_add_column(&kept->about, "id", DTYPE_I64, 0, NULL);
	if (status >= 0)
		status = spool_open(&kept->spool, &kept->about, memory);
	if (status < 0) {
		about_release(&kept->about);
		return status;
	}
	kept->image = (size_t)about_find(&kept->about, "image");
	kept->label = (size_t)about_find(&kept->about, "label");
	kept->id = (size_t)about_find(&kept->about, "id");
	return STATUS_OK;
}

static Status
make_room(Kept *kept, uint64_t n)
{
	if (n <= kept->room)
		return STATUS_OK;
	free(kept->pixels);
	free(kept->labels);
	free(kept->ids);
	kept->room = 0;
	kept->pixels = reallocarray(NULL, n, kept->picture_size);
	kept->labels = reallocarray(NULL, n, sizeof *kept->labels);
	kept->ids = reallocarray(NULL, n, sizeof *kept->ids);
	if (!kept->pixels || !kept->labels || !kept->ids)
		return fail_errno("memory for a record of %" PRIu64 " samples", n);
	kept->room = n;
	return STATUS_OK;
}

/* the samples to be kept side by side; @return how many */
static uint64_t
pack(Kept *kept, const Rows *rows)
{
	uint64_t n = 0;

	for (uint64_t i = 0; i < rows->n; i++) {
		if (rows_label(rows, i) < 0 && !kept->has_unlabelled)
			continue;
		memcpy(kept->pixels + n * rows->picture_size, rows->pixels + i * rows->picture_size,
		       rows->picture_size);
		kept->labels[n] = rows_label(rows, i);
		kept->ids[n++] = rows_id(rows, i);
	}
	return n;
}

static Tensor
column(const char *name, Dtype dtype, const void *data, uint64_t n)
{
	return (Tensor){ .name = name, .dtype = dtype, .rank = 1, .shape = { n }, .data = (uint8_t *)(uintptr_t)data,
			 .size = n * dtype_size(dtype) };
}

Status
kept_add(Kept *kept, const Rows *rows)
{
	const About *about = &kept->about;
	Status status = make_room(kept, rows->n);
	Tensor tensors[3];
	uint64_t n;

	if (status < 0)
		return status;
	n = pack(kept, rows);
	tensors[0] = (Tensor){
		.name = "image",
		.dtype = DTYPE_U8,
		.rank = 4,
		.shape = { n, about->height, about->width, about->channels },
		.data = kept->pixels,
		.size = n * kept->picture_size,
	};
	tensors[1] = column("label", DTYPE_I32, kept->labels, n);
	tensors[2] = column("id", DTYPE_I64, kept->ids, n);
	kept->n += n;
	return spool_append(&kept->spool, &(Record){ .n = n, .tensor_count = 3, .tensors = tensors, .epoch = -1 });
}

uint64_t
kept_size(const Kept *kept)
{
	return kept->n * (kept->picture_size + sizeof *kept->labels + sizeof *kept->ids);
}

void
kept_gather(const Kept *kept, const uint64_t *rows, uint64_t count, uint8_t *pixels, int32_t *labels, int64_t *ids)
{
	for (uint64_t i = 0; i < count; i++) {
		if (pixels)
			memcpy(pixels + i * kept->picture_size, kept_picture(kept, rows[i]), kept->picture_size);
		if (labels)
			memcpy(&labels[i], spool_row(&kept->spool, kept->label, rows[i]), sizeof *labels);
		if (ids)
			memcpy(&ids[i], spool_row(&kept->spool, kept->id, rows[i]), sizeof *ids);
	}
}

const uint8_t *
kept_picture(const Kept *kept, uint64_t row)
{
	return spool_row(&kept->spool, kept->image, row);
}

int64_t *
kept_ids(const Kept *kept)
{
	int64_t *ids = reallocarray(NULL, kept->n ? kept->n : 1, sizeof *ids);

	for (uint64_t i = 0; ids && i < kept->n; i++)
		kept_gather(kept, &i, 1, NULL, NULL, &ids[i]);
	return ids;
}

void
kept_close(Kept *kept)
{
	spool_close(&kept->spool);
	about_release(&kept->about);
	free(kept->pixels);
	free(kept->labels);
	free(kept->ids);
	*kept = (Kept){ 0 };
}
