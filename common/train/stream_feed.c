/* stream_feed.c: batches of a repeated stream, across the bounds of records and never across those of epochs. */
#include "train/feed.h"

#include "train/epoch.h"

#include <inttypes.h>
#include <string.h>

static Status
look_at_record(StreamFeed *feed)
{
	Intake *intake = feed->intake;
	const Record *record = &intake->record;
	Status status = intake->is_lazy ? data_set_rows(&intake->data_set, record, &feed->rows)
					: rows_of(&feed->rows, record, intake->reader.about.class_count, intake->name);

	if (status >= 0 && !intake->skips_unlabelled)
		status = rows_check_labelled(&feed->rows, record, intake->name);
	feed->row = 0;
	return status;
}

/* the record that intake holds has to belong to the open epoch */
static Status
check_epoch(const StreamFeed *feed)
{
	const Intake *intake = feed->intake;
	const Record *record = &intake->record;

	if (record->epoch == (int64_t)feed->epoch)
		return STATUS_OK;
	return fail(STATUS_INPUT,
		    "%s record %" PRIu64 " at byte %" PRIu64 ": expected epoch %" PRIu64 ", of which %" PRIu64
		    " of %" PRIu64 " samples have come, found epoch %" PRId64,
		    intake->name, record->number, record->offset, feed->epoch, feed->passed,
		    intake->reader.about.epoch_samples, record->epoch);
}

/* until there is a sample that was not passed yet */
static Status
need_row(StreamFeed *feed)
{
	Intake *intake = feed->intake;

	while (!intake->has_record || feed->row == intake->record.n) {
		Status status = reader_next(&intake->reader, &intake->record);

		if (status == 0)
			return fail(STATUS_INPUT, "%s ends in epoch %" PRIu64 ", of which %" PRIu64 " of %" PRIu64
				    " samples have come", intake->name, feed->epoch, feed->passed,
				    intake->reader.about.epoch_samples);
		intake->has_record = status > 0;
		if (status > 0)
			status = look_at_record(feed);
		if (status < 0)
			return status;
	}
	return check_epoch(feed);
}

/* these samples are consumed; with the last one of an epoch the next begins */
static void
pass(StreamFeed *feed, uint64_t count)
{
	Intake *intake = feed->intake;

	consumed_add(&intake->consumed, &intake->record, feed->row, feed->row + count);
	feed->row += count;
	feed->passed += count;
	if (feed->passed == intake->reader.about.epoch_samples) {
		feed->epoch++;
		feed->passed = feed->used = 0;
		if (feed->epoch_begin)
			consumed_copy(feed->epoch_begin, &intake->consumed);
	}
}

static void
begin(StreamFeed *feed, Intake *intake, uint32_t batch, uint64_t epochs, Consumed *epoch_begin)
{
	*feed = (StreamFeed){ .intake = intake, .batch = batch, .epochs = epochs, .epoch_begin = epoch_begin };
	consumed_copy(epoch_begin, &intake->consumed);
}

/* with which epoch the stream begins; one that has none was sent from behind its last */
static uint64_t
first_epoch(const Intake *intake)
{
	return intake->has_record ? (uint64_t)intake->record.epoch : intake->reader.about.epochs;
}

Status
stream_feed_open(StreamFeed *feed, Intake *intake, uint32_t batch, uint64_t epochs, Consumed *epoch_begin)
{
	begin(feed, intake, batch, epochs, epoch_begin);
	if (first_epoch(intake) == EPOCHS_ENDLESS)
		return fail(STATUS_INPUT, "%s ends before its first epoch", intake->name);
	if (first_epoch(intake) > 0)
		return fail(STATUS_INPUT,
			    "%s begins with epoch %" PRIu64 ", and there is no checkpoint that stopped there; "
			    "leave --start-epoch out",
			    intake->name, first_epoch(intake));
	return look_at_record(feed);
}

/* how many more samples of the open record lie before the mark */
static uint64_t
before_mark(const StreamFeed *feed, const Mark *mark)
{
	uint64_t in_record = feed->intake->record.n - feed->row;
	uint64_t in_mark = mark->samples - feed->intake->consumed.samples;
	uint64_t in_epoch = feed->intake->reader.about.epoch_samples - feed->passed;
	uint64_t least = in_record < in_mark ? in_record : in_mark;

	return least < in_epoch ? least : in_epoch;
}

static uint64_t
count_labelled(const StreamFeed *feed, uint64_t count)
{
	uint64_t labelled = 0;

	for (uint64_t i = 0; i < count; i++)
		labelled += rows_label(&feed->rows, feed->row + i) >= 0;
	return labelled;
}

static Status
pass_to_mark(StreamFeed *feed, const Mark *mark)
{
	Consumed *consumed = &feed->intake->consumed;

	while (consumed->samples < mark->samples) {
		Status status = need_row(feed);
		uint64_t count;

		if (status < 0)
			return status;
		count = before_mark(feed, mark);
		feed->used += count_labelled(feed, count);
		pass(feed, count);
	}
	if (consumed->samples == mark->samples && consumed_content(consumed) == mark->content)
		return STATUS_OK;
	return fail(STATUS_INPUT, "%s differs from what the checkpoint was trained on, within its first %" PRIu64
		    " samples; send the same input again", feed->intake->name, mark->samples);
}

