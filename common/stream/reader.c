/* stream/reader.c: records in the order that a stream, or several joined ones, may have them. */
#include "stream/reader.h"

#include "json/utf8.h"
#include "memory.h"
#include "stream/content.h"
#include "stream/expand.h"
#include "stream/input.h"
#include "stream/lazy.h"
#include "stream/metadata.h"
#include "stream/pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

enum { MEMBER_ID_BITS = 40 };

/* One of two places for a record: while its user has the one, the other may be filled. */
typedef struct Slot {
	Raw raw;
	Record record;
	void **aside; /* [columns]: copies of what the stream did not align, and implied ids; NULL elsewhere */
} Slot;

/* What has been seen of the member that is being read. */
typedef struct Member {
	uint64_t records, samples, offset;
	bool has_fit;
	int64_t epoch;		/* the last one; -1: none yet */
	uint64_t epoch_samples; /* of that epoch */
	uint64_t data_set, holdout; /* samples of a lazy stream's data set; of these, hold-out ones */
	Content *content;
} Member;

typedef enum Place { AT_START, IN_STREAM, AFTER_END, AT_EOF } Place;

struct ReaderState {
	Input input;
	char *name;
	bool is_shown;
	bool is_opening; /* only the first record is wanted yet */
	About lazy;	 /* what the records of a lazy stream have, while their user sees plain ones */
	Expander *expander; /* then, else NULL */
	uint64_t expanded;  /* samples of the record that is held which the user has had */
	Place place;
	Slot slots[2];
	int filling;
	bool is_ready; /* the slot being filled holds a record to be returned */
	bool is_held;  /* it holds the record that the user has */
	Status failure;
	char *message; /* of failure */
	char where[512];

	Member member;
	size_t member_count;
	json_t *members; /* array of {content, samples, history}: whole members */
	Content *joined; /* over all members, from the second on */
	int64_t id_raise, id_most;
	bool has_ids;
	int id, label, names; /* columns of records, of a lazy stream's data set; or -1 */
};

/* What holds for the stream as it comes in. */
static const About *
about_input(const Reader *reader)
{
	return reader->state->expander ? &reader->state->lazy : &reader->about;
}

/* "standard input: record 3 of joined stream 2 at byte 1234" */
static const char *
where(ReaderState *state)
{
	bool is_next = state->place == AFTER_END;
	size_t count = state->member_count + is_next;
	char member[48] = "";

	if (count > 1)
		snprintf(member, sizeof member, " of joined stream %zu", count);
	snprintf(state->where, sizeof state->where, "%.400s: record %" PRIu64 "%s at byte %" PRIu64, state->name,
		 is_next ? 0 : state->member.records, member, state->input.offset);
	return state->where;
}

static void
slot_restart(Slot *slot, size_t columns)
{
	raw_restart(&slot->raw);
	for (size_t i = 0; slot->aside && i < columns; i++) {
		free(slot->aside[i]);
		slot->aside[i] = NULL;
	}
}

static void
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

/* In a stream without ids a sample's id is its position. */
static Status
imply_ids(const Reader *reader, Slot *slot, size_t column, const char *name)
{
	uint64_t n = slot->record.n, first = reader->state->member.samples;
	int64_t *ids = malloc((n + 1) * sizeof *ids);

	if (!ids)
		return fail(STATUS_IO, "no memory for %" PRIu64 " ids", n);
	for (uint64_t i = 0; i < n; i++)
		ids[i] = (int64_t)(first + i);
	slot->aside[column] = ids;
	slot->record.tensors[column] = (Tensor){ .name = name, .dtype = DTYPE_I64, .rank = 1,
						 .shape = { n }, .data = (uint8_t *)ids, .size = n * sizeof *ids };
	return STATUS_OK;
}

/* @param column  of those that this record has */
static Status
place_column(const Reader *reader, Slot *slot, const Column *is, size_t column, size_t *used)
{
	Tensor *tensor;

	if ((int)column == reader->state->id && reader->is_id_implied && !is->is_lazy)
		return imply_ids(reader, slot, column, is->name);
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

/* The record's tensors, in about's order; in a lazy stream, either those of the data set or those of epochs. */
static Status
place_columns(const Reader *reader, Slot *slot, bool is_lazy)
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
		Status status = place_column(reader, slot, &about->columns[i], record->tensor_count++, &used);
		if (status < 0)
			return status;
	}
	if (used != file->tensor_count)
		return fail(STATUS_INPUT, "it holds %zu tensors, expected %zu as %s", file->tensor_count, used,
			    is_lazy ? "in every record of a lazy stream's epochs" : "in the first record");
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

