/* repeat.c: epochs: samples that are kept at hand go out again and again, each time in a new order. */
#include "augment/augment.h"
#include "augment/kept.h"
#include "augment/lazy.h"
#include "stream/lazy.h"
#include "stream/shuffle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER_USUAL = 8192 }; /* bytes of a usual record that are left for its header */

/* A record in the making. */
typedef struct Made {
	Record record;
	uint8_t *data; /* room for all columns, each on 64 bytes */
} Made;

/* The rows of the record in the making. */
typedef struct Making {
	const uint64_t *rows;
	uint64_t n;
} Making;

typedef struct Sending {
	Augmenter *augmenter;
	const Kept *kept;
	Writer *writer;
	uint64_t *order; /* rows of the spool, as they are to be sent: room for either part */
	uint64_t step;	 /* samples a record */
	int image;	 /* column that is augmented; -1: none, as for the hold-out part */
	Made made[2];	 /* one is being made while the other is being sent */
	int current;
	Making making;
	uint64_t share; /* samples that a thread makes at once */
	LazySender *lazy; /* of epochs; NULL: pictures are made here */
	Status status;	/* of the last send */
	char message[2048];
} Sending;

static size_t
column_size(const Kept *kept, size_t column, uint64_t n)
{
	return (spool_row_size(&kept->spool, column) * n + 63) / 64 * 64;
}

/* ---- one record ---- */

static Status
made_init(Made *made, const Kept *kept, uint64_t step)
{
	size_t count = kept->about.column_count, size = 0;

	for (size_t i = 0; i < count; i++)
		size += column_size(kept, i, step);
	made->record = (Record){ .tensor_count = count, .tensors = calloc(count, sizeof *made->record.tensors) };
	made->data = aligned_alloc(64, size);
	if (!made->record.tensors || !made->data)
		return fail_errno("%zu bytes for a record", size);
	return STATUS_OK;
}

static void
made_release(Made *made)
{
	free(made->record.tensors);
	free(made->data);
}

/* Shapes and places of n samples; their bytes come later. */
static void
made_shape(Made *made, const Kept *kept, uint64_t n, Part part, int64_t epoch)
{
	uint8_t *data = made->data;

	made->record.n = n;
	made->record.part = part;
	made->record.epoch = epoch;
	for (size_t i = 0; i < kept->about.column_count; i++) {
		const Column *column = &kept->about.columns[i];
		Tensor *tensor = &made->record.tensors[i];
		size_t row_size = spool_row_size(&kept->spool, i);

		*tensor = (Tensor){ .name = column->name, .dtype = column->dtype, .rank = column->rank + 1, .data = data,
				    .size = n * row_size };
		tensor->shape[0] = n;
		memcpy(tensor->shape + 1, column->shape, (size_t)column->rank * sizeof *column->shape);
		/* names are as wide as the widest of the stream */
		if (strcmp(column->name, "name") == 0)
			tensor->shape[1] = row_size;
		data += column_size(kept, i, n);
	}
}

/* Sample i of a record is this row of the spool. */
static void
make_sample(Sending *sending, Made *made, uint64_t i, uint64_t row, int thread)
{
	const Kept *kept = sending->kept;

	for (size_t column = 0; column < kept->about.column_count; column++) {
		size_t size = spool_row_size(&kept->spool, column);
		const uint8_t *from = spool_row(&kept->spool, column, row);
		uint8_t *to = made->record.tensors[column].data + i * size;

		if ((int)column == sending->image)
			augmenter_make(sending->augmenter, thread, (uint32_t)made->record.epoch, (uint64_t)kept->ids[row],
				       from, to);
		else
			memcpy(to, from, size);
	}
}

static void
prefetch_sample(const Sending *sending, uint64_t row)
{
	enum { LINE = 64, MOST = 64 * LINE }; /* what follows, the processor foresees by itself */
	const Kept *kept = sending->kept;

	for (size_t column = 0; column < kept->about.column_count; column++) {
		const uint8_t *from = spool_row(&kept->spool, column, row);
		size_t size = spool_row_size(&kept->spool, column);

		for (size_t at = 0; at < size && at < MOST; at += LINE)
			__builtin_prefetch(from + at);
	}
}

