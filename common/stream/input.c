/* stream/input.c: length, header, data: each checked before the next is believed. */
#include "stream/input.h"

#include "hash.h"
#include "memory.h"
#include "stream/metadata.h"
#include "stream/pipe.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

enum { ALIGNMENT = 64, STOP_GRACE_MS = 50, STOP_POLL_MS = 100 };

void
raw_release(Raw *raw)
{
	raw_restart(raw);
	free(raw->memory);
	*raw = (Raw){ 0 };
}

void
raw_restart(Raw *raw)
{
	if (raw->has_file)
		safetensors_release(&raw->file);
	raw->has_file = false;
	raw->header_size = raw->size = raw->filled = 0;
}

/* Room for what has been read and `more` bytes of data. */
static Status
raw_reserve(Raw *raw, size_t data, const char *where)
{
	size_t needed = (raw->data_at + data + ALIGNMENT) / ALIGNMENT * ALIGNMENT;
	uint8_t *memory;

	if (needed <= raw->capacity)
		return STATUS_OK;
	memory = aligned_alloc(ALIGNMENT, needed);
	if (!memory)
		return fail(STATUS_IO, "%s: no memory for a record of %zu bytes", where, raw->header_size + data);
	if (raw->memory && raw->size)
		memcpy(memory, raw->memory, raw->data_at);
	free(raw->memory);
	raw->memory = memory;
	raw->capacity = needed;
	return STATUS_OK;
}

static uint8_t *
raw_begin(const Raw *raw)
{
	return raw->memory + raw->data_at - raw->header_size;
}

