/* network.c: forward and backward through the layers, one after the other. */
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

Status
network_init(Network *network, const Net *net, uint64_t batch_most, bool is_training)
{
	bool is_held;

	*network = (Network){ .net = net };
	network->activation = calloc(net->layer_count + 1, sizeof *network->activation);
	network->statistics = calloc(net->bn_count + 1, sizeof *network->statistics);
	network->running = calloc(net->bn_count + 1, sizeof *network->running);
	if (!network->activation || !network->statistics || !network->running)
		return STATUS_IO;
	is_held = (network->activation[0] = batch_of(batch_most, shape_size(net->input)));
	for (size_t i = 0; is_held && i < net->layer_count; i++)
		is_held = (network->activation[i + 1] = batch_of(batch_most, shape_size(net->layers[i].out)));
	for (size_t i = 0; is_held && is_training && i < 2; i++)
		is_held = (network->delta[i] = batch_of(batch_most, largest_activation(net)));
	return is_held ? STATUS_OK : STATUS_IO;
}

void
network_release(Network *network)
{
	for (size_t i = 0; network->activation && i <= network->net->layer_count; i++)
		free(network->activation[i]);
	free(network->activation);
	free(network->statistics);
	free(network->running);
	free(network->delta[0]);
	free(network->delta[1]);
	*network = (Network){ 0 };
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
		memcpy(y, x, count * sizeof *y);
		break;
	}
}

const float *
network_forward(Network *network, const Pass *pass)
{
	const Net *net = network->net;

	for (size_t i = 0; i < net->layer_count; i++)
		layer_forward(network, pass, &net->layers[i], network->activation[i], network->activation[i + 1]);
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
		memcpy(dx, dy, count * sizeof *dx);
		break;
	}
}

void
network_backward(Network *network, const Pass *pass, float *gradient)
{
	const Net *net = network->net;

	for (size_t i = net->layer_count; i-- > 0;) {
		float *dy = network->delta[0], *dx = network->delta[1];

		layer_backward(network, pass, &net->layers[i], network->activation[i], dy, dx, gradient);
		network->delta[0] = dx;
		network->delta[1] = dy;
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