/* An epoch that ends, or isn't there, must have had all of its samples. */
static Status
check_epoch_whole(const About *about, const Member *member)
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
		Status status = check_epoch_whole(about, member);
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

static void
hash_columns(const Reader *reader, Content *content, const Record *record)
{
	const About *about = about_input(reader);
	bool is_lazy = lazy_is_epoch(about, record->epoch);
	size_t placed = 0;

	for (size_t i = 0; i < about->column_count; i++) {
		if (about->columns[i].is_lazy != is_lazy)
			continue;
		if (is_lazy || (int)placed != reader->state->id || !reader->is_id_implied)
			content_add(content, i, &record->tensors[placed]);
		placed++;
	}
}

/* After the member's own hash, before that of the whole: ids rise above all of the members before. */
static Status
raise_ids(ReaderState *state, Tensor *tensor)
{
	int64_t *ids = (int64_t *)tensor->data;

	for (uint64_t i = 0; i < tensor->shape[0]; i++) {
		if (state->id_raise && __builtin_add_overflow(ids[i], state->id_raise, &ids[i]))
			return fail(STATUS_INPUT, "sample %" PRIu64 ": its id overflows when the streams are joined", i);
		if (!state->has_ids || ids[i] > state->id_most)
			state->id_most = ids[i];
		state->has_ids = true;
	}
	return STATUS_OK;
}

static Status
check_number(const ReaderState *state, const json_t *metadata)
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
check_samples(const Reader *reader, Slot *slot, const json_t *metadata)
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

/* Epochs are made of what the data set has had; of that, what is to fit is kept to make them, and not for the user. */
static Status
take_lazy(Reader *reader, const Record *record)
{
	ReaderState *state = reader->state;
	Member *member = &state->member;
	bool is_holdout = record->part == PART_HOLDOUT;

	if (record->epoch >= 0)
		return lazy_check(record, about_input(reader), member->holdout, member->data_set);
	member->data_set += record->n;
	member->holdout += is_holdout ? record->n : 0;
	if (!state->expander)
		return STATUS_OK;
	state->is_ready = is_holdout;
	return expander_keep(state->expander, record);
}

static Status
take_samples(Reader *reader, Slot *slot)
{
	ReaderState *state = reader->state;
	Record *record = &slot->record;
	const json_t *metadata = slot->raw.file.metadata;
	bool is_lazy = about_input(reader)->is_lazy && json_object_get(metadata, "fm.epoch");
	Status status = place_columns(reader, slot, is_lazy);

	if (status == STATUS_OK)
		status = check_samples(reader, slot, metadata);
	if (status < 0)
		return status;
	hash_columns(reader, state->member.content, record);
	if (!is_lazy)
		status = raise_ids(state, &record->tensors[state->id]);
	if (status < 0)
		return status;
	if (state->joined)
		hash_columns(reader, state->joined, record);
	record->number = state->member.records++;
	record->offset = state->member.offset;
	state->member.samples += record->n;
	state->is_ready = true;
	return about_input(reader)->is_lazy ? take_lazy(reader, record) : STATUS_OK;
}

static void
begin_member(Reader *reader)
{
	ReaderState *state = reader->state;

	state->member.content = content_open(about_input(reader));
	state->member.epoch = -1;
	state->place = IN_STREAM;
}

/* Where a column stands among those of a lazy stream's data set. @return -1: nowhere */
static int
find_placed(const About *about, const char *name)
{
	int at = about_find(about, name), placed = at;

	for (int i = 0; i < at; i++)
		placed -= about->columns[i].is_lazy;
	return placed;
}

/* From here on the user sees a plain stream, unless the lazy one is to be shown. */
static Status
open_lazy(Reader *reader)
{
	ReaderState *state = reader->state;

	if (state->is_shown)
		return STATUS_OK;
	state->lazy = reader->about;
	lazy_plain(&reader->about, &state->lazy);
	return expander_open(&state->expander, &state->lazy, &reader->about);
}

