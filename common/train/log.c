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

Status
log_open(Log *log, const char *path, const LogPlace *place)
{
	*log = (Log){ .fd = -1, .path = path };
	if (!path)
		return STATUS_OK;
	log->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0666);
	if (log->fd < 0)
		return fail_errno("%s", path);
	return log_cut(log->fd, path, place);
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
log_length(const Log *log, uint64_t *hash)
{
	struct stat about;

	*hash = 0;
	if (log->fd < 0 || fdatasync(log->fd) < 0 || fstat(log->fd, &about) < 0 || !S_ISREG(about.st_mode))
		return -1;
	*hash = log_hash(log->fd, log->path, about.st_size);
	return about.st_size;
}
