/* model_metadata.c: what a model file says of itself, believed only after it is checked. */
#include "net/model_parts.h"

#include "json/canonical.h"
#include "memory.h"
#include "stream/record.h"

#include <math.h>
#include <stdio.h>

static const char *
metadata_text(const Safetensors *file, const char *key)
{
	return json_string_value(json_object_get(file->metadata, key));
}

/* A metadata value that is itself JSON of the given type. *value stays NULL where the key is absent. */
static Status
metadata_json(const Safetensors *file, const char *key, json_type type, const char *name, json_t **value)
{
	const char *text = metadata_text(file, key);
	char what[256];
	Status status;

	if (!text)
		return STATUS_OK;
	snprintf(what, sizeof what, "%.200s: %s", name, key);
	status = json_parse(value, text, strlen(text), what);
	if (status)
		return status;
	if (json_typeof(*value) == type)
		return STATUS_OK;
	json_decref(*value);
	*value = NULL;
	return fail(STATUS_INPUT, "%s is not %s", what, type == JSON_ARRAY ? "an array" : "an object");
}

static Status
check_version(const Safetensors *file, const char *name)
{
	const char *text = metadata_text(file, "fm.model");
	size_t digits = text ? strspn(text, "0123456789") : 0;

	if (!text)
		return fail(STATUS_INPUT, "%s is a safetensors file, but not a model: it has no fm.model; fm-train writes "
			    "models", name);
	if (!digits || text[digits] || text[0] == '0')
		return fail(STATUS_INPUT, "%s: fm.model is \"%s\", not a version number", name, text);
	if (digits > 1 || text[0] - '0' > MODEL_VERSION)
		return fail(STATUS_INPUT, "%s: fm.model is version %s; this program reads up to %d, so a newer one is "
			    "needed", name, text, MODEL_VERSION);
	return STATUS_OK;
}

/* A bounded whole number, or 0. */
static uint32_t
bounded(const json_t *object, const char *key, uint32_t most)
{
	json_int_t value = json_integer_value(json_object_get(object, key));

	return value < 1 || value > most ? 0 : (uint32_t)value;
}

static Status
read_shape(const Model *model, const char *name, Shape *shape)
{
	if (!model->input)
		return fail(STATUS_INPUT, "%s: fm.input is missing", name);
	*shape = (Shape){ .h = bounded(model->input, "h", NET_SIDE_MOST),
			  .w = bounded(model->input, "w", NET_SIDE_MOST),
			  .c = bounded(model->input, "c", NET_CHANNELS_MOST) };
	if (!shape->h || !shape->w || !shape->c)
		return fail(STATUS_INPUT, "%s: fm.input: h, w and c are not whole numbers from 1 to %d, %d and %d", name,
			    NET_SIDE_MOST, NET_SIDE_MOST, NET_CHANNELS_MOST);
	return STATUS_OK;
}

/* scale or shift; values stay as they are where the key is absent. */
static Status
read_floats(const json_t *input, const char *key, uint32_t count, float *values, const char *name)
{
	const json_t *array = json_object_get(input, key);

	if (!array)
		return STATUS_OK;
	if (json_array_size(array) != count)
		return fail(STATUS_INPUT, "%s: fm.input: %s is not an array of %u numbers, one a channel", name, key, count);
	for (uint32_t i = 0; i < count; i++) {
		const json_t *value = json_array_get(array, i);

		values[i] = (float)json_number_value(value);
		if (!json_is_number(value) || !isfinite(values[i]))
			return fail(STATUS_INPUT, "%s: fm.input: %s[%u] is not a finite number", name, key, i);
	}
	return STATUS_OK;
}

static Status
read_classes(Model *model, const json_t *array, const char *name)
{
	for (uint32_t i = 0; i < model->net.classes; i++) {
		const char *text = json_string_value(json_array_get(array, i));

		if (!text || !*text)
			return fail(STATUS_INPUT, "%s: fm.classes[%u] is not a name", name, i);
		model->classes[i] = memory_text(text);
	}
	return STATUS_OK;
}

static int
by_text(const void *left, const void *right)
{
	return strcmp(*(char *const *)left, *(char *const *)right);
}