/* the stream was sent from the open epoch, as with fm-augment --start-epoch */
static Status
begin_at_epoch(StreamFeed *feed, const Mark *mark)
{
	Intake *intake = feed->intake;
	Status status;

	if (first_epoch(intake) == EPOCHS_ENDLESS)
		return fail(STATUS_INPUT, "%s ends before its first epoch", intake->name);
	if (first_epoch(intake) != mark->epoch)
		return fail(STATUS_INPUT, "%s begins with epoch %" PRIu64 ", the checkpoint stopped in epoch %" PRIu64
			    "; send the input from its start, or with: fm-augment --start-epoch %" PRIu64,
			    intake->name, first_epoch(intake), mark->epoch, mark->epoch);
	feed->epoch = mark->epoch;
	status = consumed_restore(&intake->consumed, mark->states, mark->epoch_samples, mark->epoch_content);
	/* epochs before it can't be compared, but a lazy stream's data set has been sent again */
	if (status >= 0 && intake->is_lazy && !consumed_has_same_data_set(feed->epoch_begin, &intake->consumed))
		status = fail(STATUS_INPUT, "%s: its data set differs from what the checkpoint was trained on; send the same "
			      "input again", intake->name);
	consumed_copy(feed->epoch_begin, &intake->consumed);
	return status;
}

Status
stream_feed_resume(StreamFeed *feed, Intake *intake, uint32_t batch, uint64_t epochs, Consumed *epoch_begin,
		   const Mark *mark)
{
	Status status = STATUS_OK;

	begin(feed, intake, batch, epochs, epoch_begin);
	if (first_epoch(intake) > 0)
		status = begin_at_epoch(feed, mark);
	if (status >= 0 && intake->has_record)
		status = look_at_record(feed);
	return status < 0 ? status : pass_to_mark(feed, mark);
}

static void
take_row(StreamFeed *feed, uint64_t row, Slot *slot)
{
	const Rows *rows = &feed->rows;

	if (rows_label(rows, row) < 0)
		return;
	if (rows->pixels)
		memcpy(slot->pixels + slot->n * rows->picture_size, rows->pixels + row * rows->picture_size,
		       rows->picture_size);
	else
		data_set_take(&feed->intake->data_set, row, slot);
	slot->labels[slot->n] = rows_label(rows, row);
	slot->ids[slot->n++] = rows_id(rows, row);
	feed->used++;
}

/* what the open record has of the batch, and of the epoch */
static void
take_rows(StreamFeed *feed, Slot *slot, uint64_t size)
{
	const uint64_t in_record = feed->rows.n - feed->row;
	const uint64_t in_epoch = feed->intake->reader.about.epoch_samples - feed->passed;
	const uint64_t most = in_record < in_epoch ? in_record : in_epoch;
	uint64_t count;

	for (count = 0; count < most && slot->n < size; count++)
		take_row(feed, feed->row + count, slot);
	pass(feed, count);
}

static Status
check_count(const StreamFeed *feed, uint64_t used)
{
	const Intake *intake = feed->intake;

	if (used == intake->epoch_samples)
		return STATUS_OK;
	return fail(STATUS_INPUT,
		    "%s: epoch %" PRIu64 " has %" PRIu64 " labelled samples, the first record announced %" PRIu64,
		    intake->name, feed->epoch, used, intake->epoch_samples);
}

/* the unlabelled samples after an epoch's last batch are part of it */
static Status
pass_rest_of_epoch(StreamFeed *feed)
{
	uint64_t epoch = feed->epoch;

	while (feed->epoch == epoch) {
		Status status = need_row(feed);

		if (status < 0)
			return status;
		if (rows_label(&feed->rows, feed->row) >= 0)
			return check_count(feed, feed->used + 1);
		pass(feed, 1);
	}
	return STATUS_OK;
}

Status
stream_feed_fill(void *context, Slot *slot)
{
	StreamFeed *feed = context;
	uint64_t samples = feed->intake->epoch_samples, epoch = feed->epoch;
	uint64_t size = epoch_step_size(samples, feed->batch, feed->used), used = feed->used;
	Status status = STATUS_OK;

	feed->epoch_begin = NULL; /* from here on the loop keeps its own, in another thread */
	if (epoch == feed->epochs)
		return 0;
	slot->epoch = epoch;
	slot->n = 0;
	while (status >= 0 && slot->n < size && feed->epoch == epoch) {
		status = need_row(feed);
		if (status >= 0)
			take_rows(feed, slot, size);
	}
	if (status >= 0 && slot->n < size)
		status = fail(STATUS_INPUT,
			      "%s: epoch %" PRIu64 " has %" PRIu64
			      " labelled samples, the first record announced %" PRIu64,
			      feed->intake->name, epoch, used + slot->n, samples);
	else if (status >= 0 && used + size == samples && feed->epoch == epoch)
		status = pass_rest_of_epoch(feed);
	consumed_copy(&slot->after, &feed->intake->consumed);
	return status < 0 ? status : 1;
}
