/* kernels/nets.h: networks, data and rates that backends are compared on: made from the case alone. */
#ifndef FM_KERNELS_NETS_H
#define FM_KERNELS_NETS_H

#include "backend.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLASSES = 5, MOST = 40 };

typedef struct Case {
	const char *text;
	Shape input;
	uint64_t n;
} Case;

#define PICTURE(...) ((Shape){ __VA_ARGS__, false })

/* Odd sizes, odd channels, every layer, stages without a main operation, strides, halos wider than a pixel. */
static const Case cases[] = {
	{ "conv 8 3x3 same, bn, relu, maxpool 2, conv 20 3x3 same, bn, relu, maxpool 2, flatten, dense 24, bn, relu, "
	  "dropout 0.35, dense classes, softmax", PICTURE(14, 14, 1), 18 },
	{ "conv 33 4x4 same, bn, relu, maxpool 2, conv 17 5x5 same, bn, relu, flatten, dense classes", PICTURE(9, 11, 3), 7 },
	{ "conv 5 3x3 stride 2 same, relu, conv 18 3x3 stride 2 same, bn, conv 7 2x3 stride 3, relu, globalavgpool, dense classes",
	  PICTURE(21, 17, 2), 9 },
	{ "conv 16 1x1, bn, avgpool 3 stride 2, conv 40 3x3, relu, maxpool 3 stride 1, dropout 0.5, flatten, bn, dense classes",
	  PICTURE(12, 13, 4), 5 },
	{ "flatten, dense 19, relu, dense classes", PICTURE(5, 7, 3), 33 },
	{ "conv 8 3x3 same nobias, maxpool 2, conv 12 3x3 same nobias, relu, maxpool 2, flatten, dense classes", PICTURE(8, 12, 1), 5 },
	{ "bn, relu, maxpool 2, flatten, dense classes", PICTURE(6, 6, 3), 2 },
	{ "conv 34 7x7 same, relu, conv 12 1x7 same, bn, relu, conv 12 7x1 same, relu, globalavgpool, relu, dense classes",
	  PICTURE(5, 3, 1), 6 },
	{ "conv 64 3x3 same, bn, relu, conv 32 3x3 same, bn, relu, maxpool 4, flatten, dense classes", PICTURE(8, 33, 1), 3 },
	/* so large that weights' gradients are taken two images at a time, which are not all of a slice */
	{ "conv 4 2x3 same, bn, relu, conv 64 1x3 same, bn, relu, globalavgpool, dense classes", PICTURE(16, 33, 1), MOST },
	{ "conv 20 3x3 same, bn, relu, residual(conv 20 3x3 same, bn, relu, conv 20 3x3 same, bn | ), relu, residual(conv 33 3x3 "
	  "stride 2 same, bn, relu, conv 33 3x3 same, bn | conv 33 1x1 stride 2, bn), relu, globalavgpool, dense classes",
	  PICTURE(9, 8, 1), 7 },
	{ "conv 18 3x3 same, bn, relu, depthwise 3x3 stride 2 same nobias, bn, relu, conv 24 1x1, bn, depthwise 2x5, relu, "
	  "depthwise 5x5 same, maxpool 2, flatten, dense classes", PICTURE(14, 13, 2), 6 },
	{ "conv 35 3x3, bn, relu, depthwise 3x3, bn, relu, depthwise 2x3 same, relu, depthwise 1x3 same nobias, bn, conv 18 1x1, "
	  "depthwise 3x3 same, relu, globalavgpool, dense classes", PICTURE(7, 6, 1), 7 },
	/* readers with and without halo, a pool and dropout after a sum, a sum of pixels, sums within sums */
	{ "residual(conv 3 5x5 same, bn | ), residual(maxpool 3 stride 1 | conv 3 3x3, residual(depthwise 3x3 same, bn, relu | bn)), "
	  "relu, maxpool 2, dropout 0.3, residual(bn, relu, conv 19 3x3 same | conv 19 1x1), avgpool 2, flatten, dense classes",
	  PICTURE(10, 11, 3), 5 },
	{ "conv 6 3x3, residual(flatten, dense 20, bn, relu | globalavgpool, dense 20), relu, residual(dense 30, bn, relu, "
	  "dense 20, bn | ), residual(dropout 0.2 | relu), residual(flatten | ), dense classes", PICTURE(6, 7, 1), 9 },
	/* the same input added twice, with and without ReLU after a sum, with and without what wants sums of gradients */
	{ "conv 20 3x3 same, bn, relu, residual(residual(conv 20 3x3 same, bn, relu, conv 20 3x3 same nobias | ), relu, conv 20 3x3 "
	  "same, bn | ), relu, residual(residual(bn, relu, conv 20 3x3 same nobias | ), bn, relu, conv 20 1x1 | ), flatten, "
	  "dense 20, residual(residual(dense 20, relu, dense 20 | ), relu, dense 20, bn | ), relu, dense classes",
	  PICTURE(7, 9, 1), 7 },
};