static Status
check_unique(const Model *model, const char *name)
{
	uint32_t count = model->net.classes;
	char **sorted = memory_zeroed(count, sizeof *sorted);
	Status status = STATUS_OK;

	memcpy(sorted, model->classes, count * sizeof *sorted);
	qsort(sorted, count, sizeof *sorted, by_text);
	for (uint32_t i = 1; !status && i < count; i++)
		if (!strcmp(sorted[i - 1], sorted[i]))
			status = fail(STATUS_INPUT, "%s: fm.classes has \"%s\" twice", name, sorted[i]);
	free(sorted);
	return status;
}

/* fm.arch, whatever net_init finds wrong with it, is the file's fault. */
static Status
read_net(Model *model, const Safetensors *file, const char *name)
{
	const char *arch = metadata_text(file, "fm.arch");
	json_t *classes = NULL;
	Shape shape = { 0 };
	Status status = metadata_json(file, "fm.classes", JSON_ARRAY, name, &classes);

	if (!status)
		status = read_shape(model, name, &shape);
	if (!status && (!arch || !classes))
		status = fail(STATUS_INPUT, "%s: %s is missing", name, arch ? "fm.classes" : "fm.arch");
	if (!status && (!json_array_size(classes) || json_array_size(classes) > STREAM_CLASSES_MOST))
		status = fail(STATUS_INPUT, "%s: fm.classes has %zu names; 1 to %d are possible", name,
			      json_array_size(classes), STREAM_CLASSES_MOST);
	if (!status) {
		status = net_init(&model->net, arch, shape, (uint32_t)json_array_size(classes));
		if (status == STATUS_USAGE)
			status = fail_in(STATUS_INPUT, "%s: fm.arch", name);
	}
	if (!status) {
		model->classes = memory_zeroed(model->net.classes, sizeof *model->classes);
		status = read_classes(model, classes, name);
	}
	if (!status)
		status = check_unique(model, name);
	json_decref(classes);
	return status;
}

static Status
read_views(Model *model, const Safetensors *file, const char *name)
{
	static const char *const known[] = { "none", "flip", "flip shift 1" };
	const char *text = metadata_text(file, "fm.views");

	model->views = memory_text(text ? text : "none");
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (!strcmp(model->views, known[i]))
			return STATUS_OK;
	return fail(STATUS_INPUT, "%s: fm.views is \"%s\"; expected none, flip or flip shift 1", name, text);
}

/* What a checkpoint adds: every fm.* key without a field of its own. */
static void
read_extra_metadata(Model *model, const Safetensors *file)
{
	static const char *const own[] = { "fm.model",  "fm.arch",	  "fm.input", "fm.classes", "fm.history",
					   "fm.scores", "fm.calibration", "fm.views" };
	const char *key;
	json_t *value;

	model->extra_metadata = json_object();
	json_object_foreach(file->metadata, key, value) {
		bool is_extra = !strncmp(key, "fm.", 3);

		for (size_t i = 0; i < sizeof own / sizeof *own; i++)
			is_extra = is_extra && strcmp(key, own[i]) != 0;
		if (is_extra)
			json_object_set(model->extra_metadata, key, value);
	}
}

Status
model_take_metadata(Model *model, const Safetensors *file, const char *name)
{
	Net *net = &model->net;
	Status status = check_version(file, name);

	if (!status)
		status = metadata_json(file, "fm.input", JSON_OBJECT, name, &model->input);
	if (!status)
		status = read_net(model, file, name);
	if (!status)
		status = read_floats(model->input, "scale", net->input.c, net->scale, name);
	if (!status)
		status = read_floats(model->input, "shift", net->input.c, net->shift, name);
	if (!status)
		status = metadata_json(file, "fm.history", JSON_ARRAY, name, &model->history);
	if (!status)
		status = metadata_json(file, "fm.scores", JSON_OBJECT, name, &model->scores);
	if (!status)
		status = metadata_json(file, "fm.calibration", JSON_OBJECT, name, &model->calibration);
	if (!status)
		status = read_views(model, file, name);
	if (!status && !model->history)
		model->history = json_array();
	read_extra_metadata(model, file);
	return status;
}
