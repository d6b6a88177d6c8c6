/* Every operation's backward against differences of its forward: the loss is a random weighted sum of the outputs. */
#include "gradient/difference.h"
#include "net/parse.h"
#include "net/shape.h"
#include "ref/operations.h"
#include "unit/check.h"

#include <string.h>

enum { SAMPLES = 3 };

/* One layer with everything that it reads and gives. */
typedef struct Case {
	Layer layer;
	size_t in, out; /* floats of the whole batch */
	float *x, *y, *direction; /* the loss is the sum of direction * y */
	float *weight, *bias;	  /* gamma and beta of bn */
	double *mean, *variance;
} Case;

static size_t
weight_count(const Layer *layer)
{
	if (layer->kind == LAYER_CONV)
		return (size_t)layer->units * layer->in.c * layer->kernel_h * layer->kernel_w;
	if (layer->kind == LAYER_DEPTHWISE)
		return (size_t)layer->in.c * layer->kernel_h * layer->kernel_w;
	return layer->kind == LAYER_DENSE ? (size_t)layer->units * layer->in.c : layer->in.c;
}

static size_t
bias_count(const Layer *layer)
{
	return layer->kind == LAYER_BN ? layer->in.c : layer->out.c;
}

static void
case_init(Case *test, const char *text, Shape in)
{
	Layer *layer;
	size_t count;

	*test = (Case){ 0 };
	if (layers_parse(text, 2, &layer, &count) || count != 1)
		abort();
	test->layer = *layer;
	free(layer);
	test->layer.in = in;
	if (layer_infer(&test->layer))
		abort();
	test->in = SAMPLES * shape_size(in);
	test->out = SAMPLES * shape_size(test->layer.out);
	test->x = noise_vector(1, test->in);
	test->y = calloc(test->out, sizeof *test->y);
	test->direction = noise_vector(2, test->out);
	test->weight = noise_vector(3, weight_count(&test->layer));
	test->bias = noise_vector(4, bias_count(&test->layer));
	test->mean = calloc(in.c, sizeof *test->mean);
	test->variance = calloc(in.c, sizeof *test->variance);
}

static void
case_release(Case *test)
{
	free(test->x);
	free(test->y);
	free(test->direction);
	free(test->weight);
	free(test->bias);
	free(test->mean);
	free(test->variance);
}

static const int64_t ids[SAMPLES] = { 5, -1, 1LL << 40 };

static void
forward(Case *test)
{
	const Layer *layer = &test->layer;
	uint64_t rows = (uint64_t)SAMPLES * layer->in.h * layer->in.w;

	switch (layer->kind) {
	case LAYER_CONV:
		ref_conv_forward(layer, SAMPLES, test->x, test->weight, test->bias, test->y);
		break;
	case LAYER_DEPTHWISE:
		ref_depthwise_forward(layer, SAMPLES, test->x, test->weight, test->bias, test->y);
		break;
	case LAYER_DENSE:
		ref_dense_forward(layer, SAMPLES, test->x, test->weight, test->bias, test->y);
		break;
	case LAYER_BN:
		ref_bn_statistics(rows, layer->in.c, test->x, test->mean, test->variance);
		ref_bn_forward(rows, layer->in.c, test->x, test->weight, test->bias, test->mean, test->variance, test->y);
		break;
	case LAYER_RELU:
		ref_relu_forward(test->in, test->x, test->y);
		break;
	case LAYER_MAXPOOL:
		ref_maxpool_forward(layer, SAMPLES, test->x, test->y);
		break;
	case LAYER_AVGPOOL:
	case LAYER_GLOBALAVGPOOL:
		ref_avgpool_forward(layer, SAMPLES, test->x, test->y);
		break;
	case LAYER_FLATTEN:
		ref_flatten_forward(layer, SAMPLES, test->x, test->y);
		break;
	default:
		ref_dropout(layer, SAMPLES, 1, 2, ids, test->x, test->y);
	}
}