enum { CASES = sizeof cases / sizeof *cases };

static uint64_t nets_state;

static inline uint32_t
noise(void)
{
	nets_state = nets_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(nets_state >> 33);
}

/* What a run needs, made from the case alone. */
typedef struct Data {
	Net net;
	float *param, *bn;
	uint8_t *pixels;
	int32_t label[MOST], label_b[MOST];
	float lambda[MOST], weight[MOST];
	int64_t ids[MOST];
	Batch batch;
} Data;

static inline void
data_init(Data *data, const Case *test)
{
	const Shape in = test->input;
	const size_t pixels = (size_t)MOST * in.h * in.w * in.c;

	nets_state = 12345;
	if (net_init(&data->net, test->text, in, CLASSES) < 0) {
		printf("# %s\n", status_message());
		exit(1);
	}
	data->param = calloc(data->net.param_count, sizeof(float));
	data->bn = calloc(data->net.bn_count + 1, sizeof(float));
	data->pixels = malloc(pixels);
	net_initialise(&data->net, 7, data->param, data->bn);
	for (size_t i = 0; i < data->net.param_count; i++)
		data->param[i] += (float)((noise() % 1000) * 1e-4 - 0.05);
	for (size_t i = 0; i < data->net.bn_count; i++)
		data->bn[i] += (float)((noise() % 1000) * 1e-4);
	for (size_t i = 0; i < pixels; i++)
		data->pixels[i] = (uint8_t)noise();
	for (int i = 0; i < MOST; i++) {
		data->label[i] = noise() % CLASSES;
		data->label_b[i] = noise() % CLASSES;
		data->lambda[i] = (float)(noise() % 100) / 100;
		data->weight[i] = 0.5f + (float)(noise() % 100) / 100;
		data->ids[i] = i * 7 - 20;
	}
	data->batch = (Batch){
		.n = test->n, .pixels = data->pixels, .label_a = data->label, .label_b = data->label_b,
		.lambda = data->lambda, .weight = data->weight, .ids = data->ids, .epoch = 3,
	};
}

static inline void
data_release(Data *data)
{
	net_release(&data->net);
	free(data->param);
	free(data->bn);
	free(data->pixels);
}

static inline Hyper
hyper(uint64_t step)
{
	return (Hyper){ .step = step, .rate = 1e-3, .beta1 = 0.9, .weight_decay = 0.01 };
}

/* A bias that batch norm takes away again: its gradient is nothing but rounding. */
static inline bool
is_idle(const Net *net, const TensorInfo *tensor)
{
	for (size_t s = 0; s < net->stage_count; s++)
		if (net->stages[s].bn && net->stages[s].main && net->stages[s].main->bias == tensor->offset &&
		    tensor->vector == NET_PARAM && tensor->rank == 1)
			return true;
	return false;
}

static inline double
relative_error(const float *a, const float *b, size_t count)
{
	double error = 0, size = 1e-12;

	for (size_t i = 0; i < count; i++) {
		error += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
		size += (double)b[i] * (double)b[i];
	}
	return sqrt(error / size);
}

#endif
