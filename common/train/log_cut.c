/* log_cut.c: are the lines behind a checkpoint's place the run's own? */
#include "train/log_cut.h"

#include "cli/message.h"
#include "hash.h"
#include "json/canonical.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 1 << 16, OWN_MOST = 64 << 20 }; /* bytes; as many lines no run has written behind its checkpoint */

static const char beginning[] = "{\"schema\":1,"; /* of every line */

/* The same file once more, to read. @return -1 if that can't be had */
static int
open_to_read(int fd, const char *path)
{
	struct stat written, found;
	int reading = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (reading < 0)
		return -1;
	if (fstat(fd, &written) == 0 && fstat(reading, &found) == 0 && written.st_dev == found.st_dev &&
	    written.st_ino == found.st_ino)
		return reading;
	close(reading);
	return -1;
}

/* @return were there so many bytes? */
static bool
read_at(int fd, char *bytes, size_t size, int64_t at)
{
	for (size_t done = 0; done < size;) {
		ssize_t got = pread(fd, bytes + done, size - done, at + (int64_t)done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		done += (size_t)got;
	}
	return true;
}

static uint64_t
hash_beginning(int fd, int64_t length)
{
	Hash *hash = hash_open();
	char *block = malloc(BLOCK);
	bool is_whole = block;
	uint64_t value;

	for (int64_t at = 0; is_whole && at < length; at += BLOCK) {
		size_t size = length - at < BLOCK ? (size_t)(length - at) : BLOCK;

		is_whole = read_at(fd, block, size, at);
		if (is_whole)
			hash_update(hash, block, size);
	}
	value = is_whole ? hash_value(hash) : 0;
	hash_close(hash);
	free(block);
	return value;
}

uint64_t
log_hash(int fd, const char *path, int64_t length)
{
	int reading = open_to_read(fd, path);
	uint64_t value = reading < 0 ? 0 : hash_beginning(reading, length);

	if (reading >= 0)
		close(reading);
	return value;
}

/* Is it what this run says of that epoch? Only of later steps than the checkpoint's. */
static bool
is_own_line(const char *line, size_t length, uint64_t epoch, uint64_t *step)
{
	const json_t *epoch_said, *step_said;
	json_t *object;
	bool is_own;

	if (json_parse(&object, line, length, "a line") < 0)
		return false;
	epoch_said = json_object_get(object, "epoch");
	step_said = json_object_get(object, "step");
	is_own = json_is_integer(json_object_get(object, "schema")) && json_is_integer(epoch_said) &&
		 (uint64_t)json_integer_value(epoch_said) == epoch && json_is_integer(step_said) &&
		 json_integer_value(step_said) > 0 && (uint64_t)json_integer_value(step_said) > *step;
	if (is_own)
		*step = (uint64_t)json_integer_value(step_said);
	json_decref(object);
	return is_own;
}

/* A line that a power cut has torn. */
static bool
is_own_piece(const char *piece, size_t length)
{
	return strncmp(piece, beginning, length < sizeof beginning - 1 ? length : sizeof beginning - 1) == 0;
}

/*
 * Lines of the open epoch and of those that follow it, without a gap. Where that is the first epoch, any other run's begin
 * alike, and none is taken for this one's.
 */
static bool
are_own_lines(const char *text, size_t length, const LogPlace *place)
{
	uint64_t step = place->step;

	for (uint64_t epoch = place->epoch; length; epoch++) {
		const char *end = memchr(text, '\n', length);

		if (!end)
			return is_own_piece(text, length);
		if (!epoch || !is_own_line(text, (size_t)(end - text), epoch, &step))
			return false;
		length -= (size_t)(end + 1 - text);
		text = end + 1;
	}
	return true;
}

/* @return what is wrong with cutting, or NULL */
static const char *
find_objection(int fd, const LogPlace *place, int64_t size)
{
	int64_t rest = size - place->length;
	const char *objection = NULL;
	char *text;

	if (!place->hash)
		return "the checkpoint doesn't say what stood in its log";
	if (hash_beginning(fd, place->length) != place->hash)
		return "it is not the file that the checkpoint's run has written";
	if (rest > OWN_MOST || !(text = malloc((size_t)rest)))
		return "there is more behind them than this run can have written";
	if (!read_at(fd, text, (size_t)rest, place->length) || !are_own_lines(text, (size_t)rest, place))
		objection = "what stands behind them is not this run's";
	free(text);
	return objection;
}

/* All stays, and the next line is one of its own. */
static Status
keep(int fd, int reading, const char *path, int64_t size, int64_t length, const char *objection)
{
	char last = '\n';

	warn("%s is not cut to the %" PRId64 " bytes that the checkpoint knows: %s; the log goes on at its end", path, length,
	     objection);
	if (reading >= 0 && read_at(reading, &last, 1, size - 1) && last != '\n' && write(fd, "\n", 1) != 1)
		return fail_errno("%s", path);
	return STATUS_OK;
}

Status
log_cut(int fd, const char *path, const LogPlace *place)
{
	struct stat about;
	Status status = STATUS_OK;

	if (place->length < 0)
		return STATUS_OK;
	if (fstat(fd, &about) < 0)
		return fail_errno("%s", path);
	/* a shorter one is another file than the checkpoint knew: it is continued, never padded */
	if (!S_ISREG(about.st_mode) || about.st_size <= place->length)
		return STATUS_OK;
	int reading = open_to_read(fd, path);
	const char *objection = reading < 0 ? "it can't be read" : find_objection(reading, place, about.st_size);
	if (objection)
		status = keep(fd, reading, path, about.st_size, place->length, objection);
	else if (ftruncate(fd, place->length) < 0)
		status = fail_errno("%s", path);
	if (reading >= 0)
		close(reading);
	return status;
}
