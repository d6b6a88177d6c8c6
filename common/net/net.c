/* net.c: from architecture text to a network with shapes, tensors and a plan. */
#include "net/net.h"
#include "net/parse.h"
#include "net/plan.h"
#include "net/shape.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static Status
check_input(Shape input, uint32_t classes)
{
	if (!input.h || !input.w || !input.c || input.h > NET_SIDE_MOST || input.w > NET_SIDE_MOST ||
	    input.c > NET_CHANNELS_MOST)
		return fail(STATUS_USAGE, "pictures of %ux%ux%u: a network takes 1x1x1 to %dx%dx%d", input.h, input.w,
			    input.c, NET_SIDE_MOST, NET_SIDE_MOST, NET_CHANNELS_MOST);
	if (!classes || classes > NET_UNITS_MOST)
		return fail(STATUS_USAGE, "%u classes: a network takes 1 to %d", classes, NET_UNITS_MOST);
	return STATUS_OK;
}

static Status
check_end(const Net *net)
{
	const Layer *last = &net->layers[net->layer_count - 1];
	char text[LAYER_TEXT_MOST], out[SHAPE_TEXT_MOST];

	if (last->out.is_flat && last->out.c == net->classes)
		return STATUS_OK;
	/* what decides the outputs is the last layer that has any */
	while (last > net->layers && (last->kind == LAYER_SOFTMAX || last->kind == LAYER_DROPOUT ||
				      last->kind == LAYER_RELU || last->kind == LAYER_BN))
		last--;
	return fail(STATUS_USAGE, "%s (%s): its output is %s, but there are %u classes; end with dense classes",
		    last->name, layer_text(last, text), shape_text(last->out, out), net->classes);
}

static Shape
shape_after(const Net *net, size_t layer)
{
	return layer == FROM_PIXELS ? net->input : net->layers[layer].out;
}

/* What is added must be alike. */
static Status
check_branches(const Net *net, const Layer *residual)
{
	Shape a = residual->in, b = shape_after(net, residual->other);
	char first[SHAPE_TEXT_MOST], second[SHAPE_TEXT_MOST];

	if (a.h == b.h && a.w == b.w && a.c == b.c && a.is_flat == b.is_flat)
		return STATUS_OK;
	return fail(STATUS_USAGE, "%s: A gives %s and B %s, which can't be added; give %s", residual->name,
		    shape_text(a, first), shape_text(b, second),
		    residual->second < (size_t)(residual - net->layers) ? "both the same shape"
								       : "B a conv 1x1 that makes the same shape");
}

static Status
infer_shapes(Net *net)
{
	for (size_t i = 0; i < net->layer_count; i++) {
		Layer *layer = &net->layers[i];
		Status status;

		layer->in = shape_after(net, layer->from);
		status = layer_infer(layer);
		if (!status && layer->kind == LAYER_RESIDUAL)
			status = check_branches(net, layer);
		if (status)
			return status;
		if (layer->kind == LAYER_SOFTMAX && i + 1 < net->layer_count)
			return fail(STATUS_USAGE, "%s stands before %s; softmax is the last layer or left out",
				    layer->name, net->layers[i + 1].name);
	}
	return check_end(net);
}

/* Enter a tensor into the file's order and give it its place in its vector. shape ends in 0. @return its offset */
static size_t
add_tensor(Net *net, const Layer *layer, const char *suffix, NetVector vector, const uint32_t shape[static 5])
{
	TensorInfo *tensor = &net->tensors[net->tensor_count++];
	size_t *total = vector == NET_PARAM ? &net->param_count : &net->bn_count;

	*tensor = (TensorInfo){ .vector = vector, .offset = *total, .count = 1, .layer = layer };
	snprintf(tensor->name, sizeof tensor->name, "%s.%s", layer->name, suffix);
	for (; shape[tensor->rank]; tensor->rank++) {
		tensor->shape[tensor->rank] = shape[tensor->rank];
		tensor->count *= shape[tensor->rank];
	}
	*total += tensor->count;
	return tensor->offset;
}

static void
add_layer_tensors(Net *net, Layer *layer)
{
	uint32_t in = layer->in.c, units = layer->units;
	const uint32_t conv[5] = { units, in, layer->kernel_h, layer->kernel_w }, dense[5] = { units, in };
	const uint32_t depthwise[5] = { in, 1, layer->kernel_h, layer->kernel_w };
	const uint32_t *weight = layer->kind == LAYER_CONV ? conv : layer->kind == LAYER_DENSE ? dense : depthwise;
	const uint32_t bias[5] = { units }, channel[5] = { in };

	if (layer->kind == LAYER_BN) {
		layer->weight = add_tensor(net, layer, "weight", NET_PARAM, channel);
		layer->bias = add_tensor(net, layer, "bias", NET_PARAM, channel);
		layer->mean = add_tensor(net, layer, "running_mean", NET_BN, channel);
		layer->variance = add_tensor(net, layer, "running_var", NET_BN, channel);
	} else if (layer_multiplies(layer)) {
		layer->weight = add_tensor(net, layer, "weight", NET_PARAM, weight);
		if (layer->bias != NO_TENSOR)
			layer->bias = add_tensor(net, layer, "bias", NET_PARAM, bias);
	}
}

static Status
place_tensors(Net *net)
{
	net->tensors = calloc(4 * net->layer_count, sizeof *net->tensors);
	if (!net->tensors)
		return fail_errno("no memory for %zu layers", net->layer_count);
	for (size_t i = 0; i < net->layer_count; i++) {
		/* one tensor has at most 2^52 elements, so that this sum can't wrap before it is seen */
		add_layer_tensors(net, &net->layers[i]);
		if (net->param_count + net->bn_count > NET_FLOATS_MOST)
			return fail(STATUS_USAGE, "%s: with it the network has %zu parameters; at most 2^30 are possible",
				    net->layers[i].name, net->param_count + net->bn_count);
	}
	return STATUS_OK;
}

static Status
build(Net *net, const char *text)
{
	Status status = check_input(net->input, net->classes);

	if (!status)
		status = layers_parse(text, net->classes, &net->layers, &net->layer_count);
	if (status)
		return status;
	status = infer_shapes(net);
	if (!status)
		status = place_tensors(net);
	if (!status)
		status = net_plan(net);
	if (!status && !(net->text = layers_text(net->layers, net->layer_count)))
		status = fail_errno("no memory for the architecture's text");
	return status;
}

Status
net_init(Net *net, const char *text, Shape input, uint32_t classes)
{
	const char *preset = preset_text(text);
	Status status;

	input.is_flat = false;
	*net = (Net){ .input = input, .classes = classes };
	for (size_t c = 0; c < NET_CHANNELS_MOST; c++)
		net->scale[c] = 1.0F / 255;
	status = build(net, preset ? preset : text);
	if (status)
		net_release(net);
	return status;
}

void
net_release(Net *net)
{
	free(net->layers);
	free(net->tensors);
	free(net->stages);
	free(net->text);
	*net = (Net){ 0 };
}

bool
layer_multiplies(const Layer *layer)
{
	return layer->kind == LAYER_CONV || layer->kind == LAYER_DEPTHWISE || layer->kind == LAYER_DENSE;
}

bool
tensor_is_decayed(const TensorInfo *tensor)
{
	const Layer *layer = tensor->layer;

	return layer_multiplies(layer) && tensor->vector == NET_PARAM && tensor->offset == layer->weight;
}