static Status
open_first(Reader *reader, const Safetensors *file)
{
	ReaderState *state = reader->state;
	Status status = metadata_read_about(&reader->about, file, state->is_shown);

	if (status < 0)
		return status;
	reader->is_id_implied = about_find(&reader->about, "id") < 0;
	if (reader->is_id_implied) {
		status = about_add_column(&reader->about, "id", DTYPE_I64, 0, NULL);
		if (status < 0)
			return status;
	}
	if (reader->about.is_lazy) {
		status = open_lazy(reader);
		if (status < 0)
			return status;
	}
	state->id = find_placed(&reader->about, "id");
	state->label = find_placed(&reader->about, "label");
	state->names = find_placed(&reader->about, "name");
	state->member_count = 1;
	begin_member(reader);
	return STATUS_OK;
}

static bool
is_joinable(const About *about)
{
	return !about->is_marked && about->epochs == EPOCHS_NONE;
}

static Status
compare_classes(const About *first, const About *later)
{
	if (first->class_count != later->class_count)
		return fail(STATUS_INPUT, "joined streams differ: %u classes after %u", later->class_count, first->class_count);
	for (uint32_t i = 0; i < first->class_count; i++) {
		if (strcmp(first->classes[i], later->classes[i]) != 0)
			return fail(STATUS_INPUT, "joined streams differ: class %u is \"%s\" after \"%s\"", i,
				    later->classes[i], first->classes[i]);
	}
	return STATUS_OK;
}

/* Tensors are compared when their record is placed; here is what that doesn't see. */
static Status
compare_members(const About *first, const About *later)
{
	if (!is_joinable(first) || !is_joinable(later))
		return fail(STATUS_INPUT, "a stream with parts or epochs can't be joined to another");
	if (first->height != later->height || first->width != later->width || first->channels != later->channels)
		return fail(STATUS_INPUT, "joined streams differ: pictures of %ux%ux%u after %ux%ux%u", later->height,
			    later->width, later->channels, first->height, first->width, first->channels);
	return compare_classes(first, later);
}

/* The next multiple of 2^40 above all ids so far; 0 as long as there were none. */
static Status
raise_for_member(ReaderState *state)
{
	int64_t multiple = (state->id_most >> MEMBER_ID_BITS) + 1;

	if (!state->has_ids)
		return STATUS_OK;
	if (multiple > INT64_MAX >> MEMBER_ID_BITS)
		return fail(STATUS_INPUT, "no ids are left above %" PRId64 " to join another stream", state->id_most);
	state->id_raise = multiple > 0 ? multiple << MEMBER_ID_BITS : 0;
	return STATUS_OK;
}

static Status
open_later(Reader *reader, const Safetensors *file)
{
	ReaderState *state = reader->state;
	About later;
	Status status = metadata_read_about(&later, file, state->is_shown);

	if (status < 0)
		return status;
	status = compare_members(&reader->about, &later);
	about_release(&later);
	if (status == STATUS_OK)
		status = raise_for_member(state);
	if (status < 0)
		return status;
	if (!state->joined)
		state->joined = state->member.content;
	else
		content_close(state->member.content);
	state->member_count++;
	begin_member(reader);
	return STATUS_OK;
}

static Status
check_totals(const Reader *reader, const json_t *metadata)
{
	const Member *member = &reader->state->member;
	uint64_t records, samples;

	if (!metadata_number(metadata, "fm.records", &records) || records != member->records)
		return fail(STATUS_INPUT, "the end record's fm.records is \"%s\", there were %" PRIu64,
			    json_string_value(json_object_get(metadata, "fm.records")), member->records);
	if (!metadata_number(metadata, "fm.samples", &samples) || samples != member->samples)
		return fail(STATUS_INPUT, "the end record's fm.samples is \"%s\", there were %" PRIu64,
			    json_string_value(json_object_get(metadata, "fm.samples")), member->samples);
	Status status = check_epoch_whole(&reader->about, member);
	if (status < 0 || !reader->about.epoch_samples || reader->about.epochs == EPOCHS_NONE ||
	    reader->about.epochs == EPOCHS_ENDLESS)
		return status;
	if ((uint64_t)member->epoch + 1 != reader->about.epochs)
		return fail(STATUS_INPUT, "the stream ends after epoch %" PRId64 ", fm.epochs is %" PRIu64, member->epoch,
			    reader->about.epochs);
	return STATUS_OK;
}

static Status
check_content(const Member *member, const json_t *metadata)
{
	const char *stated = json_string_value(json_object_get(metadata, "fm.content"));
	uint64_t content = content_value(member->content), value;

	if (!stated)
		return STATUS_OK;
	if (strlen(stated) != METADATA_DIGITS || !hex_read(stated, &value) || value != content)
		return fail(STATUS_INPUT, "the samples hash to %016" PRIx64 ", fm.content says \"%s\"", content, stated);
	return STATUS_OK;
}

