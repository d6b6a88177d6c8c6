/* optimizer.c: from a gradient to the next parameters. */
#include "ref/operations.h"

#include <math.h>

void
ref_adam(const Hyper *hyper, size_t count, const float *gradient, double weight, double decay, float *m, float *v,
	 float *param)
{
	double correct1 = 1 - pow(hyper->beta1, (double)hyper->step);
	double correct2 = 1 - pow(ADAM_BETA2, (double)hyper->step);

	for (size_t i = 0; i < count; i++) {
		double g = gradient[i] / weight, w = param[i] * (1 - hyper->rate * decay);
		double first = hyper->beta1 * m[i] + (1 - hyper->beta1) * g;
		double second = ADAM_BETA2 * v[i] + (1 - ADAM_BETA2) * g * g;

		m[i] = (float)first;
		v[i] = (float)second;
		param[i] = (float)(w - hyper->rate * (first / correct1) / (sqrt(second / correct2) + ADAM_EPSILON));
	}
}

void
ref_sgd(const Hyper *hyper, size_t count, const float *gradient, double weight, double decay, float *velocity, float *param)
{
	for (size_t i = 0; i < count; i++) {
		double next = hyper->beta1 * velocity[i] + gradient[i] / weight + decay * param[i];

		velocity[i] = (float)next;
		param[i] = (float)(param[i] - hyper->rate * next);
	}
}

void
ref_average(double rate, size_t count, const float *value, float *average)
{
	for (size_t i = 0; i < count; i++)
		average[i] = (float)(rate * average[i] + (1 - rate) * value[i]);
}
