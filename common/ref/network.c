/* network.c: forward and backward through the layers, in the order in which they stand. */
#include "ref/network.h"

#include "net/shape.h"
#include "ref/operations.h"

#include <stdlib.h>
#include <string.h>

static size_t
largest_activation(const Net *net)
{
	size_t most = shape_size(net->input);

	for (size_t i = 0; i < net->layer_count; i++)
		if (shape_size(net->layers[i].out) > most)
			most = shape_size(net->layers[i].out);
	return most;
}

static float *
batch_of(uint64_t n, size_t size)
{
	float *values = calloc(n, size * sizeof *values);

	return values;
}

/* Activations, or their derivatives: the input's, then each layer's output's. @return NULL: no memory */
static float **
all_activations(const Net *net, uint64_t n)
{
	float **all = calloc(net->layer_count + 1, sizeof *all);
	bool is_held = all && (all[0] = batch_of(n, shape_size(net->input)));

	for (size_t i = 0; is_held && i < net->layer_count; i++)
		is_held = (all[i + 1] = batch_of(n, shape_size(net->layers[i].out)));
	return all;
}

static bool
all_held(const Net *net, float *const *all)
{
	for (size_t i = 0; all && i <= net->layer_count; i++)
		if (!all[i])
			return false;
	return all;
}

Status
network_init(Network *network, const Net *net, uint64_t batch_most, bool is_training)
{
	*network = (Network){ .net = net };
	network->activation = all_activations(net, batch_most);
	network->statistics = calloc(net->bn_count + 1, sizeof *network->statistics);
	network->running = calloc(net->bn_count + 1, sizeof *network->running);
	if (!all_held(net, network->activation) || !network->statistics || !network->running)
		return STATUS_IO;
	if (!is_training)
		return STATUS_OK;
	network->delta = all_activations(net, batch_most);
	network->part = batch_of(batch_most, largest_activation(net));
	return all_held(net, network->delta) && network->part ? STATUS_OK : STATUS_IO;
}

static void
free_activations(const Net *net, float **all)
{
	for (size_t i = 0; all && i <= net->layer_count; i++)
		free(all[i]);
	free(all);
}

void
network_release(Network *network)
{
	free_activations(network->net, network->activation);
	free_activations(network->net, network->delta);
	free(network->part);
	free(network->statistics);
	free(network->running);
	*network = (Network){ 0 };
}

/* Index into activations and deltas of what lies after a layer. */
static size_t
after(size_t layer)
{
	return layer == FROM_PIXELS ? 0 : layer + 1;
}

static const float *
bias_of(const Layer *layer, const float *param)
{
	return layer->bias == NO_TENSOR ? NULL : param + layer->bias;
}

static uint64_t
rows_of(const Layer *bn, uint64_t n)
{
	return n * bn->in.h * bn->in.w;
}

static void
bn_forward(Network *network, const Pass *pass, const Layer *bn, const float *x, float *y)
{
	uint32_t c = bn->in.c;
	double *statistics = pass->is_training ? network->statistics : network->running;
	double *mean = statistics + bn->mean, *variance = statistics + bn->variance;

	if (pass->is_training)
		ref_bn_statistics(rows_of(bn, pass->n), c, x, mean, variance);
	for (uint32_t j = 0; !pass->is_training && j < c; j++) {
		mean[j] = pass->bn[bn->mean + j];
		variance[j] = pass->bn[bn->variance + j];
	}
	ref_bn_forward(rows_of(bn, pass->n), c, x, pass->param + bn->weight, pass->param + bn->bias, mean, variance, y);
}

static void
layer_forward(Network *network, const Pass *pass, const Layer *layer, const float *x, float *y)
{
	const float *param = pass->param;
	size_t count = pass->n * shape_size(layer->out);

	switch (layer->kind) {
	case LAYER_CONV:
		ref_conv_forward(layer, pass->n, x, param + layer->weight, bias_of(layer, param), y);
		break;
	case LAYER_DEPTHWISE:
		ref_depthwise_forward(layer, pass->n, x, param + layer->weight, bias_of(layer, param), y);
		break;
	case LAYER_DENSE:
		ref_dense_forward(layer, pass->n, x, param + layer->weight, bias_of(layer, param), y);
		break;
	case LAYER_BN:
		bn_forward(network, pass, layer, x, y);
		break;
	case LAYER_RELU:
		ref_relu_forward(count, x, y);
		break;
	case LAYER_MAXPOOL:
		ref_maxpool_forward(layer, pass->n, x, y);
		break;
	case LAYER_AVGPOOL:
	case LAYER_GLOBALAVGPOOL:
		ref_avgpool_forward(layer, pass->n, x, y);
		break;
	case LAYER_FLATTEN:
		ref_flatten_forward(layer, pass->n, x, y);
		break;
	case LAYER_DROPOUT:
		if (pass->is_training)
			ref_dropout(layer, pass->n, pass->seed, pass->epoch, pass->ids, x, y);
		else
			memcpy(y, x, count * sizeof *y);
		break;
	case LAYER_SOFTMAX: /* belongs to the loss, or to the prediction */
	case LAYER_RESIDUAL: /* the other end is added by whoever knows it */
		memcpy(y, x, count * sizeof *y);
		break;
	}
}

