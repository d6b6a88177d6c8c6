/* source/class_names.c */
#include "source/class_names.h"

#include "memory.h"
#include "net/model.h"
#include "stream/record.h"

#include <stdio.h>
#include <unistd.h>

static void
add(ClassNames *classes, const char *name)
{
	classes->names = memory_grow(classes->names, classes->count + 1, sizeof *classes->names);
	classes->names[classes->count++] = memory_text(name);
}

static Status
read_model(ClassNames *classes, const char *path)
{
	Model model;
	Status status = model_read(&model, path);

	if (status < 0)
		return status;
	for (uint32_t i = 0; i < model.net.classes; i++)
		add(classes, model.classes[i]);
	model_release(&model);
	return STATUS_OK;
}

static Status
read_lines(ClassNames *classes, FILE *file, const char *path)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t length;
	Status status = STATUS_OK;

	while (status >= 0 && (length = getline(&line, &room, file)) >= 0) {
		while (length && (line[length - 1] == '\n' || line[length - 1] == '\r'))
			line[--length] = '\0';
		if (length && classes->count == STREAM_CLASSES_MOST)
			status = fail(STATUS_INPUT, "%s: more than %d classes", path, STREAM_CLASSES_MOST);
		else if (length)
			add(classes, line);
	}
	if (status >= 0 && ferror(file))
		status = fail_errno("%s", path);
	if (status >= 0 && !classes->count)
		status = fail(STATUS_INPUT, "%s: empty; expected a class's name a line, or a model", path);
	free(line);
	return status;
}

/* A model begins with its header's length, 8 bytes of which the last are zero, and a brace: no text does. */
static bool
is_model(FILE *file)
{
	char start[9];

	return pread(fileno(file), start, sizeof start, 0) == sizeof start && !start[7] && start[8] == '{';
}

Status
class_names_read(ClassNames *classes, const char *path)
{
	FILE *file = fopen(path, "re");

	*classes = (ClassNames){ 0 };
	if (!file)
		return fail_errno("%s", path);
	Status status = is_model(file) ? read_model(classes, path) : read_lines(classes, file, path);

	fclose(file);
	if (status < 0)
		class_names_release(classes);
	return status;
}

void
class_names_release(ClassNames *classes)
{
	for (uint32_t i = 0; i < classes->count; i++)
		free(classes->names[i]);
	free(classes->names);
	*classes = (ClassNames){ 0 };
}

Status
form_of_model(Form *form, const char *path)
{
	Model model;
	Status status = model_read(&model, path);

	if (status < 0)
		return status;
	status = form_read(form, model.input, path);
	model_release(&model);
	return status;
}