/* ---- all records ---- */

/* Send the record before the current one, if there is one. */
static Status
send_previous(Sending *sending)
{
	Made *made = &sending->made[!sending->current];
	Status status = made->record.n ? writer_send(sending->writer, &made->record) : STATUS_OK;

	made->record.n = 0;
	return status;
}

/* Make one share of a record's samples. A random row of the spool is in no cache: ask for it some samples ahead. */
static void
make_share(Sending *sending, uint64_t begin, int thread)
{
	enum { AHEAD = 4 };
	const Making *making = &sending->making;
	uint64_t end = making->n - begin < sending->share ? making->n : begin + sending->share;

	for (uint64_t i = begin; i < begin + AHEAD && i < end; i++)
		prefetch_sample(sending, making->rows[i]);
	for (uint64_t i = begin; i < end; i++) {
		if (i + AHEAD < end)
			prefetch_sample(sending, making->rows[i + AHEAD]);
		make_sample(sending, &sending->made[sending->current], i, making->rows[i], thread);
	}
}

/* The first task sends the record before, the others make shares of this one. */
static void
run_task(void *context, size_t task, int thread)
{
	Sending *sending = context;

	if (task > 0) {
		make_share(sending, (task - 1) * sending->share, thread);
		return;
	}
	sending->status = send_previous(sending);
	/* the message belongs to this thread, which may not be the one that asks for it */
	if (sending->status < 0)
		snprintf(sending->message, sizeof sending->message, "%s", status_message());
}

/* Make a record of these rows, and meanwhile send the one before. */
static Status
make_and_send(Sending *sending, const uint64_t *rows, uint64_t n, Part part, int64_t epoch)
{
	made_shape(&sending->made[sending->current], sending->kept, n, part, epoch);
	sending->making = (Making){ rows, n };
	team_run(sending->augmenter->team, 1 + (n + sending->share - 1) / sending->share, run_task, sending);
	sending->current = !sending->current;
	return sending->status < 0 ? fail(sending->status, "%s", sending->message) : sending->status;
}

static Status
send_rows(Sending *sending, const uint64_t *rows, uint64_t n, Part part, int64_t epoch)
{
	Status status = STATUS_OK;

	for (uint64_t i = 0; status == STATUS_OK && i < n; i += sending->step)
		status = make_and_send(sending, rows + i, n - i < sending->step ? n - i : sending->step, part, epoch);
	return status;
}

static Part
part_to_fit(const Kept *kept)
{
	return kept->about.is_marked ? PART_FIT : PART_NONE;
}

/* n rows of the spool from this one on, in their order, once and unchanged. */
static Status
send_unchanged(Sending *sending, uint64_t first, uint64_t n, Part part)
{
	Status status;

	sending->image = -1;
	for (uint64_t i = 0; i < n; i++)
		sending->order[i] = first + i;
	status = send_rows(sending, sending->order, n, part, -1);
	sending->image = about_find(&sending->kept->about, "image");
	return status;
}

static Status
send_epoch(Sending *sending, const Repeat *repeat, uint64_t epoch)
{
	const Kept *kept = sending->kept;
	Part part = part_to_fit(kept);

	Status status = shuffle_order(repeat->seed, (uint32_t)epoch, kept->ids + kept->holdout, kept->fit, sending->order);
	if (status < 0)
		return status;
	for (uint64_t i = 0; i < kept->fit; i++)
		sending->order[i] += kept->holdout;
	if (sending->lazy)
		return lazy_sender_send(sending->lazy, sending->order, kept->fit, part, (int64_t)epoch);
	return send_rows(sending, sending->order, kept->fit, part, (int64_t)epoch);
}

/* What comes before all epochs: the hold-out part; of a lazy stream the other samples, too. */
static Status
send_data_set(Sending *sending)
{
	const Kept *kept = sending->kept;
	Status status = send_unchanged(sending, 0, kept->holdout, PART_HOLDOUT);

	if (status != STATUS_OK || !sending->lazy)
		return status;
	status = send_unchanged(sending, kept->holdout, kept->fit, part_to_fit(kept));
	return status == STATUS_OK ? send_previous(sending) : status;
}

