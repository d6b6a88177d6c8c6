/* provenance.c */
#include "predict/provenance.h"

#include "stream/history.h"

#include <stdio.h>

static json_t *
model_input(const Model *model, bool is_ended)
{
	json_t *input = json_object();
	char content[17];

	json_object_set_new(input, "name", json_string("model"));
	snprintf(content, sizeof content, "%016llx", (unsigned long long)model->content);
	if (is_ended)
		json_object_set_new(input, "content", json_string(content));
	json_object_set(input, "history", model->history);
	return input;
}

json_t *
predict_history(json_t *options, const char *backend, const Reader *in, const Model *model, bool is_ended)
{
	json_t *inputs = reader_inputs(in, "stdin");

	json_array_append_new(inputs, model_input(model, is_ended));
	return history_make("fm-predict", options, NULL, backend, inputs);
}
