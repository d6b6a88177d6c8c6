/* stream/reader_check.c: what a record says of itself must go with what came before. */
#include "stream/reader_parts.h"

#include "json/utf8.h"
#include "stream/lazy.h"
#include "stream/metadata.h"

#include <inttypes.h>
#include <string.h>

Status
reader_check_number(const ReaderState *state, const json_t *metadata)
{
	uint64_t number;

	if (!metadata_number(metadata, "fm.record", &number))
		return fail(STATUS_INPUT, "fm.record is missing or not a number");
	if (number != state->member.records)
		return fail(STATUS_INPUT, "fm.record is %" PRIu64 ", expected %" PRIu64 ": records are missing or out of order",
			    number, state->member.records);
	return STATUS_OK;
}

static Status
check_part(const About *about, Member *member, Record *record, const json_t *metadata)
{
	const char *part = json_string_value(json_object_get(metadata, "fm.part"));

	record->part = PART_NONE;
	if (!part != !about->is_marked)
		return fail(STATUS_INPUT, "fm.part is %s, the first record had %s", part ? "there" : "missing",
			    part ? "none" : "it");
	if (!part)
		return STATUS_OK;
	if (strcmp(part, "fit") != 0 && strcmp(part, "holdout") != 0)
		return fail(STATUS_INPUT, "fm.part is \"%s\", neither \"fit\" nor \"holdout\"", part);
	record->part = *part == 'f' ? PART_FIT : PART_HOLDOUT;
	if (record->part == PART_HOLDOUT && member->has_fit)
		return fail(STATUS_INPUT, "hold-out samples after those to fit; all of them must come first");
	member->has_fit |= record->part == PART_FIT;
	return STATUS_OK;
}

Status
reader_check_epoch_whole(const About *about, const Member *member)
{
	if (member->epoch >= 0 && member->epoch_samples != about->epoch_samples)
		return fail(STATUS_INPUT, "epoch %" PRId64 " has %" PRIu64 " samples, fm.epoch.samples says %" PRIu64,
			    member->epoch, member->epoch_samples, about->epoch_samples);
	return STATUS_OK;
}

static Status
step_epoch(const About *about, Member *member, uint64_t epoch)
{
	if (epoch >= about->epochs)
		return fail(STATUS_INPUT, "fm.epoch is %" PRIu64 " of fm.epochs %" PRIu64, epoch, about->epochs);
	if (member->epoch >= 0 && epoch != (uint64_t)member->epoch && epoch != (uint64_t)member->epoch + 1)
		return fail(STATUS_INPUT, "fm.epoch %" PRIu64 " follows %" PRId64, epoch, member->epoch);
	if ((int64_t)epoch != member->epoch) {
		Status status = reader_check_epoch_whole(about, member);
		if (status < 0)
			return status;
		member->epoch_samples = 0;
	}
	member->epoch = (int64_t)epoch;
	return STATUS_OK;
}

static Status
check_epoch(const About *about, Member *member, Record *record, const json_t *metadata)
{
	bool is_there = json_object_get(metadata, "fm.epoch") != NULL;
	bool is_due = about->epochs != EPOCHS_NONE && record->part != PART_HOLDOUT && (!about->is_lazy || is_there);
	uint64_t epoch;

	record->epoch = -1;
	if (!is_there && about->is_lazy && member->epoch >= 0)
		return fail(STATUS_INPUT, "fm.epoch is missing: in a lazy stream (fm.form) the data set comes before all epochs");
	if (!is_there && (!is_due || !record->n))
		return STATUS_OK;
	if (!is_there)
		return fail(STATUS_INPUT, "fm.epoch is missing");
	if (!is_due)
		return fail(STATUS_INPUT, "fm.epoch in %s", about->epochs == EPOCHS_NONE ? "a stream without fm.epochs" :
			    "a hold-out record");
	if (!metadata_number(metadata, "fm.epoch", &epoch) || epoch > INT64_MAX)
		return fail(STATUS_INPUT, "fm.epoch is not a number");
	Status status = step_epoch(about, member, epoch);
	record->epoch = (int64_t)epoch;
	member->epoch_samples += record->n;
	return status;
}

void
reader_imply_ids(const Reader *reader, const Slot *slot)
{
	const ReaderState *state = reader->state;
	const Member *member = &state->member;
	const Record *record = &slot->record;
	bool is_in_epoch = record->epoch >= 0;
	uint64_t first = member->without_epoch + (is_in_epoch ? member->epoch_samples - record->n : 0);
	int64_t *ids;

	if (lazy_is_epoch(about_input(reader), record->epoch) || !reader->about.columns[about_find(&reader->about, "id")].is_implied)
		return;
	ids = (int64_t *)record->tensors[state->id].data;
	for (uint64_t i = 0; i < record->n; i++)
		ids[i] = (int64_t)(first + i);
}

static Status
check_labels(const About *about, const Tensor *tensor)
{
	const int32_t *labels = (const int32_t *)tensor->data;

	for (uint64_t i = 0; i < tensor->shape[0]; i++) {
		if (labels[i] < -1 || labels[i] >= (int64_t)about->class_count)
			return fail(STATUS_INPUT, "sample %" PRIu64 " has label %d, expected -1 to %d", i, labels[i],
				    (int)about->class_count - 1);
	}
	return STATUS_OK;
}

static Status
check_names(const Tensor *tensor)
{
	size_t width = tensor->shape[1];

	for (uint64_t i = 0; i < tensor->shape[0]; i++) {
		const char *name = (const char *)tensor->data + i * width;

		if (!utf8_is_valid(name, strnlen(name, width)))
			return fail(STATUS_INPUT, "sample %" PRIu64 ": its name is not UTF-8", i);
	}
	return STATUS_OK;
}

Status
reader_check_samples(const Reader *reader, Slot *slot, const json_t *metadata)
{
	ReaderState *state = reader->state;
	const About *about = about_input(reader);
	Record *record = &slot->record;
	Status status = check_part(about, &state->member, record, metadata);

	if (status == STATUS_OK)
		status = check_epoch(about, &state->member, record, metadata);
	if (status < 0 || lazy_is_epoch(about, record->epoch))
		return status;
	if (state->label >= 0)
		status = check_labels(&reader->about, &record->tensors[state->label]);
	if (status == STATUS_OK && state->names >= 0)
		status = check_names(&record->tensors[state->names]);
	return status;
}
