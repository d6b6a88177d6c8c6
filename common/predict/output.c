/* output.c */
#include "predict/output.h"

#include <stdlib.h>
#include <string.h>

static void
remove_column(About *about, int which)
{
	free(about->columns[which].name);
	memmove(&about->columns[which], &about->columns[which + 1],
		(about->column_count - (size_t)which - 1) * sizeof *about->columns);
	about->column_count--;
}

static Status
describe(Output *output, const Model *model)
{
	uint64_t classes = model->net.classes;
	int old = about_find(&output->about, "prob");

	if (old >= 0)
		remove_column(&output->about, old);
	Status status = about_add_column(&output->about, "prob", DTYPE_F32, 1, &classes);
	if (status < 0)
		return status;
	return about_set_classes(&output->about, model->net.classes, (const char *const *)model->classes);
}

Status
output_init(Output *output, const About *in, const Model *model, const char *name)
{
	*output = (Output){.map_count = in->class_count};
	about_copy(&output->about, in);
	output->map = calloc(in->class_count + 1, sizeof *output->map);
	output->tensors = calloc(in->column_count + 1, sizeof *output->tensors);
	Status status = output->map && output->tensors ? STATUS_OK : fail_errno("room for predictions");
	if (status >= 0)
		status = model_map_classes(model, in->class_count, in->classes, output->map, name);
	if (status >= 0)
		status = describe(output, model);
	if (status < 0)
		output_release(output);
	return status;
}

static Status
map_labels(const Output *output, const Record *record, const Tensor *label)
{
	int32_t *values = (int32_t *)(void *)label->data;

	for (uint64_t i = 0; i < record->n; i++) {
		if (values[i] < -1 || values[i] >= (int64_t)output->map_count)
			return fail(STATUS_INPUT, "record %llu at byte %llu: label %d; expected -1 (unknown) … %lld",
				    (unsigned long long)record->number, (unsigned long long)record->offset, values[i],
				    (long long)output->map_count - 1);
		values[i] = values[i] < 0 ? -1 : output->map[values[i]];
	}
	return STATUS_OK;
}

static Status
make_room(Output *output, uint64_t n)
{
	size_t numbers = n * output->about.class_count + 1;

	if (numbers <= output->prob_room)
		return STATUS_OK;
	free(output->prob);
	output->prob = malloc(numbers * sizeof *output->prob);
	output->prob_room = output->prob ? numbers : 0;
	return output->prob ? STATUS_OK : fail_errno("room for %llu predictions", (unsigned long long)n);
}

Status
output_begin(Output *output, const Record *in, Record *out)
{
	const Tensor *label = record_find(in, "label");
	uint64_t classes = output->about.class_count;
	Status status = label ? map_labels(output, in, label) : STATUS_OK;

	if (status < 0 || (status = make_room(output, in->n)) < 0)
		return status;
	*out = *in;
	out->tensors = output->tensors;
	out->tensor_count = 0;
	for (size_t i = 0; i < in->tensor_count; i++)
		if (strcmp(in->tensors[i].name, "prob") != 0)
			out->tensors[out->tensor_count++] = in->tensors[i];
	out->tensors[out->tensor_count++] = (Tensor){
		.name = "prob",
		.dtype = DTYPE_F32,
		.rank = 2,
		.shape = {in->n, classes},
		.data = (uint8_t *)output->prob,
		.size = in->n * classes * sizeof(float),
	};
	return STATUS_OK;
}

bool
output_is_too_large(const Record *record)
{
	size_t size = 1 << 20; /* of header, at the very most: the names of a record's tensors */

	for (size_t i = 0; i < record->tensor_count; i++)
		size += record->tensors[i].size;
	return size > STREAM_RECORD_MOST;
}

void
output_release(Output *output)
{
	about_release(&output->about);
	free(output->map);
	free(output->tensors);
	free(output->prob);
	*output = (Output){0};
}
