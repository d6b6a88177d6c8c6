/* Whole networks through the backend door: the gradient it leaves against differences of the loss it drains.
 *
 * A kink between two points changes which relus are open or which elements are largest; those are read from the
 * reference's own activations, and such values are left out. */
#include "gradient/difference.h"
#include "net/shape.h"
#include "ref/network.h"
#include "ref/ref.h"
#include "ref/state.h"
#include "unit/check.h"

#include <string.h>

enum { SAMPLES = 4 };

static const BackendHost host = { .fail = fail };

/* A network, a batch, and parameters that move. */
typedef struct Whole {
	Net net;
	Backend *backend;
	float *param, *bn, *gradient;
	uint8_t *pixels;
	Batch batch;
} Whole;

static const int32_t label_a[SAMPLES] = { 0, 2, 1, 2 }, label_b[SAMPLES] = { 1, 2, 0, 0 };
static const float lambda[SAMPLES] = { 1, 0.5F, 0.3F, 0.75F }, weight[SAMPLES] = { 1, 2, 0.5F, 0.25F };
static const int64_t ids[SAMPLES] = { 3, 1, 4, 15 };

static void
mix(uint64_t *pattern, uint64_t value)
{
	*pattern = (*pattern ^ value) * 0x100000001B3U;
}

static size_t
position(const float *values, size_t count, float value)
{
	size_t i = 0;

	while (i < count && values[i] != value)
		i++;
	return i;
}

/* What decides the branches of relu and maxpool: signs, and which element is the largest of its window. */
static uint64_t
pattern_of(const Network *network)
{
	uint64_t pattern = 0xCBF29CE484222325U;

	for (size_t i = 0; i < network->net->layer_count; i++) {
		const Layer *layer = &network->net->layers[i];
		const float *x = network->activation[layer->from == FROM_PIXELS ? 0 : layer->from + 1];
		const float *y = network->activation[i + 1];
		size_t in = SAMPLES * shape_size(layer->in), out = SAMPLES * shape_size(layer->out);

		for (size_t j = 0; layer->kind == LAYER_RELU && j < in; j++)
			mix(&pattern, x[j] > 0);
		for (size_t o = 0; layer->kind == LAYER_MAXPOOL && o < out; o++)
			mix(&pattern, position(x, in, y[o]));
	}
	return pattern;
}

static double
loss_of(void *context, uint64_t *pattern)
{
	Whole *whole = context;
	Sums sums;

	if (ref_backend.write(whole->backend, VECTOR_PARAM, whole->param) ||
	    ref_backend.gradient(whole->backend, &whole->batch) || ref_backend.drain(whole->backend, &sums))
		abort();
	*pattern = pattern_of(&whole->backend->network);
	return sums.loss;
}

static Status
take(void *context, float *vector, size_t count, bool is_device)
{
	Whole *whole = context;

	if (is_device || count != whole->net.param_count + 1)
		abort();
	memcpy(whole->gradient, vector, count * sizeof *vector);
	return STATUS_OK;
}

static void
whole_init(Whole *whole, const char *text, Shape input)
{
	const BackendOptions options = { .is_training = true, .batch_most = SAMPLES, .seed = 3, .label_smoothing = 0.1 };

	if (net_init(&whole->net, text, input, 3))
		abort();
	whole->param = calloc(whole->net.param_count, sizeof *whole->param);
	whole->bn = calloc(whole->net.bn_count + 1, sizeof *whole->bn);
	whole->gradient = calloc(whole->net.param_count + 1, sizeof *whole->gradient);
	whole->pixels = malloc(SAMPLES * shape_size(input));
	for (size_t i = 0; i < SAMPLES * shape_size(input); i++)
		whole->pixels[i] = (uint8_t)(127.5 + 127 * noise_at(5, i));
	net_initialise(&whole->net, 1, whole->param, whole->bn);
	whole->batch = (Batch){ .n = SAMPLES, .pixels = whole->pixels, .label_a = label_a, .label_b = label_b,
				.lambda = lambda, .weight = weight, .ids = ids, .epoch = 2 };
	if (ref_backend.open(&whole->backend, &host, &whole->net, whole->param, whole->bn, &options))
		abort();
}