static Status
send_all(Sending *sending, const Repeat *repeat)
{
	Status status = send_data_set(sending);

	/* of nothing, endless epochs would never end */
	for (uint64_t epoch = repeat->start_epoch; sending->kept->fit && epoch < repeat->epochs && status == STATUS_OK; epoch++)
		status = send_epoch(sending, repeat, epoch);
	return status == STATUS_OK ? send_previous(sending) : status;
}

/* ---- the whole ---- */

static uint64_t
samples_a_record(const Kept *kept)
{
	uint64_t row_size = 0;

	for (size_t i = 0; i < kept->about.column_count; i++)
		row_size += spool_row_size(&kept->spool, i);
	return row_size < STREAM_RECORD_USUAL - HEADER_USUAL ? (STREAM_RECORD_USUAL - HEADER_USUAL) / row_size : 1;
}

static Status
sending_init(Sending *sending, Augmenter *augmenter, const Kept *kept, Writer *writer)
{
	uint64_t most = kept->fit > kept->holdout ? kept->fit : kept->holdout;
	Status status;

	*sending = (Sending){ .augmenter = augmenter, .kept = kept, .writer = writer, .step = samples_a_record(kept),
			       .share = augmenter_share(augmenter) };
	sending->order = calloc(most + 1, sizeof *sending->order);
	if (!sending->order)
		return fail_errno("memory for the order of %llu samples", (unsigned long long)most);
	status = made_init(&sending->made[0], kept, sending->step);
	return status == STATUS_OK ? made_init(&sending->made[1], kept, sending->step) : status;
}

static void
sending_release(Sending *sending)
{
	made_release(&sending->made[0]);
	made_release(&sending->made[1]);
	free(sending->order);
}

static json_t *
labels_by_class(const Kept *kept)
{
	json_t *counts = json_object();

	for (uint32_t i = 0; i < kept->about.class_count; i++)
		json_object_set_new(counts, kept->about.classes[i], json_integer((json_int_t)kept->label_counts[i]));
	return counts;
}

/* @param about  out: uninitialised, becomes the caller's, whatever is returned */
static Status
describe(const Kept *kept, const Repeat *repeat, About *about)
{
	about_copy(about, &kept->about);
	about->epochs = repeat->epochs;
	about->epoch_samples = kept->fit;
	if (about->class_count && about_find(about, "label") >= 0)
		about->epoch_labels = labels_by_class(kept);
	json_decref(about->history);
	about->history = json_incref(repeat->history);
	return repeat->is_lazy ? lazy_describe(about, repeat->fill, repeat->fill_value) : STATUS_OK;
}

static Status
open_writer(Writer *writer, int fd, const char *name, const Kept *kept, const Repeat *repeat)
{
	About about;
	Status status = describe(kept, repeat, &about);

	if (status == STATUS_OK)
		status = writer_open(writer, fd, name, &about);
	about_release(&about);
	return status;
}

/* All but the end. */
static Status
repeat_kept(Augmenter *augmenter, const Repeat *repeat, const Kept *kept, Writer *writer)
{
	Sending sending;
	LazySender lazy = { 0 };
	Status status = sending_init(&sending, augmenter, kept, writer);

	if (status == STATUS_OK && repeat->is_lazy) {
		status = lazy_sender_init(&lazy, augmenter, writer, kept->ids);
		sending.lazy = &lazy;
	}
	if (status == STATUS_OK)
		status = send_all(&sending, repeat);
	lazy_sender_release(&lazy);
	sending_release(&sending);
	return status;
}

Status
augment_repeat(Augmenter *augmenter, const Repeat *repeat, Reader *reader, Writer *writer, int fd, const char *name)
{
	Kept kept;
	Status status = kept_read(&kept, reader, repeat->memory);

	if (status != STATUS_OK)
		return status;
	status = open_writer(writer, fd, name, &kept, repeat);
	if (status == STATUS_OK) {
		status = repeat_kept(augmenter, repeat, &kept, writer);
		if (status < 0)
			writer_close(writer);
	}
	kept_release(&kept);
	return status;
}