static void
backward(Case *test, float *dx, float *dweight, float *dbias)
{
	const Layer *layer = &test->layer;
	const float *dy = test->direction;
	uint64_t rows = (uint64_t)SAMPLES * layer->in.h * layer->in.w;

	forward(test);
	switch (layer->kind) {
	case LAYER_CONV:
		ref_conv_backward(layer, SAMPLES, test->x, test->weight, dy, dx, dweight, dbias);
		break;
	case LAYER_DEPTHWISE:
		ref_depthwise_backward(layer, SAMPLES, test->x, test->weight, dy, dx, dweight, dbias);
		break;
	case LAYER_DENSE:
		ref_dense_backward(layer, SAMPLES, test->x, test->weight, dy, dx, dweight, dbias);
		break;
	case LAYER_BN:
		ref_bn_backward(rows, layer->in.c, test->x, test->weight, test->mean, test->variance, dy, dx, dweight,
				dbias);
		break;
	case LAYER_RELU:
		ref_relu_backward(test->in, test->x, dy, dx);
		break;
	case LAYER_MAXPOOL:
		ref_maxpool_backward(layer, SAMPLES, test->x, dy, dx);
		break;
	case LAYER_AVGPOOL:
	case LAYER_GLOBALAVGPOOL:
		ref_avgpool_backward(layer, SAMPLES, dy, dx);
		break;
	case LAYER_FLATTEN:
		ref_flatten_backward(layer, SAMPLES, dy, dx);
		break;
	default:
		ref_dropout(layer, SAMPLES, 1, 2, ids, dy, dx);
	}
}

static double
loss_of(void *context, uint64_t *pattern)
{
	Case *test = context;
	double loss = 0;

	*pattern = 0;
	forward(test);
	for (size_t i = 0; i < test->out; i++)
		loss += (double)test->direction[i] * test->y[i];
	return loss;
}

/* No value within a step of 0, and no two values of any window within two steps of each other. */
static void
keep_away_from_kinks(Case *test, double step)
{
	for (size_t i = 0; i < test->in; i++) {
		size_t rank = i * 7919 % test->in; /* a prime: every rank once */

		test->x[i] = (float)(3 * step * ((double)rank + 0.5 - (double)(test->in / 2)));
	}
}

static void
expect_match(const char *text, const char *what, Case *test, const Difference *how, float *values, size_t count,
	     const float *gradient)
{
	Comparison result = compare_gradient(how, loss_of, test, values, count, gradient);

	CHECK(result.checked == count && result.worst <= 1, "%s by %s: error %g of what is allowed at %zu (%g), %zu checked",
	      text, what, result.worst, result.where, (double)gradient[result.where], result.checked);
}

static void
check_layer(const char *text, Shape in)
{
	Case test;
	bool has_kinks, has_weights;
	Difference how = { .step = 0x1p-6, .tolerance = 1e-3, .noise = 1e-5, .stride = 1 };
	float *dx, *dweight, *dbias;

	case_init(&test, text, in);
	has_kinks = test.layer.kind == LAYER_RELU || test.layer.kind == LAYER_MAXPOOL;
	has_weights = layer_multiplies(&test.layer) || test.layer.kind == LAYER_BN;
	if (has_kinks)
		keep_away_from_kinks(&test, how.step);
	dx = calloc(test.in, sizeof *dx);
	dweight = calloc(weight_count(&test.layer), sizeof *dweight);
	dbias = calloc(bias_count(&test.layer), sizeof *dbias);
	backward(&test, dx, dweight, dbias);
	expect_match(text, "x", &test, &how, test.x, test.in, dx);
	if (has_weights) {
		expect_match(text, "weight", &test, &how, test.weight, weight_count(&test.layer), dweight);
		expect_match(text, "bias", &test, &how, test.bias, bias_count(&test.layer), dbias);
	}
	free(dx);
	free(dweight);
	free(dbias);
	case_release(&test);
}