/* Remember a whole member for the history. */
static Status
keep_member(ReaderState *state, const json_t *metadata)
{
	char content[METADATA_DIGITS + 1] = "";
	json_t *history;
	Status status = metadata_json(metadata, "fm.history", &history);

	if (status < 0)
		return status;
	hex_write(content_value(state->member.content), content);
	json_array_append_new(state->members, json_pack("{s:s, s:I, s:o}", "content", content, "samples",
							(json_int_t)state->member.samples, "history", history));
	if (!json_is_array(history))
		return fail(STATUS_INPUT, "fm.history is not an array");
	return STATUS_OK;
}

static Status
take_end(Reader *reader, const Safetensors *file)
{
	ReaderState *state = reader->state;
	Status status = STATUS_OK;

	if (strcmp(json_string_value(json_object_get(file->metadata, "fm.end")), "1") != 0)
		return fail(STATUS_INPUT, "fm.end is not \"1\"");
	if (file->tensor_count)
		return fail(STATUS_INPUT, "the end record holds tensors");
	status = check_totals(reader, file->metadata);
	if (status == STATUS_OK)
		status = check_content(&state->member, file->metadata);
	if (status == STATUS_OK)
		status = keep_member(state, file->metadata);
	state->place = AFTER_END;
	return status;
}

/* Between members only a first record may stand; its number counts from 0 again. */
static Status
take_first(Reader *reader, const Safetensors *file)
{
	ReaderState *state = reader->state;
	Content *content = state->member.content;

	if (!json_object_get(file->metadata, "fm.stream") && state->place == AFTER_END)
		return fail(STATUS_INPUT, "after an end record only another stream's first record may follow");
	state->member = (Member){ .content = content, .offset = state->member.offset };
	return state->place == AT_START ? open_first(reader, file) : open_later(reader, file);
}

static Status
take_record(Reader *reader, Slot *slot)
{
	ReaderState *state = reader->state;
	const Safetensors *file = &slot->raw.file;
	Status status = STATUS_OK;

	if (state->place == IN_STREAM && json_object_get(file->metadata, "fm.stream"))
		return fail(STATUS_INPUT, "the stream is torn: another one begins here, and no end record came before");
	if (state->place != IN_STREAM)
		status = take_first(reader, file);
	if (status == STATUS_OK)
		status = check_number(state, file->metadata);
	if (status < 0)
		return status;
	if (json_object_get(file->metadata, "fm.end") && state->member.records)
		return take_end(reader, file);
	return take_samples(reader, slot);
}

static Status
finish(Reader *reader)
{
	ReaderState *state = reader->state;

	if (state->place == AT_START || state->place == IN_STREAM)
		return input_torn(0, where(state), reader->stop);
	if (state->place == AFTER_END) {
		reader->content = content_value(state->joined ? state->joined : state->member.content);
		json_decref(reader->about.history);
		reader->about.history = json_incref(json_object_get(json_array_get(state->members, 0), "history"));
	}
	state->place = AT_EOF;
	return 0;
}

/* @return 1: a record is ready; 0: the end; INPUT_WAITS; or a failure */
static Status
advance(Reader *reader, bool may_wait)
{
	ReaderState *state = reader->state;

	while (!state->is_ready && state->place != AT_EOF) {
		Slot *slot = &state->slots[state->filling];

		if (!slot->raw.filled) {
			where(state);
			state->member.offset = state->input.offset;
		}
		Status status = input_read(&state->input, &slot->raw, state->where, reader->stop, may_wait);
		if (status == INPUT_END)
			return finish(reader);
		if (status != INPUT_RECORD)
			return status;
		status = take_record(reader, slot);
		if (status < 0)
			return fail_in(status, "%s", state->where);
		if (!state->is_ready)
			slot_restart(slot, about_input(reader)->column_count);
		if (state->is_opening)
			break;
	}
	return state->is_ready;
}

/* A failure stays one, but for an interruption: nothing of the input was lost by it. */
static Status
step(Reader *reader, bool may_wait)
{
	ReaderState *state = reader->state;

	if (state->failure < 0)
		return fail(state->failure, "%s", state->message);
	Status status = advance(reader, may_wait);
	if (status < 0 && status != STATUS_INTERRUPTED) {
		state->failure = status;
		state->message = memory_text(status_message());
	}
	return status;
}

