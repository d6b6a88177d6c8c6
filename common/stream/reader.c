/* stream/reader.c: a stream read record by record, or several joined ones as if they were one. */
#include "stream/reader_parts.h"

#include "memory.h"
#include "stream/lazy.h"
#include "stream/metadata.h"
#include "stream/pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

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
hash_columns(const Reader *reader, Content *content, const Record *record)
{
	const About *about = about_input(reader);
	bool is_lazy = lazy_is_epoch(about, record->epoch);
	size_t placed = 0;

	for (size_t i = 0; i < about->column_count; i++) {
		if (about->columns[i].is_lazy != is_lazy)
			continue;
		if (!about->columns[i].is_implied)
			content_add(content, i, &record->tensors[placed]);
		placed++;
	}
}

/* Epochs are made of what the data set has had; of that, what is to fit is kept to make them, and not for the user. */
static Status
take_lazy(Reader *reader, const Record *record)
{
	ReaderState *state = reader->state;
	Member *member = &state->member;
	bool is_holdout = record->part == PART_HOLDOUT;

	if (record->epoch >= 0)
		return lazy_check(record, about_input(reader), member->holdout, member->without_epoch);
	member->holdout += is_holdout ? record->n : 0;
	if (!state->expander)
		return STATUS_OK;
	state->is_ready = is_holdout;
	return expander_keep(state->expander, record);
}

/* All of it has come, and nothing else. */
static void
note_holdout(Member *member)
{
	member->held_content = content_value(member->content);
	member->held_samples = member->samples;
}

static Status
take_samples(Reader *reader, Slot *slot)
{
	ReaderState *state = reader->state;
	Record *record = &slot->record;
	const json_t *metadata = slot->raw.file.metadata;
	bool is_lazy = about_input(reader)->is_lazy && json_object_get(metadata, "fm.epoch");
	Member *member = &state->member;
	bool awaits_fit = !member->has_fit;
	Status status = reader_place_columns(reader, slot, is_lazy);

	if (status == STATUS_OK)
		status = reader_check_samples(reader, slot, metadata);
	if (status < 0)
		return status;
	if (awaits_fit && member->has_fit)
		note_holdout(member);
	reader_imply_ids(reader, slot);
	hash_columns(reader, state->member.content, record);
	if (!is_lazy)
		status = reader_raise_ids(state, &record->tensors[state->id]);
	if (status < 0)
		return status;
	if (state->joined)
		hash_columns(reader, state->joined, record);
	record->number = state->member.records++;
	record->offset = state->member.offset;
	state->member.samples += record->n;
	state->member.without_epoch += record->epoch < 0 ? record->n : 0;
	state->is_ready = true;
	return about_input(reader)->is_lazy ? take_lazy(reader, record) : STATUS_OK;
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
		status = reader_take_first(reader, file);
	if (status == STATUS_OK)
		status = reader_check_number(state, file->metadata);
	if (status < 0)
		return status;
	if (json_object_get(file->metadata, "fm.end") && state->member.records)
		return reader_take_end(reader, file);
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
open_fd(Reader *reader, int fd, const char *name, View view)
{
	ReaderState *state = memory_zeroed(1, sizeof *state);

	*reader = (Reader){ .state = state };
	state->name = memory_text(name);
	state->input = (Input){ .fd = fd };
	state->view = view;
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
	return open_fd(reader, fd, name, VIEW_PLAIN);
}

static Status
open_path(Reader *reader, const char *path, View view)
{
	int fd;

	if (!strcmp(path, "-"))
		return open_fd(reader, STDIN_FILENO, "standard input", view);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail_errno("can't open %s", path);
	return open_fd(reader, fd, path, view);
}

Status
reader_open(Reader *reader, const char *path)
{
	return open_path(reader, path, VIEW_PLAIN);
}

Status
reader_open_lazy(Reader *reader, const char *path)
{
	return open_path(reader, path, VIEW_AS_SENT);
}

Status
reader_open_to_show(Reader *reader, const char *path)
{
	return open_path(reader, path, VIEW_ALL);
}

Status
reader_open_fd_to_show(Reader *reader, int fd, const char *name)
{
	return open_fd(reader, fd, name, VIEW_ALL);
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

Status
reader_await(Reader *reader, int interruption)
{
	const ReaderState *state = reader->state;
	struct pollfd questions[] = { { .fd = interruption, .events = POLLIN }, { .fd = state->input.fd, .events = POLLIN } };

	if (state->is_ready || has_more(state) || state->place == AT_EOF || state->failure < 0)
		return READER_READY;
	if (poll(questions, 2, -1) < 0 && errno != EINTR)
		return fail_errno("can't wait for %s", state->name);
	return questions[0].revents || !questions[1].revents ? READER_INTERRUPTED : READER_READY;
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
	if (state->place != AT_EOF)
		return inputs;
	if (json_array_size(state->members) > 1 && !strcmp(name, "stdin"))
		name = "member";
	json_array_foreach(state->members, i, member) {
		json_t *input = json_pack("{s:s}", "name", name);

		json_object_update(input, member);
		json_array_append_new(inputs, input);
	}
	return inputs;
}

json_t *
reader_inputs_holdout(const Reader *reader, const char *name)
{
	const ReaderState *state = reader->state;
	char content[METADATA_DIGITS + 1] = "";

	if (state->place != IN_STREAM || !state->member.has_fit)
		return reader_inputs(reader, name);
	hex_write(state->member.held_content, content);
	return json_pack("[{s:s, s:s, s:I, s:O}]", "name", name, "content", content, "samples",
			 (json_int_t)state->member.held_samples, "history", reader->about.history);
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
