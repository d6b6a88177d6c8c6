/* bn.c: batch normalisation; a channel's statistics run over samples, height and width. */
#include "ref/operations.h"

#include <math.h>

void
ref_bn_statistics(uint64_t rows, uint32_t c, const float *x, double *mean, double *variance)
{
	for (uint32_t j = 0; j < c; j++) {
		double sum = 0, squares = 0;

		for (uint64_t i = 0; i < rows; i++)
			sum += x[i * c + j];
		mean[j] = sum / (double)rows;
		/* a second pass: the difference of large sums would lose what is wanted */
		for (uint64_t i = 0; i < rows; i++)
			squares += (x[i * c + j] - mean[j]) * (x[i * c + j] - mean[j]);
		variance[j] = squares / (double)rows;
	}
}

void
ref_bn_forward(uint64_t rows, uint32_t c, const float *x, const float *gamma, const float *beta, const double *mean,
	       const double *variance, float *y)
{
	for (uint32_t j = 0; j < c; j++) {
		double scale = gamma[j] / sqrt(variance[j] + BN_EPSILON);

		for (uint64_t i = 0; i < rows; i++)
			y[i * c + j] = (float)((x[i * c + j] - mean[j]) * scale + beta[j]);
	}
}

void
ref_bn_backward(uint64_t rows, uint32_t c, const float *x, const float *gamma, const double *mean, const double *variance,
		const float *dy, float *dx, float *dgamma, float *dbeta)
{
	for (uint32_t j = 0; j < c; j++) {
		double inverse = 1 / sqrt(variance[j] + BN_EPSILON), sum = 0, sum_normal = 0;

		for (uint64_t i = 0; i < rows; i++) {
			sum += dy[i * c + j];
			sum_normal += dy[i * c + j] * (x[i * c + j] - mean[j]) * inverse;
		}
		/* mean and variance move with every x, which takes out dy's mean and its part along the normalised x */
		for (uint64_t i = 0; i < rows; i++) {
			double normal = (x[i * c + j] - mean[j]) * inverse;
			double rest = dy[i * c + j] - (sum + normal * sum_normal) / (double)rows;

			dx[i * c + j] = (float)(gamma[j] * inverse * rest);
		}
		dgamma[j] = (float)sum_normal;
		dbeta[j] = (float)sum;
	}
}

void
ref_bn_move(uint64_t rows, uint32_t c, const double *mean, const double *variance, float *running_mean,
	    float *running_variance)
{
	double unbiased = rows > 1 ? (double)rows / (double)(rows - 1) : 1;

	for (uint32_t j = 0; j < c; j++) {
		running_mean[j] = (float)(BN_MOMENTUM * running_mean[j] + (1 - BN_MOMENTUM) * mean[j]);
		running_variance[j] =
			(float)(BN_MOMENTUM * running_variance[j] + (1 - BN_MOMENTUM) * variance[j] * unbiased);
	}
}
