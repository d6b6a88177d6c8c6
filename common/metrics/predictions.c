/* predictions.c */
#include "metrics/predictions.h"

Status
predictions_check(const About *about, const char *stream_name)
{
	int prob = about_find(about, "prob"), label = about_find(about, "label");

	if (prob < 0)
		return fail(STATUS_INPUT,
			    "%s holds no predictions (no tensor prob); make them with: fm-predict -m MODEL", stream_name);
	const Column *column = &about->columns[prob];
	if (column->dtype != DTYPE_F32 || column->rank != 1 || column->shape[0] != about->class_count)
		return fail(STATUS_INPUT, "%s: prob is %s with %llu numbers a sample; expected F32 with %u, one a class",
			    stream_name, dtype_name(column->dtype),
			    (unsigned long long)(column->rank == 1 ? column->shape[0] : column->row_size / dtype_size(column->dtype)),
			    about->class_count);
	if (label >= 0 && (about->columns[label].dtype != DTYPE_I32 || about->columns[label].rank != 0))
		return fail(STATUS_INPUT, "%s: label is not one I32 a sample", stream_name);
	return STATUS_OK;
}

static const void *
data_of(const Record *record, const char *name)
{
	const Tensor *tensor = record_find(record, name);

	return tensor ? tensor->data : NULL;
}

Predictions
predictions_of(const Record *record)
{
	return (Predictions){
		.n = record->n,
		.prob = data_of(record, "prob"),
		.label = data_of(record, "label"),
		.id = data_of(record, "id"),
	};
}

uint32_t
predicted_class(const float *prob, uint32_t classes)
{
	uint32_t best = 0;

	for (uint32_t i = 1; i < classes; i++)
		if (prob[i] > prob[best])
			best = i;
	return best;
}
