/* source/shards.c */
#include "source/shards.h"

#include "json/utf8.h"
#include "memory.h"
#include "picture/helper.h"
#include "source/operand.h"
#include "source/samples.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	JSON_MOST = 1 << 20, /* bytes of a .json */
	PIECE = 64 << 10,    /* what is read first of a file; twice as much each time, so that memory follows what is there */
};

/* ---- shards ---- */

Status
shards_open(Shards *shards, char *const *operands, size_t count, const DownloadManners *manners)
{
	*shards = (Shards){ .operands = operands, .count = count, .manners = *manners, .pipe = -1 };
	for (size_t i = 0; i < count; i++)
		if (strcmp(operands[i], "-") != 0 && !is_address(operands[i]) && access(operands[i], R_OK))
			return fail_errno("%s", operands[i]);
	return STATUS_OK;
}

static Status
open_operand(Shards *shards, const char *operand, int *fd)
{
	struct stat about;

	Status status = operand_open(operand, shards->sha256, &shards->manners, fd, &shards->name);

	if (status < 0)
		return status;
	if (fstat(*fd, &about) || !S_ISDIR(about.st_mode))
		return STATUS_OK;
	close(*fd);
	return fail(STATUS_INPUT, "%s: a folder; expected WebDataset's tar files: give them, such as %s/*.tar", operand, operand);
}

/* @return 1, or 0 where there is no further one */
static Status
open_next(Shards *shards)
{
	int fd = -1;

	if (shards->next == shards->count)
		return 0;
	Status status = open_operand(shards, shards->operands[shards->next++], &fd);

	if (status < 0)
		return status;
	shards->pipe = lseek(fd, 0, SEEK_CUR) < 0 ? fd : -1;
	status = bytes_open_archive(&shards->bytes, fd, shards->name);
	return status < 0 ? status : 1;
}

static void
close_shard(Shards *shards)
{
	shards->pipe = -1;
	bytes_close(&shards->bytes);
	shards->is_ended = false;
	free(shards->name);
	shards->name = NULL;
}

/* ---- a sample ---- */

/* The first thing that is wrong with it; the others follow from it. */
static void PRINTF_LIKE(2, 3)
note(Job *job, const char *format, ...)
{
	va_list values;

	if (job->reason)
		return;
	va_start(values, format);
	if (vasprintf(&job->reason, format, values) < 0)
		abort();
	va_end(values);
}

/* All of the file that is open, with a NUL behind it; data stays NULL where it is too large, which is one bad sample. */
static Status
read_file(Shards *shards, Job *job, size_t most, uint8_t **data, size_t *size)
{
	size_t room = 0, got = 0;

	*data = NULL;
	*size = 0;
	while (*size == room) {
		room = room ? 2 * room : PIECE;
		uint8_t *larger = realloc(*data, room + 1);

		if (!larger)
			return fail(STATUS_IO, "%s: no memory for a file of more than %zu bytes", shards->bytes.name, *size);
		*data = larger;
		Status status = bytes_read(&shards->bytes, *data + *size, room - *size, &got);

		if (status < 0)
			return status;
		*size += got;
		if (*size > most) {
			free(*data);
			*data = NULL;
			note(job, "%s has more than %zu bytes", shards->path, most);
			return STATUS_OK;
		}
	}
	(*data)[*size] = '\0';
	return STATUS_OK;
}

/* @return malloced, or NULL: it has no label. The member "cls" or "label", as people call it. */
static char *
label_of_json(Job *job, const char *text, size_t size)
{
	json_error_t error;
	json_t *object = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	const json_t *label = json_object_get(object, "cls");
	char *found = NULL;

	label = label ? label : json_object_get(object, "label");
	if (!object)
		note(job, "its .json can't be read");
	if (json_is_string(label))
		found = memory_text(json_string_value(label));
	else if (json_is_integer(label) && asprintf(&found, "%lld", (long long)json_integer_value(label)) < 0)
		abort();
	else if (label && !json_is_integer(label) && !json_is_null(label))
		note(job, "the label in its .json is neither a whole number nor a text");
	json_decref(object);
	return found;
}

static Status
take_label(Shards *shards, Job *job, ShardField field)
{
	size_t size;
	Status status = read_file(shards, job, JSON_MOST, &shards->sample.text, &size);
	const char *text = (const char *)shards->sample.text;
	char *label = NULL;

	if (status < 0 || !text)
		return status;
	if (field == SHARD_JSON)
		label = label_of_json(job, text, size);
	else if (strlen(text) != size)
		note(job, "a NUL in its label");
	else
		label = memory_text(text);
	free(shards->sample.text);
	shards->sample.text = NULL;
	if (label && (!shards->sample.label || field < shards->sample.field)) {
		free(shards->sample.label);
		shards->sample.label = label;
		shards->sample.field = field;
	} else
		free(label);
	return status;
}

