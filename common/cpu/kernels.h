/* cpu/kernels.h: the loops that take the time, as each instruction set offers them.
 *
 * Activations are [image][row][pixel][channel] floats, channels padded with zeros to a multiple of 16, on 64 bytes. An
 * activation that a convolution reads has columns of zeros left and right of every row (its halo), so that no loop asks
 * whether a pixel is inside; rows above and below are left out by the loops over kernel rows. Weights lie in blocks of
 * output channels, [block][kernel row][kernel column][input channel][KernelTable.block], zero where channels end. */
#ifndef FM_CPU_KERNELS_H
#define FM_CPU_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CHANNEL_ALIGN = 16 };

/** Where a batch's pixels lie; strides in floats. */
typedef struct Grid {
	float *data; /* pixel (0, 0) of the first image */
	size_t pixel, row, image;
} Grid;

/** The window of a convolution. */
typedef struct Window {
	uint32_t in_h, in_w, out_h, out_w; /* pixels, halo not counted */
	uint32_t kernel_h, kernel_w, stride, pad_top, pad_left;
} Window;

/** y = x * weight (+ y) (+ bias), then perhaps ReLU; every sum runs over kernel rows, columns, channels in that order. */
typedef struct Conv {
	Window window;
	uint32_t n;	     /* images */
	uint32_t c;	     /* input channels: what one tap sums over */
	uint32_t lanes;	     /* output channels, a multiple of 16 */
	Grid x, y;
	const float *weight;
	size_t weight_block; /* floats from one block to the next */
	const float *bias;   /* [lanes], or NULL */
	bool is_added;	     /* to what y holds */
	bool is_relu;
} Conv;

/** dweight = the sum over images and pixels of x * dy (+ dweight), in the layout of the weights. */
typedef struct Wgrad {
	Window window;
	uint32_t n, c, lanes;
	Grid x, dy;
	float *dweight;
	size_t weight_block;
	bool is_added;
} Wgrad;

typedef enum PoolKind { POOL_MAX, POOL_AVERAGE } PoolKind;

/** A pool of one image's [in_h][in_w][lanes] to [out_h][out_w][lanes]. */
typedef struct Pool {
	PoolKind kind;
	uint32_t in_h, in_w, out_h, out_w, kernel_h, kernel_w, stride, lanes;
} Pool;

/** z = scale y + shift, then perhaps ReLU: batch norm, or a bias where scale is 1. All [lanes]. */
typedef struct Affine {
	const float *scale, *shift;
	bool is_relu;
} Affine;

typedef enum OptimiserKind { OPTIMISE_SGD, OPTIMISE_ADAM } OptimiserKind;

/** One step's constants, see optimiser.h. */
typedef struct OptimiserStep {
	OptimiserKind kind;
	float inverse_weight; /* gradient = summed gradient * this */
	float beta1, beta2;
	float rate;	   /* with the bias correction of m in it */
	float root_scale;  /* bias correction of sqrt(v) */
	float epsilon;
	float keep;	   /* 1 - rate * weight decay (AdamW) */
	float decay;	   /* added to the gradient times the weight (SGD) */
	float ema_rate;	   /* 0: none */
} OptimiserStep;

typedef struct KernelTable {
	const char *name;
	uint32_t block; /* output channels of a block of weights */

	void (*conv)(const Conv *conv, uint32_t first_block, uint32_t end_block);
	void (*wgrad)(const Wgrad *wgrad, uint32_t first_block, uint32_t end_block);

	/** Add the sums and the sums of squares of y[pixels][lanes] to sum[lanes], square[lanes]. */
	void (*moments)(const float *y, size_t pixels, uint32_t lanes, double *sum, double *square);

	/** z[pixels][lanes] = affine(y[pixels][lanes]) */
	void (*affine)(const Affine *affine, const float *y, float *z, size_t pixels, uint32_t lanes);

	/** Rows of out are out_row floats apart. */
	void (*pool)(const Pool *pool, const float *z, float *out, size_t out_row);
	/** dz = gradient of pool at z, g [out_h][out_w][lanes]; what a max pool passes goes to the first largest. */
	void (*pool_back)(const Pool *pool, const float *z, const float *g, float *dz);

	/** Add to first the sums of d and to second those of d (y - mean), d = dz where ReLU lets it pass. */
	void (*affine_sums)(const Affine *affine, const float *y, const float *dz, const float *mean, size_t pixels,
			    uint32_t lanes, double *first, double *second);
	/** dy = a d + b y + c, d = dz where ReLU lets it pass; coefficients: a, b, c of [lanes] each, one after another. */
	void (*affine_back)(const Affine *affine, const float *y, const float *dz, const float *coefficients, float *dy,
			    size_t pixels, uint32_t lanes);

	/** Update count floats, a multiple of 16. v is NULL for SGD, ema where there is none. */
	void (*optimise)(const OptimiserStep *step, size_t count, const float *gradient, float *param, float *m,
			 float *v, float *ema);
	/** to += from, or to = from; count a multiple of 16 */
	void (*add)(size_t count, float *to, const float *from);
} KernelTable;

extern const KernelTable kernels_plain;
#ifdef __x86_64__
extern const KernelTable kernels_avx2;
extern const KernelTable kernels_avx512;
#endif

#endif
