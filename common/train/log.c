/* log.c: the training log. */
#include "train/log.h"

#include "json/canonical.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static Status
cut(const Log *log, int64_t length)
{
	struct stat about;

	if (fstat(log->fd, &about) < 0)
		return fail_errno("%s", log->path);
	/* a shorter one is another file than the checkpoint knew: it is continued, never padded */
	if (!S_ISREG(about.st_mode) || about.st_size <= length)
		return STATUS_OK;
	if (ftruncate(log->fd, length) < 0)
		return fail_errno("%s", log->path);
	return STATUS_OK;
}

Status
log_open(Log *log, const char *path, int64_t length)
{
	*log = (Log){ .fd = -1, .path = path };
	if (!path)
		return STATUS_OK;
	log->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0666);
	if (log->fd < 0)
		return fail_errno("%s", path);
	return length < 0 ? STATUS_OK : cut(log, length);
}

static json_t *
number_or_null(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

static json_t *
line_json(const LogLine *line)
{
	const EpochScores *scores = &line->scores;
	json_t *object = json_object();

	json_object_set_new(object, "schema", json_integer(1));
	json_object_set_new(object, "epoch", json_integer((json_int_t)line->epoch));
	json_object_set_new(object, "step", json_integer((json_int_t)line->step));
	json_object_set_new(object, "samples", json_integer((json_int_t)line->samples));
	json_object_set_new(object, "loss", number_or_null(scores->loss));
	json_object_set_new(object, "accuracy", number_or_null(scores->accuracy));
	json_object_set_new(object, "val_loss", number_or_null(scores->val_loss));
	json_object_set_new(object, "val_accuracy", number_or_null(scores->val_accuracy));
	json_object_set_new(object, "val_f1_macro", number_or_null(scores->val_f1_macro));
	json_object_set_new(object, "val_balanced_accuracy", number_or_null(scores->val_balanced_accuracy));
	json_object_set_new(object, "learning_rate", number_or_null(line->learning_rate));
	json_object_set_new(object, "seconds", number_or_null(line->seconds));
	json_object_set_new(object, "images_per_second", number_or_null(line->images_per_second));
	json_object_set_new(object, "device", json_string(line->device));
	return object;
}

Status
log_write(Log *log, const LogLine *line)
{
	json_t *object;
	size_t length;
	ssize_t written;
	char *text;

	if (log->fd < 0)
		return STATUS_OK;
	object = line_json(line);
	text = json_canonical(object, &length);
	json_decref(object);
	text[length++] = '\n'; /* in the NUL's place */
	do
		written = write(log->fd, text, length);
	while (written < 0 && errno == EINTR);
	free(text);
	if (written < 0)
		return fail_errno("%s", log->path);
	if ((size_t)written < length)
		return fail(STATUS_IO, "%s: only %zd of %zu bytes of a line could be written; is the disk full?",
			    log->path, written, length);
	return STATUS_OK;
}

int64_t
log_length(const Log *log)
{
	struct stat about;

	if (log->fd < 0 || fdatasync(log->fd) < 0 || fstat(log->fd, &about) < 0 || !S_ISREG(about.st_mode))
		return -1;
	return about.st_size;
}
