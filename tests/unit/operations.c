/* The reference's operations against numbers worked out by hand: what a gradient check can't see is whether the forward
 * pass means the right thing. */
#include "ref/operations.h"

#include "net/parse.h"
#include "net/shape.h"
#include "random/philox.h"
#include "unit/check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static Layer
layer_of(const char *text, Shape in)
{
	Layer *layers, layer;
	size_t count;

	if (layers_parse(text, 2, &layers, &count) || count != 1)
		abort();
	layer = layers[0];
	free(layers);
	layer.in = in;
	if (layer_infer(&layer))
		abort();
	return layer;
}

static bool
is_near(double found, double expected)
{
	return fabs(found - expected) <= 1e-6 * fmax(1, fabs(expected));
}

/* 2x2, same: nothing before, one row and column of zeros after; two input channels, weights [out, in, kh, kw]. */
TEST(conv_same_pads_after)
{
	Layer conv = layer_of("conv 1 2x2 same", (Shape){ 2, 2, 2, false });
	const float x[] = { 1, 10, 2, 20, 3, 30, 4, 40 }, weight[] = { 1, 2, 3, 4, 5, 6, 7, 8 }, bias[] = { 0.5F };
	const float expected[] = { 0.5F + 1 + 4 + 9 + 16 + 50 + 120 + 210 + 320, 0.5F + 2 + 12 + 100 + 280,
				   0.5F + 3 + 8 + 150 + 240, 0.5F + 4 + 200 };
	float y[4];

	ref_conv_forward(&conv, 1, x, weight, bias, y);
	for (size_t i = 0; i < 4; i++)
		CHECK(y[i] == expected[i], "y[%zu] = %g, not %g", i, (double)y[i], (double)expected[i]);
}

/* Two channels that don't meet; the second row and column of the kernel lie in the padding at the end. */
TEST(depthwise_keeps_channels_apart)
{
	Layer layer = layer_of("depthwise 2x2 same", (Shape){ 2, 2, 2, false });
	const float x[] = { 1, 10, 2, 20, 3, 30, 4, 40 }, weight[] = { 1, 2, 3, 4, 5, 6, 7, 8 }, bias[] = { 0.5F, 0 };
	const float expected[] = { 0.5F + 1 + 4 + 9 + 16, 50 + 120 + 210 + 320, 0.5F + 2 + 12, 100 + 280,
				   0.5F + 3 + 8, 150 + 240, 0.5F + 4, 200 };
	float y[8];

	ref_depthwise_forward(&layer, 1, x, weight, bias, y);
	for (size_t i = 0; i < 8; i++)
		CHECK(y[i] == expected[i], "y[%zu] = %g, not %g", i, (double)y[i], (double)expected[i]);
}

TEST(conv_valid_strides)
{
	Layer conv = layer_of("conv 2 1x2 stride 2 nobias", (Shape){ 3, 5, 1, false });
	float x[15], y[8];
	const float weight[] = { 1, -1, 0, 2 }; /* the first x minus the second; twice the second */

	for (size_t i = 0; i < 15; i++)
		x[i] = (float)(i * i);
	ref_conv_forward(&conv, 1, x, weight, NULL, y);
	CHECK(conv.out.h == 2 && conv.out.w == 2, "%u x %u", conv.out.h, conv.out.w);
	CHECK(y[0] == -1 && y[1] == 2 && y[2] == 4 - 9 && y[3] == 18, "%g %g %g %g", (double)y[0], (double)y[1],
	      (double)y[2], (double)y[3]);
	CHECK(y[4] == 100 - 121 && y[7] == 2 * 169, "%g %g", (double)y[4], (double)y[7]);
}

TEST(pools)
{
	const float x[] = { 1, -1, 5, -5, 3, -3, 7, -7 }; /* 2x2x2 */
	Layer largest = layer_of("maxpool 2", (Shape){ 2, 2, 2, false });
	Layer mean = layer_of("globalavgpool", (Shape){ 2, 2, 2, false });
	float y[2];

	ref_maxpool_forward(&largest, 1, x, y);
	CHECK(y[0] == 7 && y[1] == -1, "%g %g", (double)y[0], (double)y[1]);
	ref_avgpool_forward(&mean, 1, x, y);
	CHECK(y[0] == 4 && y[1] == -4, "%g %g", (double)y[0], (double)y[1]);
}

TEST(flatten_is_channels_first)
{
	Layer flatten = layer_of("flatten", (Shape){ 2, 2, 3, false });
	float x[12], y[12];

	for (int i = 0; i < 12; i++)
		x[i] = (float)(i % 3 * 100 + i / 3); /* 100 c + 2 h + w */
	ref_flatten_forward(&flatten, 1, x, y);
	for (int i = 0; i < 12; i++)
		CHECK(y[i] == (float)(i / 4 * 100 + i % 4), "y[%d] = %g", i, (double)y[i]);
}

TEST(a_nan_stays)
{
	Layer pool = layer_of("maxpool 2", (Shape){ 2, 2, 1, false });
	const float x[] = { 1, 2, NAN, 3 };
	float y[4];

	ref_relu_forward(4, x, y);
	CHECK(isnan(y[2]) && y[3] == 3, "relu: %g", (double)y[2]);
	ref_maxpool_forward(&pool, 1, x, y);
	CHECK(isnan(y[0]), "maxpool: %g", (double)y[0]);
}

