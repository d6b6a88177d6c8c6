/* stream/lazy.c: what a lazy stream says of itself, and what its transforms may be. */
#include "stream/lazy.h"

#include "memory.h"

#include <inttypes.h>
#include <stdio.h>

enum { PIXEL_BITS = 20, FARTHEST = 2047 /* pixels: beyond them 32 bits of 2^-20 pixel wrap */ };

const Column lazy_columns[LAZY_COLUMNS] = {
	[LAZY_ROW] = { .name = (char *)"row", .dtype = DTYPE_I64, .row_size = 8, .is_lazy = true },
	[LAZY_AFFINE] = { .name = (char *)"affine", .dtype = DTYPE_I32, .rank = 1, .shape = { 6 }, .row_size = 24, .is_lazy = true },
	[LAZY_TONE] = { .name = (char *)"tone", .dtype = DTYPE_I32, .rank = 1, .shape = { 2 }, .row_size = 8, .is_lazy = true },
	[LAZY_ERASE] = { .name = (char *)"erase", .dtype = DTYPE_I32, .rank = 1, .shape = { 5 }, .row_size = 20, .is_lazy = true },
};

Status
lazy_describe(About *about, Fill fill, uint8_t value)
{
	for (int i = 0; i < LAZY_COLUMNS; i++) {
		const Column *column = &lazy_columns[i];
		Status status = about_add_column(about, column->name, column->dtype, column->rank, column->shape);

		if (status < 0)
			return fail_in(status, "the lazy form needs the name for itself");
		about->columns[about_find(about, column->name)].is_lazy = true;
	}
	about->is_lazy = true;
	about->fill = fill;
	about->fill_value = value;
	return STATUS_OK;
}

void
lazy_plain(About *to, const About *from)
{
	size_t kept = 0;

	about_copy(to, from);
	for (size_t i = 0; i < to->column_count; i++) {
		if (to->columns[i].is_lazy)
			free(to->columns[i].name);
		else
			to->columns[kept++] = to->columns[i];
	}
	to->column_count = kept;
	to->is_lazy = false;
	to->fill = FILL_NEAREST;
	to->fill_value = 0;
}

void
lazy_fill_write(const About *about, char text[static 16])
{
	if (about->fill == FILL_CONSTANT)
		snprintf(text, 16, "%s %u", fill_names[about->fill], (unsigned)about->fill_value);
	else
		snprintf(text, 16, "%s", fill_names[about->fill]);
}

/* Every text that there is, made and compared: so a level can be written in one way alone. */
Status
lazy_fill_read(const char *text, Fill *fill, uint8_t *value)
{
	About about = { 0 };
	char made[16];

	for (int i = 0; text && i < FILL_COUNT; i++)
		for (int level = 0; level < (i == FILL_CONSTANT ? 256 : 1); level++) {
			about.fill = (Fill)i;
			about.fill_value = (uint8_t)level;
			lazy_fill_write(&about, made);
			if (strcmp(text, made) != 0)
				continue;
			*fill = about.fill;
			*value = about.fill_value;
			return STATUS_OK;
		}
	return fail(STATUS_INPUT, "fm.fill is \"%s\", expected nearest, reflect, wrap, or constant and a level from 0 to 255",
		    text ? text : "");
}

LazyRows
lazy_rows(const Record *record)
{
	const void *data[LAZY_COLUMNS];

	for (int i = 0; i < LAZY_COLUMNS; i++)
		data[i] = record_find(record, lazy_columns[i].name)->data;
	return (LazyRows){ data[LAZY_ROW], data[LAZY_AFFINE], data[LAZY_TONE], data[LAZY_ERASE] };
}

Transform
lazy_transform(const LazyRows *rows, uint64_t i)
{
	Transform transform;

	memcpy(transform.affine, rows->affine + 6 * i, sizeof transform.affine);
	memcpy(transform.tone, rows->tone + 2 * i, sizeof transform.tone);
	memcpy(transform.erase, rows->erase + 5 * i, sizeof transform.erase);
	return transform;
}

/* The farthest pixel from the first one that an axis reads, to the nearest pixel: at one of the corners. */
static int64_t
reach(const int32_t *axis, const About *about)
{
	int64_t farthest = 0;

	for (int corner = 0; corner < 4; corner++) {
		int64_t x = corner & 1 ? about->width - 1 : 0, y = corner & 2 ? about->height - 1 : 0;
		int64_t at = axis[0] * x + axis[1] * y + axis[2];

		at = at < 0 ? -at : at;
		farthest = at > farthest ? at : farthest;
	}
	return (farthest + (1 << (PIXEL_BITS - 1))) >> PIXEL_BITS;
}

static bool
is_box_inside(const int32_t *box, const About *about)
{
	return box[0] >= 0 && box[1] >= 0 && box[2] >= 0 && box[3] >= 0 && (int64_t)box[0] + box[2] <= about->height &&
	       (int64_t)box[1] + box[3] <= about->width;
}

static Status
check_transform(const Transform *transform, const About *about)
{
	const int32_t *box = transform->erase;

	for (int axis = 0; axis < 2; axis++) {
		int64_t pixels = reach(transform->affine + 3 * axis, about);

		if (pixels > FARTHEST)
			return fail(STATUS_INPUT, "its tensor \"affine\" reads as far as pixel %" PRId64 ", at most ±%d is possible",
				    pixels, FARTHEST);
	}
	if (!is_box_inside(box, about))
		return fail(STATUS_INPUT, "its tensor \"erase\" has the box %d,%d of %dx%d, outside of pictures of %ux%u", box[0],
			    box[1], box[2], box[3], about->height, about->width);
	if (box[4] < 0 || box[4] > UINT8_MAX)
		return fail(STATUS_INPUT, "its tensor \"erase\" has the level %d, expected 0 to %d", box[4], UINT8_MAX);
	return STATUS_OK;
}

static Status
check_row(int64_t row, uint64_t begin, uint64_t end)
{
	if (row >= 0 && (uint64_t)row < begin)
		return fail(STATUS_INPUT, "its tensor \"row\" is %" PRId64 ", a hold-out sample; an epoch has samples to fit alone",
			    row);
	if (row < 0 || (uint64_t)row >= end)
		return fail(STATUS_INPUT, "its tensor \"row\" is %" PRId64 ", the data set has %" PRIu64 " samples", row, end);
	return STATUS_OK;
}

Status
lazy_check(const Record *record, const About *about, uint64_t begin, uint64_t end)
{
	LazyRows rows = lazy_rows(record);
	Status status = STATUS_OK;

	for (uint64_t i = 0; i < record->n && status == STATUS_OK; i++) {
		Transform transform = lazy_transform(&rows, i);

		status = check_row(rows.rows[i], begin, end);
		if (status == STATUS_OK)
			status = check_transform(&transform, about);
		if (status < 0)
			return fail_in(status, "sample %" PRIu64, i);
	}
	return status;
}
