/* serving.c */
#include "predict/serving.h"

#include "memory.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void
served_close(Served *served)
{
	if (!served)
		return;
	predictor_close(&served->predictor);
	model_release(&served->model);
	free(served);
}

Status
serving_read(Serving *serving, const char *path)
{
	*serving = (Serving){ .path = path, .now = memory_zeroed(1, sizeof *serving->now), .former = json_array() };
	Status status = model_read(&serving->now->model, path);

	if (status < 0)
		serving_close(serving);
	return status;
}

Status
serving_start(Serving *serving, const PredictorOptions *how)
{
	Status status = predictor_open(&serving->now->predictor, &serving->now->model, how);

	if (status < 0)
		return status;
	serving->views = memory_text(serving->now->predictor.views); /* which may be the model's own words */
	serving->how = *how;
	serving->how.views = serving->views;
	return STATUS_OK;
}

Status
serving_run(Serving *serving, const uint8_t *pixels, uint64_t n, float *prob)
{
	serving->samples += n;
	return predictor_run(&serving->now->predictor, pixels, n, prob);
}

/* ---- another model ---- */

/* A FIFO or a terminal would be waited for, and holds no second model. */
static Status
read_again(Model *model, const char *path)
{
	struct stat about;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return fail_errno("%s", path);
	Status status = fstat(fd, &about) ? fail_errno("%s", path) : STATUS_OK;

	if (status >= 0 && !S_ISREG(about.st_mode))
		status = fail(STATUS_INPUT, "%s is not a plain file, so it can't be read again", path);
	if (status >= 0)
		status = model_read_fd(model, fd, path);
	close(fd);
	return status;
}

/* Its columns of prob mean what the stream has said that they mean. */
static Status
check_classes(const Model *model, const About *output, const char *path)
{
	if (model->net.classes != output->class_count)
		return fail(STATUS_INPUT, "%s has %u classes, the stream that has begun %u", path, model->net.classes,
			    output->class_count);
	for (uint32_t i = 0; i < output->class_count; i++)
		if (strcmp(model->classes[i], output->classes[i]) != 0)
			return fail(STATUS_INPUT, "%s: class %u is \"%s\", in the stream that has begun \"%s\"", path, i,
				    model->classes[i], output->classes[i]);
	return STATUS_OK;
}

/* @return as serving_reopen; after a failure or 0 served is to be closed */
static Status
open_next(Served *served, const Serving *serving, const About *output, const char *name)
{
	Status status = read_again(&served->model, serving->path);

	if (status >= 0 && served->model.content == serving->now->model.content)
		return 0;
	if (status >= 0)
		status = model_check_input(&served->model, output->input, serving->path, name);
	if (status >= 0)
		status = check_classes(&served->model, output, serving->path);
	if (status >= 0)
		status = predictor_open(&served->predictor, &served->model, &serving->how);
	return status < 0 ? status : 1;
}

static json_t *
model_input(const Serving *serving, bool is_ended, bool has_samples)
{
	const Model *model = &serving->now->model;
	json_t *input = json_pack("{s:s}", "name", "model");
	char content[17];

	snprintf(content, sizeof content, "%016llx", (unsigned long long)model->content);
	if (is_ended)
		json_object_set_new(input, "content", json_string(content));
	if (has_samples)
		json_object_set_new(input, "samples", json_integer((json_int_t)serving->samples));
	json_object_set(input, "history", model->history);
	return input;
}

Status
serving_reopen(Serving *serving, const About *output, const char *name)
{
	Served *next = memory_zeroed(1, sizeof *next);
	Status status = open_next(next, serving, output, name);

	if (status != 1) {
		served_close(next);
		return status;
	}
	if (serving->samples)
		json_array_append_new(serving->former, model_input(serving, true, true));
	served_close(serving->now);
	serving->now = next;
	serving->samples = 0;
	return 1;
}

json_t *
serving_inputs(const Serving *serving, bool is_ended)
{
	json_t *inputs = json_array();
	bool are_several = is_ended && json_array_size(serving->former);

	if (are_several)
		json_array_extend(inputs, serving->former);
	if (!are_several || serving->samples)
		json_array_append_new(inputs, model_input(serving, is_ended, are_several));
	return inputs;
}

void
serving_close(Serving *serving)
{
	served_close(serving->now);
	json_decref(serving->former);
	free(serving->views);
	*serving = (Serving){ 0 };
}
