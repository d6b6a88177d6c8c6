/* model_tensors.c: the tensors of a model file against those that its architecture wants. */
#include "net/model_parts.h"

#include "memory.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>

static const Tensor *
find_tensor(const Safetensors *file, const char *name)
{
	for (size_t i = 0; i < file->tensor_count; i++)
		if (!strcmp(file->tensors[i].name, name))
			return &file->tensors[i];
	return NULL;
}

static bool
is_extra(const Tensor *tensor)
{
	return !strncmp(tensor->name, "fm.", 3);
}

static bool
has_shape(const Tensor *tensor, const TensorInfo *info)
{
	bool same = tensor->dtype == DTYPE_F32 && tensor->rank == info->rank;

	for (int i = 0; same && i < info->rank; i++)
		same = tensor->shape[i] == info->shape[i];
	return same;
}

/* "F32 [32, 1, 4, 4]" */
enum { TENSOR_TEXT_MOST = 256 };

static char *
describe(Dtype dtype, int rank, const uint64_t *shape, char text[static TENSOR_TEXT_MOST])
{
	int at = snprintf(text, TENSOR_TEXT_MOST, "%s [", dtype_name(dtype));

	for (int i = 0; i < rank; i++)
		at += snprintf(text + at, TENSOR_TEXT_MOST - (size_t)at, "%s%" PRIu64, i ? ", " : "", shape[i]);
	snprintf(text + at, TENSOR_TEXT_MOST - (size_t)at, "]");
	return text;
}

static Status
misfit(const Tensor *tensor, const TensorInfo *info, const char *name)
{
	char found[TENSOR_TEXT_MOST], expected[TENSOR_TEXT_MOST];
	uint64_t shape[4];

	for (int i = 0; i < info->rank; i++)
		shape[i] = info->shape[i];
	describe(DTYPE_F32, info->rank, shape, expected);
	if (!tensor)
		return fail(STATUS_INPUT, "%s: tensor %s is missing; fm.arch wants it as %s", name, info->name, expected);
	return fail(STATUS_INPUT, "%s: tensor %s is %s; fm.arch wants it as %s", name, info->name,
		    describe(tensor->dtype, tensor->rank, tensor->shape, found), expected);
}

/* Every tensor of the network is there in its shape, and none that is neither its nor a checkpoint's. */
Status
model_check_tensors(const Net *net, const Safetensors *file, const char *name)
{
	size_t extra = 0;

	for (size_t i = 0; i < net->tensor_count; i++) {
		const Tensor *tensor = find_tensor(file, net->tensors[i].name);

		if (!tensor || !has_shape(tensor, &net->tensors[i]))
			return misfit(tensor, &net->tensors[i], name);
	}
	for (size_t i = 0; i < file->tensor_count; i++)
		extra += is_extra(&file->tensors[i]);
	if (file->tensor_count == net->tensor_count + extra)
		return STATUS_OK;
	for (size_t i = 0; i < file->tensor_count; i++) {
		bool is_known = is_extra(&file->tensors[i]);

		for (size_t j = 0; !is_known && j < net->tensor_count; j++)
			is_known = !strcmp(file->tensors[i].name, net->tensors[j].name);
		if (!is_known)
			return fail(STATUS_INPUT, "%s: tensor %s belongs to no layer of fm.arch", name, file->tensors[i].name);
	}
	return STATUS_OK;
}

static Status
check_values(const TensorInfo *info, const float *values, const char *name)
{
	bool is_variance = info->vector == NET_BN && info->offset == info->layer->variance;

	for (size_t i = 0; i < info->count; i++)
		if (!isfinite(values[i]) || (is_variance && values[i] < 0))
			return fail(STATUS_INPUT, "%s: tensor %s: element %zu is %g; expected a finite number%s", name,
				    info->name, i, (double)values[i], is_variance ? " that is not negative" : "");
	return STATUS_OK;
}

Status
model_take_weights(Model *model, const Safetensors *file, const char *name)
{
	const Net *net = &model->net;
	Status status = STATUS_OK;

	model->param = calloc(net->param_count + 1, sizeof *model->param);
	model->bn = calloc(net->bn_count + 1, sizeof *model->bn);
	if (!model->param || !model->bn)
		return fail_errno("%s: no memory for %zu parameters", name, net->param_count);
	for (size_t i = 0; !status && i < net->tensor_count; i++) {
		const TensorInfo *info = &net->tensors[i];
		const Tensor *tensor = find_tensor(file, info->name);
		float *values = (info->vector == NET_PARAM ? model->param : model->bn) + info->offset;

		memcpy(values, tensor->data, tensor->size);
		status = check_values(info, values, name);
	}
	return status;
}

Status
model_take_extra(Model *model, const Safetensors *file, const char *name)
{
	model->extra = memory_zeroed(file->tensor_count, sizeof *model->extra);
	for (size_t i = 0; i < file->tensor_count; i++) {
		const Tensor *from = &file->tensors[i];
		Tensor *to = &model->extra[model->extra_count];

		if (!is_extra(from))
			continue;
		*to = *from;
		to->data = malloc(from->size ? from->size : 1);
		if (!to->data)
			return fail_errno("%s: no memory for tensor %s", name, from->name);
		to->name = memory_text(from->name);
		memcpy(to->data, from->data, from->size);
		model->extra_count++;
	}
	return STATUS_OK;
}
