/* shape.c: shapes from layer to layer. */
#include "net/shape.h"
#include "net/parse.h"

#include <stdio.h>

char *
shape_text(Shape shape, char text[static SHAPE_TEXT_MOST])
{
	if (shape.is_flat)
		snprintf(text, SHAPE_TEXT_MOST, "%u", shape.c);
	else
		snprintf(text, SHAPE_TEXT_MOST, "%ux%ux%u", shape.h, shape.w, shape.c);
	return text;
}

/* "conv2 (conv 64 40x40 stride 1 valid): its input is 14x14x32, WHAT" */
static Status
misfit(const Layer *layer, const char *what)
{
	char text[LAYER_TEXT_MOST], in[SHAPE_TEXT_MOST];

	return fail(STATUS_USAGE, "%s (%s): its input is %s, %s", layer->name, layer_text(layer, text),
		    shape_text(layer->in, in), what);
}

/* One axis of conv or pool. same: as TensorFlow, ceil(in / stride) outputs, the smaller half of the padding before. */
static uint32_t
slide(uint32_t in, uint32_t kernel, uint32_t stride, bool is_same, uint32_t *pad)
{
	uint32_t out, needed;

	*pad = 0;
	if (!is_same)
		return in < kernel ? 0 : (in - kernel) / stride + 1;
	out = (in + stride - 1) / stride;
	needed = (out - 1) * stride + kernel;
	if (needed > in)
		*pad = (needed - in) / 2;
	return out;
}

static Status
infer_sliding(Layer *layer)
{
	layer->out.h = slide(layer->in.h, layer->kernel_h, layer->stride, layer->is_same, &layer->pad_top);
	layer->out.w = slide(layer->in.w, layer->kernel_w, layer->stride, layer->is_same, &layer->pad_left);
	if (layer->kind == LAYER_DEPTHWISE)
		layer->units = layer->in.c;
	layer->out.c = layer->kind == LAYER_CONV ? layer->units : layer->in.c;
	if (layer->in.is_flat)
		return misfit(layer, "but it needs height and width; put it before flatten, globalavgpool and dense");
	if (!layer->out.h || !layer->out.w)
		return misfit(layer, "which is smaller than its window");
	return STATUS_OK;
}

Status
layer_infer(Layer *layer)
{
	Shape in = layer->in;
	Status status = STATUS_OK;

	layer->out = in;
	switch (layer->kind) {
	case LAYER_CONV:
	case LAYER_DEPTHWISE:
	case LAYER_MAXPOOL:
	case LAYER_AVGPOOL:
		status = infer_sliding(layer);
		break;
	case LAYER_GLOBALAVGPOOL:
		if (in.is_flat)
			return misfit(layer, "but it needs height and width");
		layer->kernel_h = in.h;
		layer->kernel_w = in.w;
		layer->stride = 1;
		layer->out = (Shape){ 1, 1, in.c, true };
		break;
	case LAYER_FLATTEN:
		layer->out = (Shape){ 1, 1, in.h * in.w * in.c, true };
		break;
	case LAYER_DENSE:
		if (!in.is_flat)
			return misfit(layer, "but it needs a flat one; put flatten or globalavgpool before it");
		layer->out.c = layer->units;
		break;
	case LAYER_SOFTMAX:
		if (!in.is_flat)
			return misfit(layer, "but it needs one number a class; put flatten and dense classes before it");
		break;
	default:
		break;
	}
	if (!status && shape_size(layer->out) > NET_ACTIVATIONS_MOST)
		return misfit(layer, "and its output has more than 2^28 numbers");
	return status;
}