#define SHAPE(...) ((Shape){ __VA_ARGS__, false })
#define FLAT(c) ((Shape){ 1, 1, c, true })

TEST(conv)
{
	check_layer("conv 3 3x3 same", SHAPE(5, 7, 2));
	check_layer("conv 2 4x4 same", SHAPE(6, 5, 1));
	check_layer("conv 2 3x2 stride 2 same", SHAPE(6, 7, 3));
	check_layer("conv 3 2x4 stride 3", SHAPE(7, 8, 2));
	check_layer("conv 4 1x1", SHAPE(1, 1, 5));
	check_layer("conv 1 5x5 same", SHAPE(2, 1, 1));
}

TEST(depthwise)
{
	check_layer("depthwise 3x3 same", SHAPE(5, 7, 3));
	check_layer("depthwise 2x3 stride 2", SHAPE(6, 7, 2));
	check_layer("depthwise 5x5 stride 2 same", SHAPE(3, 4, 1));
}

TEST(dense)
{
	check_layer("dense 5", FLAT(7));
	check_layer("dense 1", FLAT(1));
}

TEST(bn)
{
	check_layer("bn", SHAPE(3, 5, 4));
	check_layer("bn", FLAT(6));
}

TEST(relu)
{
	check_layer("relu", SHAPE(4, 3, 5));
}

TEST(maxpool)
{
	check_layer("maxpool 2", SHAPE(5, 6, 3));
	check_layer("maxpool 3 stride 1", SHAPE(4, 5, 2));
}

TEST(avgpool)
{
	check_layer("avgpool 2", SHAPE(5, 6, 3));
	check_layer("avgpool 3 stride 2", SHAPE(7, 5, 2));
	check_layer("globalavgpool", SHAPE(3, 4, 5));
}

TEST(flatten)
{
	check_layer("flatten", SHAPE(3, 4, 5));
}

TEST(dropout)
{
	check_layer("dropout 0.35", SHAPE(3, 4, 5));
}

TEST(first_of_equal_maxima)
{
	Case test;
	float dx[SAMPLES * 4];

	case_init(&test, "maxpool 2", SHAPE(2, 2, 1));
	for (size_t i = 0; i < test.in; i++)
		test.x[i] = i % 4 == 0 ? 0 : 1; /* 0 1 / 1 1: the first 1 is at 1 */
	backward(&test, dx, NULL, NULL);
	for (size_t i = 0; i < test.in; i++)
		CHECK(dx[i] == (i % 4 == 1 ? test.direction[i / 4] : 0), "dx[%zu] = %g", i, (double)dx[i]);
	case_release(&test);
}

typedef struct Logits {
	float values[7];
	double target[7];
} Logits;

static double
entropy_of(void *context, uint64_t *pattern)
{
	const Logits *logits = context;
	float unused[7];

	*pattern = 0;
	return 1.5 * ref_cross_entropy(7, logits->values, logits->target, 1, unused);
}

TEST(cross_entropy)
{
	const Difference how = { .step = 0x1p-10, .tolerance = 1e-5, .noise = 1e-7, .stride = 1 };
	Logits logits = { .target = { 0.5, 0, 0.1, 0.2, 0.1, 0.1, 0 } };
	float gradient[7];
	Comparison result;

	for (size_t i = 0; i < 7; i++)
		logits.values[i] = 4 * noise_at(9, i);
	ref_cross_entropy(7, logits.values, logits.target, 1.5, gradient);
	result = compare_gradient(&how, entropy_of, &logits, logits.values, 7, gradient);
	CHECK(result.worst <= 1, "%g at %zu", result.worst, result.where);
}

int
main(void)
{
	RUN(conv);
	RUN(depthwise);
	RUN(dense);
	RUN(bn);
	RUN(relu);
	RUN(maxpool);
	RUN(avgpool);
	RUN(flatten);
	RUN(dropout);
	RUN(first_of_equal_maxima);
	RUN(cross_entropy);
	return check_done();
}
