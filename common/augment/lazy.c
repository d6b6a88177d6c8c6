/* lazy.c: draw an epoch's transforms and send them. */
#include "augment/lazy.h"

#include "stream/lazy.h"

#include <stdlib.h>
#include <string.h>

enum {
	RECORD_ROWS = 16384, /* of 60 bytes: a usual record */
	SHARE = 256,	     /* rows that a thread draws at once */
};

static void *
room(size_t row_size)
{
	return aligned_alloc(64, RECORD_ROWS * row_size);
}

Status
lazy_sender_init(LazySender *sender, Augmenter *augmenter, Writer *writer, const int64_t *ids)
{
	*sender = (LazySender){ .augmenter = augmenter, .writer = writer, .ids = ids };
	sender->row = room(sizeof *sender->row);
	sender->affine = room(sizeof(Transform){ 0 }.affine);
	sender->tone = room(sizeof(Transform){ 0 }.tone);
	sender->erase = room(sizeof(Transform){ 0 }.erase);
	if (sender->row && sender->affine && sender->tone && sender->erase)
		return STATUS_OK;
	lazy_sender_release(sender);
	return fail(STATUS_IO, "no memory for a record's transforms");
}

static void
draw_share(void *context, size_t share, int thread)
{
	LazySender *sender = context;
	uint64_t begin = share * SHARE, left = sender->record.n - begin;
	Transform transform;

	(void)thread;
	for (uint64_t i = begin; i < begin + (left < SHARE ? left : SHARE); i++) {
		uint64_t row = sender->rows[i];

		sampler_draw(&sender->augmenter->sampler, (uint32_t)sender->record.epoch, (uint64_t)sender->ids[row],
			     &transform);
		sender->row[i] = (int64_t)row;
		memcpy(sender->affine + 6 * i, transform.affine, sizeof transform.affine);
		memcpy(sender->tone + 2 * i, transform.tone, sizeof transform.tone);
		memcpy(sender->erase + 5 * i, transform.erase, sizeof transform.erase);
	}
}

static void
shape_tensors(LazySender *sender, uint64_t n)
{
	void *data[] = {
		[LAZY_ROW] = sender->row, [LAZY_AFFINE] = sender->affine, [LAZY_TONE] = sender->tone,
		[LAZY_ERASE] = sender->erase,
	};

	for (int i = 0; i < LAZY_COLUMNS; i++) {
		const Column *column = &lazy_columns[i];

		sender->tensors[i] = (Tensor){ .name = column->name, .dtype = column->dtype, .rank = column->rank + 1,
					       .shape = { n, column->shape[0] }, .data = data[i],
					       .size = n * column->row_size };
	}
}

static Status
send_record(LazySender *sender, const uint64_t *rows, uint64_t n, Part part, int64_t epoch)
{
	sender->rows = rows;
	sender->record = (Record){ .n = n, .tensor_count = LAZY_COLUMNS, .tensors = sender->tensors, .part = part,
				   .epoch = epoch };
	shape_tensors(sender, n);
	team_run(sender->augmenter->team, (n + SHARE - 1) / SHARE, draw_share, sender);
	return writer_send(sender->writer, &sender->record);
}

Status
lazy_sender_send(LazySender *sender, const uint64_t *rows, uint64_t n, Part part, int64_t epoch)
{
	Status status = STATUS_OK;

	for (uint64_t i = 0; status == STATUS_OK && i < n; i += RECORD_ROWS)
		status = send_record(sender, rows + i, n - i < RECORD_ROWS ? n - i : RECORD_ROWS, part, epoch);
	return status;
}

void
lazy_sender_release(LazySender *sender)
{
	free(sender->row);
	free(sender->affine);
	free(sender->tone);
	free(sender->erase);
	*sender = (LazySender){ 0 };
}
