/* ref/operations.h: every operation in plain loops with double accumulators: what faster kernels are checked against.
 *
 * Activations are [n, h, w, c] with the layer's in and out shapes, x before and y after it; dx and dy are the loss's
 * derivatives by them. Weights lie as in the model file. Outputs are overwritten, never added to, and overlap nothing.
 * Of a Layer only kind, shapes, kernel, stride, padding and, for dropout, name and rate are read. */
#ifndef FM_REF_OPERATIONS_H
#define FM_REF_OPERATIONS_H

#include "backend.h"
#include "net/net.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BN_EPSILON 1e-3
#define BN_MOMENTUM 0.99
#define ADAM_BETA2 0.999
#define ADAM_EPSILON 1e-7

/** weight [out, in, kh, kw]; bias [out] or NULL */
void ref_conv_forward(const Layer *conv, uint64_t n, const float *x, const float *weight, const float *bias, float *y);
/** dx, dbias: or NULL, where nobody wants them */
void ref_conv_backward(const Layer *conv, uint64_t n, const float *x, const float *weight, const float *dy, float *dx,
		       float *dweight, float *dbias);

/** weight [c, 1, kh, kw]; bias [c] or NULL */
void ref_depthwise_forward(const Layer *layer, uint64_t n, const float *x, const float *weight, const float *bias, float *y);
/** dx, dbias: or NULL */
void ref_depthwise_backward(const Layer *layer, uint64_t n, const float *x, const float *weight, const float *dy, float *dx,
			    float *dweight, float *dbias);

/** x [n, in], weight [out, in], bias [out] or NULL */
void ref_dense_forward(const Layer *dense, uint64_t n, const float *x, const float *weight, const float *bias, float *y);
/** dx, dbias: or NULL */
void ref_dense_backward(const Layer *dense, uint64_t n, const float *x, const float *weight, const float *dy, float *dx,
			float *dweight, float *dbias);

/** Mean and biased variance of every channel: x [rows, c], mean, variance [c]. */
void ref_bn_statistics(uint64_t rows, uint32_t c, const float *x, double *mean, double *variance);
/** y = gamma (x - mean) / sqrt(variance + epsilon) + beta, with the batch's statistics or the running ones */
void ref_bn_forward(uint64_t rows, uint32_t c, const float *x, const float *gamma, const float *beta, const double *mean,
		    const double *variance, float *y);
/** Of ref_bn_forward with the batch's own statistics, which depend on x. */
void ref_bn_backward(uint64_t rows, uint32_t c, const float *x, const float *gamma, const double *mean,
		     const double *variance, const float *dy, float *dx, float *dgamma, float *dbeta);
/** running = 0.99 running + 0.01 statistic; the variance made unbiased first. */
void ref_bn_move(uint64_t rows, uint32_t c, const double *mean, const double *variance, float *running_mean,
		 float *running_variance);

void ref_relu_forward(size_t count, const float *x, float *y);
void ref_relu_backward(size_t count, const float *x, const float *dy, float *dx);

/** The largest of each window; of equal ones the first, row by row, gets the gradient. */
void ref_maxpool_forward(const Layer *pool, uint64_t n, const float *x, float *y);
void ref_maxpool_backward(const Layer *pool, uint64_t n, const float *x, const float *dy, float *dx);

/** The mean of each window; globalavgpool is one window. */
void ref_avgpool_forward(const Layer *pool, uint64_t n, const float *x, float *y);
void ref_avgpool_backward(const Layer *pool, uint64_t n, const float *dy, float *dx);

/** [n, h, w, c] to [n, c h w] in (c, h, w) order, and back. */
void ref_flatten_forward(const Layer *flatten, uint64_t n, const float *x, float *y);
void ref_flatten_backward(const Layer *flatten, uint64_t n, const float *dy, float *dx);

/** Drop or scale by 1 / (1 - rate): unit j in (c, h, w) order by word j mod 4 of draw j / 4. Backward is the same. */
void ref_dropout(const Layer *dropout, uint64_t n, uint64_t seed, uint32_t epoch, const int64_t *ids, const float *x,
		 float *y);

/** x = pixel scale + shift; pixels [count / c, c] */
void ref_normalise(const Net *net, size_t count, const uint8_t *pixels, float *x);

/** logits, prob [n, classes] */
void ref_softmax(uint64_t n, uint32_t classes, const float *logits, float *prob);

/**
 * Of one sample: the cross-entropy of softmax(logits) against target [classes], which sums to 1.
 *
 * @param weight   factor of the gradient, not of the result
 * @param dlogits  out, [classes]
 */
double ref_cross_entropy(uint32_t classes, const float *logits, const double *target, double weight, float *dlogits);

/** Index of the largest, the first of equal ones. */
uint32_t ref_argmax(uint32_t count, const float *values);

/**
 * One tensor, one step; the gradient is divided by weight first.
 *
 * @param decay  hyper's weight_decay where the tensor is decayed, else 0
 */
void ref_adam(const Hyper *hyper, size_t count, const float *gradient, double weight, double decay, float *m, float *v,
	      float *param);
void ref_sgd(const Hyper *hyper, size_t count, const float *gradient, double weight, double decay, float *velocity,
	     float *param);

/** average = rate average + (1 - rate) value */
void ref_average(double rate, size_t count, const float *value, float *average);

#endif