static void
whole_release(Whole *whole)
{
	ref_backend.close(whole->backend);
	net_release(&whole->net);
	free(whole->param);
	free(whole->bn);
	free(whole->gradient);
	free(whole->pixels);
}

static void
check_net(const char *text, Shape input)
{
	Whole whole;
	const Difference how = { .step = 0x1p-9, .tolerance = 5e-3, .noise = 3e-4, .stride = 1 };
	uint64_t pattern;
	size_t checked = 0, crossed = 0;

	whole_init(&whole, text, input);
	loss_of(&whole, &pattern);
	if (ref_backend.reduce(whole.backend, take, &whole))
		abort();
	CHECK(whole.gradient[whole.net.param_count] == 3.75F, "summed weight %g",
	      (double)whole.gradient[whole.net.param_count]);
	for (size_t i = 0; i < whole.net.tensor_count; i++) {
		const TensorInfo *tensor = &whole.net.tensors[i];
		Comparison result;

		if (tensor->vector != NET_PARAM)
			continue;
		result = compare_gradient(&how, loss_of, &whole, whole.param + tensor->offset, tensor->count,
					  whole.gradient + tensor->offset);
		CHECK(result.worst <= 1, "%s: %s: error %g of what is allowed at %zu (%g)", text, tensor->name,
		      result.worst, result.where, (double)whole.gradient[tensor->offset + result.where]);
		checked += result.checked;
		crossed += result.crossed;
	}
	CHECK(checked > 2 * crossed, "%s: %zu checked, %zu at a kink", text, checked, crossed);
	printf("# %s: %zu parameters checked, %zu left out at kinks\n", text, checked, crossed);
	whole_release(&whole);
}

TEST(smooth)
{
	check_net("conv 3 3x3 same, avgpool 2, conv 4 2x2 nobias, bn, flatten, dense 5, dropout 0.25, dense classes",
		  (Shape){ 7, 6, 2, false });
	check_net("conv 4 3x2 stride 2 same, bn, globalavgpool, dense classes nobias, softmax", (Shape){ 6, 9, 1, false });
}

TEST(with_kinks)
{
	check_net("conv 4 4x4 same, bn, relu, maxpool 2, conv 5 3x3 same, relu, flatten, dense 6, bn, relu, dropout 0.35, "
		  "dense classes, softmax", (Shape){ 8, 8, 1, false });
	check_net("maxpool 3 stride 1, bn, conv 3 1x1, relu, flatten, bn, dense classes", (Shape){ 5, 5, 3, false });
}

TEST(branches)
{
	/* an identity, a projection, one within another, and a sum whose ends lie within stages and between them */
	check_net("conv 4 3x3 same, bn, residual(conv 4 3x3 same nobias, bn | ), globalavgpool, dense classes",
		  (Shape){ 6, 5, 2, false });
	check_net("residual(conv 3 3x3 stride 2 same, bn, residual(depthwise 3x3 same | conv 3 1x1, bn) | conv 3 1x1 stride 2), "
		  "flatten, residual(dense 27 | ), dense classes", (Shape){ 5, 6, 2, false });
	check_net("bn, residual(flatten, dense 5 | conv 2 3x3, bn, flatten, residual(dense 5, bn | dense 5 nobias)), "
		  "dense classes", (Shape){ 4, 5, 1, false });
}

TEST(branches_with_kinks)
{
	check_net("conv 4 3x3 same, bn, relu, residual(conv 4 3x3 same, bn, relu, conv 4 3x3 same, bn | ), relu, maxpool 2, "
		  "residual(depthwise 3x3 same, bn, relu, conv 6 1x1, bn | conv 6 1x1, bn, relu), globalavgpool, "
		  "dense classes", (Shape){ 8, 6, 1, false });
}

int
main(void)
{
	RUN(smooth);
	RUN(with_kinks);
	RUN(branches);
	RUN(branches_with_kinks);
	return check_done();
}
