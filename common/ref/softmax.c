/* softmax.c: from logits to probabilities and to the loss. */
#include "ref/operations.h"

#include <math.h>

uint32_t
ref_argmax(uint32_t count, const float *values)
{
	uint32_t best = 0;

	for (uint32_t i = 1; i < count; i++)
		if (values[i] > values[best])
			best = i;
	return best;
}

/* log of the sum of exp(logits), without overflow */
static double
log_sum(uint32_t classes, const float *logits)
{
	double largest = logits[ref_argmax(classes, logits)], sum = exp(logits[0] - largest);

	for (uint32_t k = 1; k < classes; k++)
		sum += exp(logits[k] - largest);
	return largest + log(sum);
}

void
ref_softmax(uint64_t n, uint32_t classes, const float *logits, float *prob)
{
	for (uint64_t i = 0; i < n; i++, logits += classes, prob += classes) {
		double log_total = log_sum(classes, logits);

		for (uint32_t k = 0; k < classes; k++)
			prob[k] = (float)exp(logits[k] - log_total);
	}
}

double
ref_cross_entropy(uint32_t classes, const float *logits, const double *target, double weight, float *dlogits)
{
	double log_total = log_sum(classes, logits), loss = 0;

	for (uint32_t k = 0; k < classes; k++) {
		double log_prob = logits[k] - log_total;

		loss -= target[k] * log_prob;
		dlogits[k] = (float)(weight * (exp(log_prob) - target[k]));
	}
	return loss;
}
