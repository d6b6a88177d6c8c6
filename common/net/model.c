/* model.c: a model in memory, and whether a stream fits it. */
#include "net/model.h"

#include <stdlib.h>
#include <string.h>

void
model_release(Model *model)
{
	for (uint32_t i = 0; model->classes && i < model->net.classes; i++)
		free(model->classes[i]);
	for (size_t i = 0; i < model->extra_count; i++) {
		free((char *)model->extra[i].name);
		free(model->extra[i].data);
	}
	free(model->classes);
	free(model->extra);
	free(model->param);
	free(model->bn);
	free(model->views);
	json_decref(model->input);
	json_decref(model->history);
	json_decref(model->scores);
	json_decref(model->calibration);
	json_decref(model->extra_metadata);
	net_release(&model->net);
	*model = (Model){ 0 };
}

typedef struct NamedClass {
	const char *name;
	int32_t index;
} NamedClass;

static int
by_name(const void *left, const void *right)
{
	const NamedClass *a = left, *b = right;

	return strcmp(a->name, b->name);
}

/* The model's classes by name: both sides may have 65,536. @return malloced */
static NamedClass *
sorted_classes(const Model *model)
{
	NamedClass *classes = malloc(model->net.classes * sizeof *classes);

	for (uint32_t i = 0; classes && i < model->net.classes; i++)
		classes[i] = (NamedClass){ model->classes[i], (int32_t)i };
	if (classes)
		qsort(classes, model->net.classes, sizeof *classes, by_name);
	return classes;
}

Status
model_map_classes(const Model *model, uint32_t count, char *const *names, int32_t *map, const char *stream_name)
{
	NamedClass *classes = sorted_classes(model);
	Status status = STATUS_OK;

	if (!classes)
		return fail_errno("no memory for %u classes", model->net.classes);
	for (uint32_t i = 0; !status && i < count; i++) {
		NamedClass wanted = { names[i], 0 };
		const NamedClass *found = bsearch(&wanted, classes, model->net.classes, sizeof *classes, by_name);

		if (found)
			map[i] = found->index;
		else
			status = fail(STATUS_INPUT, "%s has the class \"%s\", which the model lacks; its %u classes begin "
				      "with \"%s\"", stream_name, names[i], model->net.classes, model->classes[0]);
	}
	free(classes);
	return status;
}

static uint32_t
side(const json_t *input, const char *key)
{
	json_int_t value = json_integer_value(json_object_get(input, key));

	return value < 0 || value > UINT32_MAX ? 0 : (uint32_t)value;
}

/* How pictures were made, where both say it. */
static Status
check_form(const json_t *model_input, const json_t *stream_input, const char *model_name, const char *stream_name)
{
	static const char *const keys[] = { "fit", "filter", "grey", "background", NULL };

	for (const char *const *key = keys; *key; key++) {
		const char *wants = json_string_value(json_object_get(model_input, *key));
		const char *has = json_string_value(json_object_get(stream_input, *key));

		if (wants && has && strcmp(wants, has) != 0)
			return fail(STATUS_INPUT, "%s wants pictures whose \"%s\" is \"%s\", in %s \"%s\" is \"%s\"; make them with: "
				    "fm-fetch SOURCE --like %s", model_name, *key, wants, stream_name, *key, has, model_name);
	}
	return STATUS_OK;
}

Status
model_check_input(const Model *model, const json_t *stream_input, const char *model_name, const char *stream_name)
{
	Shape wants = model->net.input;
	uint32_t h = side(stream_input, "h"), w = side(stream_input, "w"), c = side(stream_input, "c");

	if (h == wants.h && w == wants.w && c == wants.c)
		return check_form(model->input, stream_input, model_name, stream_name);
	return fail(STATUS_INPUT, "%s wants pictures of %ux%ux%u, %s has %ux%ux%u; make them with: "
		    "fm-fetch SOURCE --like %s", model_name, wants.h, wants.w, wants.c, stream_name, h, w, c, model_name);
}
