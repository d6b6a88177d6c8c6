/* model_write.c: a model as one safetensors file. Nothing in it depends on when, where or how often it is written. */
#include "net/model.h"

#include "cli/atomic.h"
#include "json/canonical.h"
#include "memory.h"
#include "stream/safetensors.h"

#include <stdio.h>
#include <string.h>

/* A metadata value that is itself JSON. */
static void
set_json(json_t *metadata, const char *key, const json_t *value)
{
	char *text;

	if (!value)
		return;
	text = json_canonical(value, NULL);
	json_object_set_new(metadata, key, json_string(text));
	free(text);
}

/* The shortest decimal that a reader of floats takes for the same value: 0.003921569, not 0.003921568859368563. */
static json_t *
float_json(float value)
{
	char text[32];
	int digits = 1;

	do
		snprintf(text, sizeof text, "%.*g", digits, (double)value);
	while (strtof(text, NULL) != value && digits++ < 9);
	return json_real(strtod(text, NULL));
}

static json_t *
floats_json(const float *values, uint32_t count)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < count; i++)
		json_array_append_new(array, float_json(values[i]));
	return array;
}

/* h, w, c, scale and shift from net, then what else the stream said of how pictures were made to fit. */
static json_t *
input_json(const Model *model)
{
	const Net *net = &model->net;
	json_t *input = json_object(), *value;
	const char *key;

	json_object_set_new(input, "h", json_integer(net->input.h));
	json_object_set_new(input, "w", json_integer(net->input.w));
	json_object_set_new(input, "c", json_integer(net->input.c));
	json_object_set_new(input, "scale", floats_json(net->scale, net->input.c));
	json_object_set_new(input, "shift", floats_json(net->shift, net->input.c));
	json_object_foreach(model->input, key, value) {
		if (!json_object_get(input, key))
			json_object_set(input, key, value);
	}
	return input;
}

static json_t *
classes_json(const Model *model)
{
	json_t *classes = json_array();

	for (uint32_t i = 0; i < model->net.classes; i++)
		json_array_append_new(classes, json_string(model->classes[i]));
	return classes;
}

static json_t *
metadata_json(const Model *model)
{
	json_t *metadata = json_object(), *input = input_json(model), *classes = classes_json(model);
	json_t *history = model->history ? json_incref(model->history) : json_array();
	char version[16];

	snprintf(version, sizeof version, "%d", MODEL_VERSION);
	json_object_set_new(metadata, "format", json_string("pt"));
	json_object_set_new(metadata, "fm.model", json_string(version));
	json_object_set_new(metadata, "fm.arch", json_string(model->net.text));
	set_json(metadata, "fm.input", input);
	set_json(metadata, "fm.classes", classes);
	set_json(metadata, "fm.history", history);
	set_json(metadata, "fm.scores", model->scores);
	set_json(metadata, "fm.calibration", model->calibration);
	if (model->views && strcmp(model->views, "none") != 0)
		json_object_set_new(metadata, "fm.views", json_string(model->views));
	if (model->extra_metadata)
		json_object_update_missing(metadata, model->extra_metadata);
	json_decref(input);
	json_decref(classes);
	json_decref(history);
	return metadata;
}

/* Borrows names and data. */
static Tensor
net_tensor(const Model *model, const TensorInfo *info)
{
	const float *vector = info->vector == NET_PARAM ? model->param : model->bn;
	Tensor tensor = { .name = info->name,
			  .dtype = DTYPE_F32,
			  .rank = info->rank,
			  .data = (uint8_t *)(vector + info->offset),
			  .size = info->count * sizeof *vector };

	for (int i = 0; i < info->rank; i++)
		tensor.shape[i] = info->shape[i];
	return tensor;
}

static Status
write_tensors(const json_t *metadata, const Tensor *tensors, size_t count, int fd, const char *name)
{
	size_t length;
	char *header = safetensors_header(metadata, tensors, count, &length);
	Status status = write_all(fd, header, length, name);

	for (size_t i = 0; !status && i < count; i++)
		status = write_all(fd, tensors[i].data, tensors[i].size, name);
	free(header);
	return status;
}

Status
model_write(const Model *model, int fd, const char *name)
{
	size_t own = model->net.tensor_count, count = own + model->extra_count;
	Tensor *tensors = memory_zeroed(count, sizeof *tensors);
	json_t *metadata = metadata_json(model);
	Status status;

	for (size_t i = 0; i < own; i++)
		tensors[i] = net_tensor(model, &model->net.tensors[i]);
	for (size_t i = 0; i < model->extra_count; i++)
		tensors[own + i] = model->extra[i];
	status = write_tensors(metadata, tensors, count, fd, name);
	json_decref(metadata);
	free(tensors);
	return status;
}
