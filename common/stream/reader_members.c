/* stream/reader_members.c: where a stream begins and ends, alone or joined to others. */
#include "stream/reader_parts.h"

#include "stream/lazy.h"
#include "stream/metadata.h"

#include <inttypes.h>
#include <string.h>

enum { MEMBER_ID_BITS = 40 };

Status
reader_raise_ids(ReaderState *state, Tensor *tensor)
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

/* From here on the user sees a plain stream, unless the lazy one is wanted. */
static Status
open_lazy(Reader *reader)
{
	ReaderState *state = reader->state;

	if (state->view != VIEW_PLAIN)
		return STATUS_OK;
	state->lazy = reader->about;
	lazy_plain(&reader->about, &state->lazy);
	return expander_open(&state->expander, &state->lazy, &reader->about);
}

static Status
open_first(Reader *reader, const Safetensors *file)
{
	ReaderState *state = reader->state;
	Status status = metadata_read_about(&reader->about, file, state->view == VIEW_ALL);

	if (status < 0)
		return status;
	if (about_find(&reader->about, "id") < 0) {
		status = about_add_column(&reader->about, "id", DTYPE_I64, 0, NULL);
		if (status < 0)
			return status;
		reader->about.columns[about_find(&reader->about, "id")].is_implied = true;
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
	Status status = metadata_read_about(&later, file, state->view == VIEW_ALL);

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
check_total(const json_t *metadata, const char *key, uint64_t counted)
{
	const char *stated = json_string_value(json_object_get(metadata, key));
	uint64_t total;

	if (!stated)
		return fail(STATUS_INPUT, "the end record has no %s, there were %" PRIu64, key, counted);
	if (!metadata_number(metadata, key, &total) || total != counted)
		return fail(STATUS_INPUT, "the end record's %s is \"%s\", there were %" PRIu64, key, stated, counted);
	return STATUS_OK;
}

static Status
check_totals(const Reader *reader, const json_t *metadata)
{
	const Member *member = &reader->state->member;
	Status status = check_total(metadata, "fm.records", member->records);

	if (status == STATUS_OK)
		status = check_total(metadata, "fm.samples", member->samples);
	if (status == STATUS_OK)
		status = reader_check_epoch_whole(&reader->about, member);
	if (status < 0 || !reader->about.epoch_samples || reader->about.epochs == EPOCHS_NONE ||
	    reader->about.epochs == EPOCHS_ENDLESS)
		return status;
	/* none at all: it was sent from behind the last one */
	if (member->epoch >= 0 && (uint64_t)member->epoch + 1 != reader->about.epochs)
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

Status
reader_take_end(Reader *reader, const Safetensors *file)
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

Status
reader_take_first(Reader *reader, const Safetensors *file)
{
	ReaderState *state = reader->state;
	Content *content = state->member.content;

	if (!json_object_get(file->metadata, "fm.stream") && state->place == AFTER_END)
		return fail(STATUS_INPUT, "after an end record only another stream's first record may follow");
	state->member = (Member){ .content = content, .offset = state->member.offset };
	return state->place == AT_START ? open_first(reader, file) : open_later(reader, file);
}