TEST(bn_statistics)
{
	const float x[] = { 1, 5, 2, 5, 3, 5, 6, 5 }, gamma[] = { 2, 1 }, beta[] = { 1, -1 }; /* [4, 2] */
	float running_mean[] = { 10, 0 }, running_variance[] = { 1, 1 }, y[8];
	double mean[2], variance[2];

	ref_bn_statistics(4, 2, x, mean, variance);
	CHECK(mean[0] == 3 && variance[0] == 3.5 && mean[1] == 5 && variance[1] == 0, "%g %g", mean[0], variance[0]);
	ref_bn_forward(4, 2, x, gamma, beta, mean, variance, y);
	CHECK(is_near(y[0], 1 - 4 / sqrt(3.501)) && y[1] == -1, "%g %g", (double)y[0], (double)y[1]);
	ref_bn_move(4, 2, mean, variance, running_mean, running_variance);
	CHECK(is_near(running_mean[0], 9.93) && is_near(running_mean[1], 0.05), "%g", (double)running_mean[0]);
	CHECK(is_near(running_variance[0], 0.99 + 0.01 * 14 / 3), "%g", (double)running_variance[0]);
	CHECK(is_near(running_variance[1], 0.99), "%g", (double)running_variance[1]);
}

/* Unit j counts in (c, h, w) order, whatever lies where in memory. */
TEST(dropout_draws)
{
	Layer dropout = layer_of("dropout 0.25", (Shape){ 3, 2, 5, false });
	const int64_t ids[] = { 77, -3 };
	RandomKey key = random_key(6, "dropout1");
	float x[60], y[60];
	size_t dropped = 0;

	for (size_t i = 0; i < 60; i++)
		x[i] = 3;
	ref_dropout(&dropout, 2, 6, 4, ids, x, y);
	for (size_t i = 0; i < 60; i++) {
		size_t n = i / 30, c = i % 5, h = i % 30 / 10, w = i % 10 / 5, j = (c * 3 + h) * 2 + w;
		uint32_t word = random_words(key, (uint32_t)(j / 4), 4, (uint64_t)ids[n]).x[j % 4];

		CHECK(y[i] == (word < 1U << 30 ? 0 : 4), "y[%zu] = %g, word %u", i, (double)y[i], word);
		dropped += y[i] == 0;
	}
	CHECK(dropped > 5 && dropped < 25, "%zu of 60", dropped);
}

TEST(softmax_of_large_logits)
{
	const float logits[] = { 1000, 1000, -1000 };
	const double target[] = { 0.25, 0.25, 0.5 };
	float prob[3], dlogits[3];
	double loss;

	ref_softmax(1, 3, logits, prob);
	CHECK(prob[0] == 0.5F && prob[1] == 0.5F && prob[2] == 0, "%g %g", (double)prob[0], (double)prob[2]);
	loss = ref_cross_entropy(3, logits, target, 2, dlogits);
	CHECK(is_near(loss, log(2) + 1000), "%g", loss);
	CHECK(dlogits[0] == 0.5F && dlogits[2] == -1, "%g %g", (double)dlogits[0], (double)dlogits[2]);
}

/* In Adam's first step both corrected moments are the gradient's own: w -= rate g / (|g| + epsilon). */
TEST(adam_steps)
{
	const float gradient[] = { 8, -2e-7F }; /* divided by weight 2 */
	float m[2] = { 0 }, v[2] = { 0 }, w[] = { 1, 1 };
	Hyper hyper = { .step = 1, .rate = 0.1, .beta1 = 0.9 };
	double first, second;

	ref_adam(&hyper, 2, gradient, 2, 0, m, v, w);
	CHECK(is_near(w[0], 0.9) && is_near(w[1], 1.05), "%.9g %.9g", (double)w[0], (double)w[1]);
	CHECK(is_near(m[0], 0.4) && is_near(v[0], 0.016), "%g %g", (double)m[0], (double)v[0]);
	hyper.step = 2;
	ref_adam(&hyper, 2, (const float[]){ -4, 0 }, 2, 0.5, m, v, w);
	first = (0.9 * 0.4 - 0.1 * 2) / (1 - 0.81);
	second = (0.999 * 0.016 + 0.001 * 4) / (1 - 0.999 * 0.999);
	CHECK(is_near(w[0], 0.9 * (1 - 0.1 * 0.5) - 0.1 * first / sqrt(second)), "%.9g", (double)w[0]);
}

TEST(sgd_steps)
{
	float velocity[] = { 0 }, w[] = { 1 };
	const float gradient[] = { 4 };
	const Hyper hyper = { .step = 1, .rate = 0.1, .beta1 = 0.9 };

	ref_sgd(&hyper, 1, gradient, 2, 0.5, velocity, w);
	CHECK(is_near(velocity[0], 2.5) && is_near(w[0], 0.75), "%g %g", (double)velocity[0], (double)w[0]);
	ref_sgd(&hyper, 1, gradient, 2, 0.5, velocity, w);
	CHECK(is_near(velocity[0], 2.25 + 2 + 0.375) && is_near(w[0], 0.75 - 0.4625), "%g %g", (double)velocity[0],
	      (double)w[0]);
}

int
main(void)
{
	RUN(conv_same_pads_after);
	RUN(depthwise_keeps_channels_apart);
	RUN(conv_valid_strides);
	RUN(pools);
	RUN(flatten_is_channels_first);
	RUN(a_nan_stays);
	RUN(bn_statistics);
	RUN(dropout_draws);
	RUN(softmax_of_large_logits);
	RUN(adam_steps);
	RUN(sgd_steps);
	return check_done();
}
