/* Fresh parameters: the distributions that Keras draws from, and the same numbers for the same seed. */
#include "net/net.h"
#include "unit/check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct Moments {
	double mean, deviation, largest;
} Moments;

static Moments
moments_of(const float *values, size_t count)
{
	Moments m = { 0, 0, 0 };

	for (size_t i = 0; i < count; i++) {
		m.mean += values[i];
		m.largest = fmax(m.largest, fabs((double)values[i]));
	}
	m.mean /= (double)count;
	for (size_t i = 0; i < count; i++)
		m.deviation += (values[i] - m.mean) * (values[i] - m.mean);
	m.deviation = sqrt(m.deviation / (double)count);
	return m;
}

static Net net;
static float *param, *bn;

static const float *
values_of(const char *name, size_t *count)
{
	for (size_t i = 0; i < net.tensor_count; i++)
		if (!strcmp(net.tensors[i].name, name)) {
			*count = net.tensors[i].count;
			return (net.tensors[i].vector == NET_PARAM ? param : bn) + net.tensors[i].offset;
		}
	return NULL;
}

/* The corrected variance is 2 / fan_in; nothing lies beyond two uncorrected deviations. */
static void
expect_he(const char *name, double fan_in)
{
	size_t count;
	const float *weight = values_of(name, &count);
	Moments m = moments_of(weight, count);
	double deviation = sqrt(2 / fan_in), bound = 2 * deviation / 0.87962566103423978;

	CHECK(fabs(m.mean) < 5 * deviation / sqrt((double)count), "%s: mean %g", name, m.mean);
	CHECK(fabs(m.deviation / deviation - 1) < 4 / sqrt((double)count), "%s: %g, %g", name, m.deviation, deviation);
	CHECK(m.largest <= bound * (1 + 1e-6) && m.largest > 0.98 * bound, "%s: %g, %g", name, m.largest, bound);
}

TEST(he_normal)
{
	expect_he("conv2.weight", 32 * 9);
	expect_he("conv3.weight", 64 * 9);
	expect_he("fc1.weight", 6272);
}

TEST(glorot_uniform)
{
	size_t count;
	const float *weight = values_of("fc2.weight", &count);
	Moments m = moments_of(weight, count);
	double limit = sqrt(6.0 / (128 + 10));

	CHECK(fabs(m.deviation / (limit / sqrt(3)) - 1) < 0.05, "%g, %g", m.deviation, limit);
	CHECK(m.largest <= limit && m.largest > 0.99 * limit, "%g, %g", m.largest, limit);
}

TEST(constants)
{
	static const struct { const char *name; float value; } cases[] = {
		{ "conv1.bias", 0 }, { "bn1.weight", 1 },	{ "bn1.bias", 0 }, { "bn4.running_mean", 0 },
		{ "bn4.running_var", 1 }, { "fc2.bias", 0 },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		size_t count;
		const float *values = values_of(cases[i].name, &count);

		for (size_t j = 0; j < count; j++)
			CHECK(values[j] == cases[i].value, "%s[%zu] = %g", cases[i].name, j, (double)values[j]);
	}
}

/* Calculated with numpy from fm-tools(7), for seed 7: Philox of the purpose "init NAME", the id an element's index in the
 * model's order, the draw an attempt; z = sqrt(-2 ln(1 - u0)) cos(2 pi u1), and once more beyond two sigma. */
TEST(numbers_of_an_independent_calculation)
{
	static const struct { const char *name; size_t element; double value; } cases[] = {
		{ "conv1.weight", 0, -6.824177028e-01 },    { "conv1.weight", 1, 5.445176723e-01 },
		{ "conv1.weight", 5, -7.305115284e-01 },    { "conv1.weight", 511, -4.335683602e-01 },
		{ "conv2.weight", 0, -6.870923763e-02 },    { "conv2.weight", 18431, 9.496207902e-02 },
		{ "fc1.weight", 0, 8.742472768e-03 },	    { "fc1.weight", 802815, 1.317458478e-02 },
		/* the first attempt lies beyond */
		{ "conv1.weight", 27, 6.695379145e-01 },    { "conv1.weight", 28, 2.036610339e-01 },
		{ "conv2.weight", 13, -3.075786433e-02 },   { "fc1.weight", 18, -1.623681131e-02 },
		/* and the second */
		{ "conv2.weight", 152, -1.576467118e-02 },
		/* uniform: limit (2 u0 - 1) */
		{ "fc2.weight", 0, -1.442232270e-01 },	    { "fc2.weight", 1, -1.617064701e-01 },
		{ "fc2.weight", 77, 6.461773153e-02 },	    { "fc2.weight", 1279, 1.026561770e-01 },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		size_t count;
		const float *values = values_of(cases[i].name, &count);
		double found = values && cases[i].element < count ? (double)values[cases[i].element] : (double)NAN;

		CHECK(fabs(found - cases[i].value) < 1e-6 * fabs(cases[i].value), "%s[%zu] is %.9g, not %.9g", cases[i].name,
		      cases[i].element, found, cases[i].value);
	}
}

TEST(a_seed_means_something)
{
	float *again = calloc(net.param_count, sizeof *again), *again_bn = calloc(net.bn_count, sizeof *again_bn);
	size_t count;

	net_initialise(&net, 7, again, again_bn);
	CHECK(!memcmp(param, again, net.param_count * sizeof *param), "seed 7 differs from itself");
	net_initialise(&net, 8, again, again_bn);
	CHECK(memcmp(param, again, 16 * sizeof *param) != 0, "seeds 7 and 8 agree");
	CHECK(memcmp(values_of("conv2.weight", &count), values_of("conv3.weight", &count), 16 * sizeof *param) != 0,
	      "layers agree");
	free(again);
	free(again_bn);
}

int
main(void)
{
	if (net_init(&net, "seed", (Shape){ 28, 28, 1, false }, 10))
		return 1;
	param = calloc(net.param_count, sizeof *param);
	bn = calloc(net.bn_count, sizeof *bn);
	net_initialise(&net, 7, param, bn);
	RUN(he_normal);
	RUN(glorot_uniform);
	RUN(constants);
	RUN(numbers_of_an_independent_calculation);
	RUN(a_seed_means_something);
	free(param);
	free(bn);
	net_release(&net);
	return check_done();
}
