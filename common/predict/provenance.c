/* provenance.c */
#include "predict/provenance.h"

#include "stream/history.h"

json_t *
predict_history(json_t *options, const Reader *in, const Serving *serving, bool is_ended)
{
	const Predictor *predictor = &serving->now->predictor;
	json_t *inputs = reader_inputs(in, "stdin"), *models = serving_inputs(serving, is_ended);

	json_array_extend(inputs, models);
	json_decref(models);
	return history_make("fm-predict", options, NULL, predictor->device.table->chosen(predictor->device.backend), inputs);
}