static Status
open_fd(Reader *reader, int fd, const char *name, bool is_shown)
{
	ReaderState *state = memory_zeroed(1, sizeof *state);

	*reader = (Reader){ .state = state };
	state->name = memory_text(name);
	state->input = (Input){ .fd = fd };
	state->is_shown = is_shown;
	state->members = json_array();
	pipe_enlarge(fd);
	state->is_opening = true;
	Status status = step(reader, true);
	state->is_opening = false;
	if (status < 0) {
		reader_close(reader);
		return status;
	}
	return STATUS_OK;
}

Status
reader_open_fd(Reader *reader, int fd, const char *name)
{
	return open_fd(reader, fd, name, false);
}

static Status
open_path(Reader *reader, const char *path, bool is_shown)
{
	int fd;

	if (!strcmp(path, "-"))
		return open_fd(reader, STDIN_FILENO, "standard input", is_shown);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail_errno("can't open %s", path);
	return open_fd(reader, fd, path, is_shown);
}

Status
reader_open(Reader *reader, const char *path)
{
	return open_path(reader, path, false);
}

Status
reader_open_to_show(Reader *reader, const char *path)
{
	return open_path(reader, path, true);
}

Status
reader_open_fd_to_show(Reader *reader, int fd, const char *name)
{
	return open_fd(reader, fd, name, true);
}

void
reader_limit_memory(Reader *reader, uint64_t memory)
{
	if (reader->state->expander)
		expander_limit(reader->state->expander, memory);
}

/* Does the record that the user has had samples of, in an epoch of a lazy stream, have more? */
static bool
has_more(const ReaderState *state)
{
	const Record *held = &state->slots[state->filling].record;

	return state->is_held && state->expander && held->epoch >= 0 && state->expanded < held->n;
}

/* The next record to be read is to be held. @return as step */
static Status
hold_next(Reader *reader)
{
	ReaderState *state = reader->state;

	/* the place that the user has just left is warm: fill it again */
	if (state->is_held)
		slot_restart(&state->slots[state->filling], about_input(reader)->column_count);
	state->is_held = false;
	Status status = step(reader, true);
	if (status != 1)
		return status;
	state->is_ready = false;
	state->is_held = true;
	state->expanded = 0;
	return 1;
}

Status
reader_next(Reader *reader, Record *record)
{
	ReaderState *state = reader->state;
	Status status = has_more(state) ? 1 : hold_next(reader);
	const Record *held = &state->slots[state->filling].record;

	if (status != 1)
		return status;
	*record = *held;
	if (state->expander && held->epoch >= 0)
		status = expander_make(state->expander, held, &state->expanded, record);
	if (status < 0)
		return status;
	reader->samples += record->n;
	return 1;
}

Status
reader_drain(Reader *reader)
{
	Record record;
	Status status;

	while ((status = reader_next(reader, &record)) > 0)
		;
	return status;
}

bool
reader_would_wait(Reader *reader)
{
	ReaderState *state = reader->state;

	if (has_more(state))
		return false;
	if (state->is_held) {
		state->filling = !state->filling;
		slot_restart(&state->slots[state->filling], about_input(reader)->column_count);
		state->is_held = false;
	}
	return step(reader, false) == INPUT_WAITS;
}

json_t *
reader_inputs(const Reader *reader, const char *name)
{
	const ReaderState *state = reader->state;
	json_t *inputs = json_array();
	size_t i;
	json_t *member;

	if (state->place != AT_EOF)
		json_array_append_new(inputs, json_pack("{s:s, s:O}", "name", name, "history", reader->about.history));
	if (json_array_size(state->members) > 1)
		name = "member";
	if (state->place != AT_EOF)
		return inputs;
	json_array_foreach(state->members, i, member) {
		json_t *input = json_pack("{s:s}", "name", name);

		json_object_update(input, member);
		json_array_append_new(inputs, input);
	}
	return inputs;
}

void
reader_close(Reader *reader)
{
	ReaderState *state = reader->state;

	if (!state)
		return;
	for (int i = 0; i < 2; i++)
		slot_release(&state->slots[i], about_input(reader)->column_count);
	content_close(state->member.content);
	content_close(state->joined);
	expander_close(state->expander);
	about_release(&state->lazy);
	json_decref(state->members);
	close(state->input.fd);
	free(state->message);
	free(state->name);
	free(state);
	about_release(&reader->about);
	*reader = (Reader){ 0 };
}