static Status
take_length(Raw *raw, const char *where)
{
	uint64_t length;

	memcpy(&length, raw->length, sizeof length);
	if (length > STREAM_HEADER_MOST)
		return fail(STATUS_INPUT, "%s: a header of %" PRIu64 " bytes, more than %d: is this a tensor stream?", where,
			    length, STREAM_HEADER_MOST);
	raw->header_size = sizeof length + (size_t)length;
	raw->data_at = (raw->header_size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	Status status = raw_reserve(raw, 0, where);
	if (status == STATUS_OK)
		memcpy(raw_begin(raw), raw->length, sizeof length);
	return status;
}

static Status
check_magic(const Raw *raw, const char *where)
{
	const char *record = (const char *)raw_begin(raw);
	uint64_t hash;

	if (raw->header_size < METADATA_DIGITS_AT + METADATA_DIGITS + 1 ||
	    memcmp(record + 8, METADATA_MAGIC, sizeof METADATA_MAGIC - 1) != 0 || !hex_read(record + METADATA_DIGITS_AT, &hash) ||
	    record[METADATA_DIGITS_AT + METADATA_DIGITS] != '"')
		return fail(STATUS_INPUT, "%s: the header does not begin with %s and 16 digits: is this a tensor stream?",
			    where, METADATA_MAGIC);
	return STATUS_OK;
}

static Status
take_header(Raw *raw, const char *where)
{
	Status status = check_magic(raw, where);

	if (status < 0)
		return status;
	status = safetensors_parse(&raw->file, (char *)raw_begin(raw) + 8, raw->header_size - 8, where);
	if (status < 0)
		return status;
	raw->has_file = true;
	if (raw->file.data_size > STREAM_RECORD_MOST - raw->header_size)
		return fail(STATUS_INPUT, "%s: a record of %" PRIu64 " bytes of data, more than %d", where,
			    raw->file.data_size, STREAM_RECORD_MOST);
	raw->size = raw->header_size + raw->file.data_size;
	return raw_reserve(raw, raw->file.data_size, where);
}

static Status
check_hash(Raw *raw, const char *where)
{
	uint8_t *record = raw_begin(raw);
	char *digits = (char *)record + METADATA_DIGITS_AT;
	char found[METADATA_DIGITS];
	uint64_t stated, hash;

	hex_read(digits, &stated);
	memset(digits, '0', METADATA_DIGITS);
	hash = hash_of(record, raw->size);
	hex_write(hash, found);
	if (hash != stated)
		return fail(STATUS_INPUT, "%s: its bytes hash to %.16s, fm.xxh3 says %016" PRIx64 ": the record is damaged",
			    where, found, stated);
	safetensors_place(&raw->file, raw->memory + raw->data_at);
	return STATUS_OK;
}

/* Where the next bytes go, and how many are needed before anything else can be said. */
static uint8_t *
wanted(Raw *raw, size_t *size)
{
	if (!raw->header_size) {
		*size = sizeof raw->length - raw->filled;
		return raw->length + raw->filled;
	}
	*size = (raw->size ? raw->size : raw->header_size) - raw->filled;
	return raw_begin(raw) + raw->filled;
}

static Status
interrupted(const char *where)
{
	return fail(STATUS_INTERRUPTED, "%s: interrupted while waiting for input", where);
}

/* @return INPUT_RECORD when a read will not wait, INPUT_WAITS, or STATUS_INTERRUPTED, STATUS_IO */
static Status
await(int fd, const char *where, const volatile sig_atomic_t *stop, bool may_wait)
{
	struct pollfd question = { .fd = fd, .events = POLLIN };

	for (;;) {
		bool is_stopped = stop && *stop;
		int ready = poll(&question, 1, !may_wait || is_stopped ? 0 : stop ? STOP_POLL_MS : -1);

		if (ready > 0)
			return INPUT_RECORD;
		if (ready < 0 && errno != EINTR)
			return fail_errno("%s", where);
		if (ready == 0 && is_stopped)
			return interrupted(where);
		if (ready == 0 && !may_wait)
			return INPUT_WAITS;
	}
}

/* When a signal to the whole pipe takes our writer away, ours may be a moment behind the end of our input. */
Status
input_torn(size_t filled, const char *where, const volatile sig_atomic_t *stop)
{
	const struct timespec grace = { .tv_nsec = STOP_GRACE_MS * 1000000L };

	if (stop && !*stop)
		nanosleep(&grace, NULL);
	if (stop && *stop)
		return interrupted(where);
	return fail(STATUS_INPUT, "%s: the stream is torn: %zu bytes of this record, then the end, and no end record", where,
		    filled);
}

/* Read some. @return INPUT_RECORD, INPUT_END, INPUT_WAITS or a failure */
static Status
read_some(const Input *input, Raw *raw, const char *where, const volatile sig_atomic_t *stop, bool may_wait)
{
	size_t size;
	uint8_t *to = wanted(raw, &size);

	while (size) {
		if (stop || !may_wait) {
			Status status = await(input->fd, where, stop, may_wait);
			if (status != INPUT_RECORD)
				return status;
		}
		ssize_t got = read(input->fd, to, size);
		if (got > 0)
			raw->filled += (size_t)got;
		if (got >= 0)
			return got ? INPUT_RECORD : INPUT_END;
		if (errno == EAGAIN) {
			Status status = await(input->fd, where, stop, may_wait);
			if (status != INPUT_RECORD)
				return status;
		} else if (errno != EINTR) {
			return fail_errno("can't read %s", where);
		}
	}
	return INPUT_RECORD;
}

/* A part is complete: what does it say? @return INPUT_RECORD when it was the last */
static Status
take(Raw *raw, const char *where)
{
	if (!raw->header_size)
		return take_length(raw, where);
	if (!raw->size) {
		Status status = take_header(raw, where);
		if (status < 0 || raw->filled < raw->size)
			return status;
	}
	Status status = check_hash(raw, where);
	return status < 0 ? status : INPUT_RECORD;
}

Status
input_read(Input *input, Raw *raw, const char *where, const volatile sig_atomic_t *stop, bool may_wait)
{
	for (;;) {
		size_t missing;
		Status status = read_some(input, raw, where, stop, may_wait);

		if (status == INPUT_END && !raw->filled)
			return INPUT_END;
		if (status == INPUT_END)
			return input_torn(raw->filled, where, stop);
		if (status != INPUT_RECORD)
			return status;
		wanted(raw, &missing);
		if (missing)
			continue;
		status = take(raw, where);
		if (status < 0)
			return status;
		if (status == INPUT_RECORD) {
			input->offset += raw->size;
			return INPUT_RECORD;
		}
	}
}