static void
add(size_t count, const float *values, float *sum)
{
	for (size_t i = 0; i < count; i++)
		sum[i] += values[i];
}

const float *
network_forward(Network *network, const Pass *pass)
{
	const Net *net = network->net;

	for (size_t i = 0; i < net->layer_count; i++) {
		const Layer *layer = &net->layers[i];
		float *y = network->activation[i + 1];

		layer_forward(network, pass, layer, network->activation[after(layer->from)], y);
		if (layer->kind == LAYER_RESIDUAL)
			add(pass->n * shape_size(layer->out), network->activation[after(layer->other)], y);
	}
	return network->activation[net->layer_count];
}

static void
layer_backward(Network *network, const Pass *pass, const Layer *layer, const float *x, const float *dy, float *dx,
	       float *gradient)
{
	const float *param = pass->param;
	float *dweight = layer->weight == NO_TENSOR ? NULL : gradient + layer->weight;
	float *dbias = layer->bias == NO_TENSOR ? NULL : gradient + layer->bias;
	size_t count = pass->n * shape_size(layer->in);

	switch (layer->kind) {
	case LAYER_CONV:
		ref_conv_backward(layer, pass->n, x, param + layer->weight, dy, dx, dweight, dbias);
		break;
	case LAYER_DEPTHWISE:
		ref_depthwise_backward(layer, pass->n, x, param + layer->weight, dy, dx, dweight, dbias);
		break;
	case LAYER_DENSE:
		ref_dense_backward(layer, pass->n, x, param + layer->weight, dy, dx, dweight, dbias);
		break;
	case LAYER_BN:
		ref_bn_backward(rows_of(layer, pass->n), layer->in.c, x, param + layer->weight,
				network->statistics + layer->mean, network->statistics + layer->variance, dy, dx, dweight,
				dbias);
		break;
	case LAYER_RELU:
		ref_relu_backward(count, x, dy, dx);
		break;
	case LAYER_MAXPOOL:
		ref_maxpool_backward(layer, pass->n, x, dy, dx);
		break;
	case LAYER_AVGPOOL:
	case LAYER_GLOBALAVGPOOL:
		ref_avgpool_backward(layer, pass->n, dy, dx);
		break;
	case LAYER_FLATTEN:
		ref_flatten_backward(layer, pass->n, dy, dx);
		break;
	case LAYER_DROPOUT:
		ref_dropout(layer, pass->n, pass->seed, pass->epoch, pass->ids, dy, dx);
		break;
	case LAYER_SOFTMAX:
	case LAYER_RESIDUAL:
		memcpy(dx, dy, count * sizeof *dx);
		break;
	}
}

float *
network_dlogits(Network *network)
{
	return network->delta[network->net->layer_count];
}

void
network_backward(Network *network, const Pass *pass, float *gradient)
{
	const Net *net = network->net;

	for (size_t i = 0; i < net->layer_count; i++) /* up to the logits': what several layers give is added up */
		memset(network->delta[i], 0, pass->n * shape_size(i ? net->layers[i - 1].out : net->input) * sizeof(float));
	for (size_t i = net->layer_count; i-- > 0;) {
		const Layer *layer = &net->layers[i];
		size_t count = pass->n * shape_size(layer->in);

		layer_backward(network, pass, layer, network->activation[after(layer->from)], network->delta[i + 1],
			       network->part, gradient);
		add(count, network->part, network->delta[after(layer->from)]);
		if (layer->kind == LAYER_RESIDUAL)
			add(count, network->part, network->delta[after(layer->other)]);
	}
}

void
network_move_statistics(const Network *network, uint64_t n, float *bn)
{
	const Net *net = network->net;

	for (size_t i = 0; i < net->layer_count; i++) {
		const Layer *layer = &net->layers[i];

		if (layer->kind == LAYER_BN)
			ref_bn_move(rows_of(layer, n), layer->in.c, network->statistics + layer->mean,
				    network->statistics + layer->variance, bn + layer->mean, bn + layer->variance);
	}
}
