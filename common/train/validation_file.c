/* validation_file.c: --val: a stream read whole before training begins. */
#include "train/validation.h"

#include "net/model.h"
#include "stream/reader.h"

#include <string.h>

static Status
keep_all(ValidationFile *file, Reader *reader)
{
	Record record;
	Status status;

	while ((status = reader_next(reader, &record)) > 0) {
		Rows rows;

		status = rows_of(&rows, &record, reader->about.class_count, file->name);
		if (status >= 0)
			status = kept_add(&file->kept, &rows);
		if (status < 0)
			return status;
	}
	if (status == 0 && !file->kept.n)
		return fail(STATUS_INPUT, "%s has no labelled samples to validate on", file->name);
	return status;
}

static Status
read_stream(ValidationFile *file, Reader *reader, uint64_t memory)
{
	Status status;

	if (reader->about.epochs != EPOCHS_NONE)
		return fail(STATUS_USAGE, "--val %s is a repeated stream; make it without --epochs", file->name);
	about_copy(&file->about, &reader->about);
	status = kept_open(&file->kept, &reader->about, memory);
	if (status >= 0)
		status = keep_all(file, reader);
	file->content = reader->content;
	if (status >= 0)
		file->inputs = reader_inputs(reader, "val");
	else
		validation_file_release(file);
	return status;
}

Status
validation_file_read(ValidationFile *file, const char *path, uint64_t memory)
{
	Reader reader;
	Status status;

	*file = (ValidationFile){ .name = path };
	status = reader_open(&reader, path);
	if (status < 0)
		return status;
	status = read_stream(file, &reader, memory);
	reader_close(&reader);
	return status;
}

void
validation_file_release(ValidationFile *file)
{
	about_release(&file->about);
	kept_close(&file->kept);
	json_decref(file->inputs);
	*file = (ValidationFile){ 0 };
}

Status
validation_file_map(const ValidationFile *file, const About *training, int32_t *map)
{
	const Model model = { .net.classes = training->class_count, .classes = training->classes };
	const About *about = &file->about;

	if (about->height != training->height || about->width != training->width ||
	    about->channels != training->channels)
		return fail(STATUS_INPUT, "%s has pictures of %ux%ux%u, the training data of %ux%ux%u", file->name,
			    about->height, about->width, about->channels, training->height, training->width,
			    training->channels);
	return model_map_classes(&model, about->class_count, about->classes, map, file->name);
}