static Status
take_picture(Shards *shards, Job *job)
{
	if (job->data) {
		note(job, "a second picture of one sample: %s; expected one, with the other files of its key beside it", shards->path);
		return STATUS_OK;
	}
	free(job->name);
	job->name = memory_text(shards->path);
	return read_file(shards, job, HELPER_FILE_MOST, &job->data, &job->size);
}

/* The file that is open, if it belongs to the sample. @return 1 it does, or belongs to none; 0 it is the next one's */
static Status
take_file(Shards *shards, Job *job)
{
	ShardName name;
	Status status = STATUS_OK;

	if (!shard_name_parse(shards->path, &name))
		return 1;
	if (!shards->sample.key) {
		shards->sample.key = memory_text(shards->path);
		shards->sample.key_length = name.key;
		job->name = memory_text(shards->path);
	}
	if (name.key != shards->sample.key_length || strncmp(shards->sample.key, shards->path, name.key) != 0)
		return 0;
	if (name.field == SHARD_PICTURE)
		status = take_picture(shards, job);
	else if (name.field != SHARD_OTHER)
		status = take_label(shards, job, name.field);
	return status < 0 ? status : 1;
}

/* @return 1 a file's header was read, 0 the shard's end */
static Status
next_path(Shards *shards)
{
	const char *path;
	Status status = shards->is_ended ? 0 : bytes_next_file(&shards->bytes, &path);

	if (status > 0)
		shards->path = memory_text(shard_path(path));
	shards->is_ended = !status;
	return status;
}

static void
forget_path(Shards *shards)
{
	free(shards->path);
	shards->path = NULL;
}

/* Files up to the next key, or to the shard's end. @return 1, or 0: none was left */
static Status
gather(Shards *shards, Job *job)
{
	Status status = 1;

	while (status > 0) {
		if (!shards->path && (status = next_path(shards)) <= 0)
			break;
		if ((status = take_file(shards, job)) > 0)
			forget_path(shards);
	}
	return status < 0 ? status : shards->sample.key != NULL;
}

/* Is it a sample, or files that are of no use here, such as a README? */
static bool
settle(Shards *shards, Job *job)
{
	const char *label = shards->sample.label;

	if (!job->data && !label && !job->reason)
		return false;
	job->label = -1;
	if (!job->data)
		note(job, "a label without a picture: none of this key stands beside it");
	if (label && labels_find(&shards->labels, label, &job->label) < 0)
		note(job, "%s", status_message());
	if (!utf8_is_valid(job->name, strlen(job->name)) || strlen(job->name) > SAMPLE_NAME_MOST)
		note(job, "a name that is not UTF-8, or too long");
	job->place = memory_text(shards->name);
	return true;
}

static void
forget_sample(Shards *shards)
{
	free(shards->sample.key);
	free(shards->sample.label);
	free(shards->sample.text);
	memset(&shards->sample, 0, sizeof shards->sample);
}

/* @return 1 a sample, 0 the shard's end */
static Status
next_sample(Shards *shards, Job *job)
{
	bool is_sample = false;
	Status status = 1;

	while (!is_sample && status > 0) {
		job_release(job);
		forget_sample(shards);
		if ((status = gather(shards, job)) > 0)
			is_sample = settle(shards, job);
	}
	return status;
}

/* ---- for the pool ---- */

Status
shards_next(void *context, Job *job)
{
	Shards *shards = context;
	Status status = 0;

	while (!status) {
		if (!shards->bytes.state && (status = open_next(shards)) <= 0)
			return status;
		if (!(status = next_sample(shards, job)))
			close_shard(shards);
	}
	if (status < 0)
		job_release(job);
	return status;
}

Status
shards_load(void *context, Job *job)
{
	(void)context;
	if (!job->reason)
		return STATUS_OK;
	fail(STATUS_INPUT, "%s", job->reason);
	free(job->reason);
	job->reason = NULL;
	return STATUS_INPUT;
}

bool
shards_would_wait(const void *context)
{
	const Shards *shards = context;
	struct pollfd pipe = { .fd = shards->pipe, .events = POLLIN };

	return pipe.fd >= 0 && poll(&pipe, 1, 0) == 0;
}

void
shards_close(Shards *shards)
{
	if (!shards->operands)
		return;
	close_shard(shards);
	forget_path(shards);
	forget_sample(shards);
	labels_release(&shards->labels);
	*shards = (Shards){ 0 };
}
