/* initialise.c: fresh parameters, the same on every machine. */
#include "net/net.h"
#include "random/philox.h"

#include <math.h>
#include <stdio.h>

/* Standard deviation of a standard normal cut at two sigma: what Keras divides by, so that the variance comes out right. */
static const double truncated_deviation = 0.87962566103423978;

/* Element i of a standard normal, drawn again until it lies within two sigma. */
static double
truncated_normal(RandomKey key, uint64_t i)
{
	for (uint32_t attempt = 0;; attempt++) {
		RandomWords words = random_words(key, attempt, 0, i);
		double radius = sqrt(-2 * log(1 - random_uniform(words.x[0])));
		double z = radius * cos(2 * M_PI * random_uniform(words.x[1]));

		if (!(fabs(z) > 2))
			return z;
	}
}

static void
fill(float *values, size_t count, float value)
{
	for (size_t i = 0; i < count; i++)
		values[i] = value;
}

/* weight [out, in, kh, kw] */
static void
he_normal(const TensorInfo *tensor, RandomKey key, float *weight)
{
	size_t fan_in = tensor->count / tensor->shape[0];
	double deviation = sqrt(2 / (double)fan_in) / truncated_deviation;

	for (size_t i = 0; i < tensor->count; i++)
		weight[i] = (float)(deviation * truncated_normal(key, i));
}

/* weight [out, in] */
static void
glorot_uniform(const TensorInfo *tensor, RandomKey key, float *weight)
{
	double limit = sqrt(6.0 / ((double)tensor->shape[0] + tensor->shape[1]));

	for (size_t i = 0; i < tensor->count; i++)
		weight[i] = (float)(limit * (2 * random_uniform(random_words(key, 0, 0, i).x[0]) - 1));
}

static const Layer *
last_dense(const Net *net)
{
	const Layer *last = NULL;

	for (size_t i = 0; i < net->layer_count; i++)
		if (net->layers[i].kind == LAYER_DENSE)
			last = &net->layers[i];
	return last;
}

static void
initialise_weight(const TensorInfo *tensor, bool is_last_dense, uint64_t seed, float *weight)
{
	char purpose[sizeof tensor->name + 8];
	RandomKey key;

	snprintf(purpose, sizeof purpose, "init %s", tensor->name);
	key = random_key(seed, purpose);
	if (is_last_dense)
		glorot_uniform(tensor, key, weight);
	else
		he_normal(tensor, key, weight);
}

void
net_initialise(const Net *net, uint64_t seed, float *param, float *bn)
{
	const Layer *last = last_dense(net);

	for (size_t i = 0; i < net->tensor_count; i++) {
		const TensorInfo *tensor = &net->tensors[i];
		float *values = (tensor->vector == NET_PARAM ? param : bn) + tensor->offset;
		bool is_gamma = tensor->vector == NET_PARAM && tensor->layer->kind == LAYER_BN &&
				tensor->offset == tensor->layer->weight;
		bool is_variance = tensor->vector == NET_BN && tensor->offset == tensor->layer->variance;

		if (tensor_is_decayed(tensor))
			initialise_weight(tensor, tensor->layer == last, seed, values);
		else
			fill(values, tensor->count, is_gamma || is_variance ? 1 : 0);
	}
}
