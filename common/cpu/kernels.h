/* cpu/kernels.h: the loops that take the time, as each instruction set offers them.
 *
 * Activations are [image][row][pixel][channel] cells, floats or bf16, channels padded with zeros to a multiple of 16, on
 * 64 bytes. An activation that a convolution reads has columns of zeros left and right of every row (its halo), so that
 * no loop asks whether a pixel is inside; rows above and below are left out by the loops over kernel rows.
 *
 * What is multiplied comes in words of 32 bits: a float, or two bf16 that lie next to each other along the sum, and are
 * multiplied and added together. For the forward pass and the input's gradient the two are neighbouring channels, which
 * lie so anyway; for the weights' gradient they are the same place in two images, so there are copies of activations in
 * pairs of images, [image / 2][row][pixel][channel][2]. Weights lie in blocks of output channels, [block][kernel
 * row][kernel column][input channels, by words][KernelTable.block], zero where channels end. */
#ifndef FM_CPU_KERNELS_H
#define FM_CPU_KERNELS_H

#include "random/philox.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	CHANNEL_ALIGN = 16,
	PANEL_LANES = 32, /* inputs of a dense layer whose weights' gradient is taken at once: a line of the cache in bf16 */
};

/** Where a batch's pixels lie; strides in words of what is read, in cells (or floats) of what is written. */
typedef struct Grid {
	void *data; /* pixel (0, 0) of the first image */
	size_t pixel, row, image;
} Grid;

enum { AHEADS = 5 };

/** What will be read soon after and has left the second-level cache; asked for a few lines at a time while others multiply. */
typedef struct Ahead {
	const void *data;
	size_t bytes; /* 0: nothing, nor in those that follow */
} Ahead;

/** The window of a convolution. */
typedef struct Window {
	uint32_t in_h, in_w, out_h, out_w; /* pixels, halo not counted */
	uint32_t kernel_h, kernel_w, stride, pad_top, pad_left;
} Window;

/** y = x * weight (+ y) (* scale) (+ bias), then perhaps ReLU; every sum runs over kernel rows, columns, channels in that order. */
typedef struct Conv {
	Window window;
	uint32_t rows_before, rows_after; /* of the output, at its top and bottom: somebody else's; pooled, rows_before is even */
	uint32_t n;	     /* images */
	uint32_t c;	     /* words of input channels: what one tap sums over */
	uint32_t lanes;	     /* output channels, a multiple of 16 */
	Grid x, y;
	size_t x_pixel_bytes; /* from one pixel of x to the next, where that is no whole word; 0: x.pixel */
	const void *weight;
	size_t weight_block; /* words from one block to the next */
	const float *scale;  /* [lanes]: of sums of bytes, NULL: written as they are; of other cells NULL */
	const float *bias;   /* [lanes], or NULL */
	const int32_t *start; /* points of bytes: [2][out_w][lanes], where sums begin; else NULL */
	size_t bias_pixel;   /* bytes: where not 0, every output pixel has its bias, so many floats from the last */
	double *sum, *square; /* [lanes], or NULL: added to, over what is written */
	Ahead ahead[AHEADS]; /* nothing of the convolution's own; pooled, it is not asked for */
	bool y_is_float;     /* else cells */
	bool is_added;	     /* to what y holds, which is floats then */
	bool is_relu;
	bool has_points; /* x holds points, see Columns */
	bool is_pooled; /* of every 2 x 2 the largest is written; windows stay inside the picture, a row of theirs is one tap */
} Conv;

/** dweight = the sum over images (or pairs of them) and pixels of x * dy (+ dweight), floats in the weights' layout. */
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

/** One image, each channel by itself, from and to grids of cells. Weights [kernel_h][kernel_w][lanes] floats. */
typedef struct Depthwise {
	Window window;
	uint32_t lanes;
	const float *weight;
	Grid x, y; /* strides in cells; going back y is dy and x receives its gradient */
	float *dweight; /* of the weights, added to */
	const float *bias; /* forward: [lanes], or NULL; then perhaps ReLU */
	bool is_relu;
	const float *zero; /* bytes: [lanes], what counts as 0 in x */
	bool y_is_float;   /* bytes: y, in elements as well */
} Depthwise;

/** From y to a stage's output: affine, then a pool whose windows don't overlap; or, finish_sum, affine and another image,
 * then ReLU. Second images are NULL where there is one. */
typedef struct Finish {
	Affine affine; /* bytes: scale may be NULL, for nothing but a pool */
	const Pool *pool; /* NULL, or a max pool with kernel_h = kernel_w = stride */
	uint32_t h, w, lanes; /* of y */
	const void *y[2];
	const void *other[2]; /* finish_sum: first pixel */
	size_t other_row;     /* cells */
	void *out[2];
	size_t out_row; /* cells, of out, and words of pairs */
	void *best[2];	/* pool: y of the largest, [out_h][out_w][lanes]; NULL: not wanted */
	void *pairs;	/* NULL: not wanted */
} Finish;

/** From the gradient of a stage's output, without gaps, to that of y: dy = a d + b y + c, d where ReLU and pool pass it. */
typedef struct Back {
	Affine affine;
	const float *coefficients; /* a, b, c: [lanes] each, one after another */
	const Pool *pool;
	uint32_t h, w, lanes;
	const void *y[2], *best[2], *dout[2];
	void *dy[2];   /* NULL: not wanted */
	size_t dy_row; /* cells */
	void *pairs;   /* [h][w][lanes] words, or NULL */
} Back;

/** The gradient of a sum, from that of the ReLU after it, in place: 0 where nothing passed. */
typedef struct SumBack {
	uint32_t h, w, lanes;
	const void *out; /* what ReLU let pass, first pixel; NULL: there was none */
	size_t out_row;	 /* cells */
	void *dout;	 /* [h][w][lanes] */
	void *other;	 /* [h][w][lanes], added to: the gradient of the other that was summed; NULL: not wanted */
} SumBack;

typedef struct Store {
	uint32_t h, w, lanes;
	const float *from[2]; /* without gaps */
	void *to[2];	      /* NULL: not wanted */
	size_t to_row, pairs_row;
	void *pairs;
} Store;

/** A first convolution, of stride 1 and followed by a 2 x 2 max pool, whose result is nowhere stored; see first.c. Its
 * pictures lie amid their padding, raw pixels 0 to 255 as cells (bf16 holds them) or int16: as planes [channel][row][column]
 * or mixed, [row][column][channel]; behind the last row are 64 elements more, of any value that is finite. */
typedef struct First {
	uint32_t h, w, channels; /* of the picture without padding */
	uint32_t kernel_h, kernel_w, pad_top, pad_left;
	uint32_t out_h, out_w, lanes; /* of the convolution */
	uint32_t run;		 /* words that a row of the kernel takes: kernel_w * channels by words */
	size_t row, plane;	 /* elements from one row of a plane to the next, and from plane to plane */
} First;

/** Forward: convolution, affine, pool. Which of a window won is kept as the kernels like it, 255 where ReLU lets none pass. */
typedef struct FirstForward {
	First shape;
	uint32_t n; /* images, 1 or 2 */
	const void *mixed[2];
	const void *weight; /* [block][kernel_h][run][KernelTable.block] */
	Affine affine;
	void *out[2];	 /* first pixel */
	size_t out_row;	 /* cells, of out, and words of pairs */
	uint8_t *winner[2]; /* [out_h / 2][out_w / 2][lanes] */
	void *pairs;	 /* NULL: not wanted */
} FirstForward;

/** Backward of one image: d of every window's winner times the picture that its taps saw. */
typedef struct FirstBack {
	First shape;
	const void *planes, *dout; /* dout: [out_h / 2][out_w / 2][lanes] cells */
	const uint8_t *winner;
	void *scratch; /* first_scratch() bytes */
	float *taps;   /* [kernel_h][kernel_w][channels][lanes], added to */
	float *total;  /* [lanes], added to: d alone */
} FirstBack;

typedef struct FirstKernels {
	/** planes may be NULL, or mixed where there is one channel. */
	void (*pictures)(const First *shape, const uint8_t *pixels, void *mixed, void *planes);
	void (*shorts)(const First *shape, const uint8_t *pixels, int16_t *planes);
	/**
	 * Add products of pixels that two taps see at once to `products` [classes of rows][kernel_h: rows apart]
	 * [kernel_w * channels][kernel_w * channels][16], pixels alone to `pixels` [classes][kernel_w * channels][16]; sums
	 * over the last dimension are what counts. Classes: the first kernel_h - 1 rows, all in between, the last
	 * kernel_h - 1.
	 */
	void (*gram)(const First *shape, const int16_t *planes, int32_t *products, int32_t *pixels);
	void (*forward)(const FirstForward *job);
	void (*back)(const FirstBack *job);
	size_t (*scratch)(const First *shape);
} FirstKernels;

enum { WINOGRAD_OUT = 4, WINOGRAD_IN = 6, WINOGRAD_POINTS = WINOGRAD_IN * WINOGRAD_IN };

/** One end of a 3x3 convolution of stride 1 by Winograd's F(4x4, 3x3), floats: from pixels to points, or back. Tiles of
 * WINOGRAD_OUT x WINOGRAD_OUT outputs are numbered image by image, row by row. */
typedef struct Winograd {
	Window window;
	uint32_t first, count; /* tiles */
	uint32_t lanes;	       /* channels, a multiple of 16 */
	Grid pixels;	       /* strides in floats: those read; or those written */
	float *points;	       /* [WINOGRAD_POINTS], `point` floats apart, of [count][lanes] */
	size_t point;
	const float *zeros;    /* in: [lanes] */
	const float *bias;     /* out: [lanes], or NULL */
	bool is_relu;	       /* out */
	bool is_pooled;	       /* out: of every 2 x 2 the largest is written */
} Winograd;

typedef struct WinogradKernels {
	void (*in)(const Winograd *job);
	void (*out)(const Winograd *job);
} WinogradKernels;

enum { COLUMN_POINTS = 4 };

/** Rows of bytes or bf16 to what a 3x3 convolution of stride 1 multiplies by Winograd's F(2, 3) down the columns. Two rows of
 * outputs see four rows a, b, c, d of x; their points are b + c, c - b, a - c and b - d, whose sums of products P, Q, A, D with
 * weights of their own make the upper row, P + Q + A, and the lower, P - Q + D. Bytes' points are
 *
 *	(b + c) / 2 rounded up, 128 + (c - b) / 2, 128 + (a - c) / 2 and 128 + (b - d) / 2 rounded down.
 *
 * A Conv that has_points does the rest: x.row is a point's row, x.image all points of a picture, weights are
 * [block][COLUMN_POINTS][3][c][block], P begins at start[0], Q at start[1]. Windows reach one column beyond the picture, no
 * more; bf16 is written as cells. */
typedef struct Columns {
	Window window;
	uint32_t lanes; /* a multiple of 16 */
	Grid x;		/* one picture, strides in cells; from pixel to pixel `lanes` */
	const void *outside; /* [in_w][lanes]: a row above or below the picture */
	void *points;	     /* [pairs of rows of outputs][COLUMN_POINTS, or 2][in_w][lanes] */
	bool has_two;	     /* bf16: b + c and c - b are wanted, no more */
} Columns;

typedef enum OptimiserKind { OPTIMISE_SGD, OPTIMISE_ADAM, OPTIMISE_FROZEN /* the average alone */ } OptimiserKind;

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
	size_t cell;	/* bytes */
	const struct KernelTable *floats; /* the same, for cells that are floats */

	void (*conv)(const Conv *conv, uint32_t first_block, uint32_t end_block);
	void (*wgrad)(const Wgrad *wgrad, uint32_t first_block, uint32_t end_block);

	/** y from x; x, a gradient, from y, a gradient; dweight from x and y, a gradient. */
	void (*depthwise)(const Depthwise *job);
	void (*depthwise_back)(const Depthwise *job);
	void (*depthwise_wgrad)(const Depthwise *job);

	/** Add the sums and the sums of squares of y[pixels][lanes] to sum[lanes], square[lanes]. */
	void (*moments)(const void *y, size_t pixels, uint32_t lanes, double *sum, double *square);

	/** One or two images from y to the stage's output. */
	void (*finish)(const Finish *finish);
	void (*finish_sum)(const Finish *finish);
	void (*sum_back)(const SumBack *job);
	/** Add to first the sums of d and to second those of d (y - mean), d = dz where ReLU lets it pass. */
	void (*sums)(const Affine *affine, const void *y, const void *dz, const float *mean, size_t pixels, uint32_t lanes,
		     double *first, double *second);
	/** One or two images from the gradient of the output to that of y. */
	void (*back)(const Back *back);

	/** Floats to cells, one or two images, and cells to floats. */
	void (*store)(const Store *store);
	void (*load)(size_t count, const void *cells, float *to);

	/** Floats alone: z[pixels][lanes] = affine(y[pixels][lanes]) */
	void (*affine)(const Affine *affine, const float *y, float *z, size_t pixels, uint32_t lanes);
	/** z = max(z, 0); and dz = 0 where z is not above 0. count a multiple of 16 */
	void (*relu)(size_t count, float *z);
	void (*relu_back)(size_t count, const float *z, float *dz);
	/** Any pool of one image; and dz, the gradient at z; what a max pool passes goes to the first largest. */
	void (*pool)(const Pool *pool, const float *z, float *out);
	void (*pool_back)(const Pool *pool, const float *z, const float *g, float *dz);

	/** Rows of weights [c][block] to words [c by words][block]. */
	void (*pack)(const float *weight, uint32_t c, void *words);
	/** One block of rows transposed: weight [block of c][block of out] of `columns` rows, out by words: the words of c. */
	void (*pack_back)(const float *weight, uint32_t columns, uint32_t outs, void *words);

	/** Weights of one of the points of columns, see columns.c, from those of the kernel's three rows; count a multiple of 16. */
	void (*weight_point)(uint32_t point, const float *const rows[3], size_t count, float *to);
	/** The gradient of the three rows from that of the points, as back_columns.c makes it. */
	void (*weight_rows)(size_t count, const float *const points[4], float *const rows[3]);

	/**
	 * `count` inputs (at most 32, a multiple of 16 but for the last) of n images, or as words of pairs of them, the last
	 * without partner perhaps: in: of the first image, `image` cells from one to the next; to: [images][PANEL_LANES] words.
	 */
	void (*panel)(const void *in, size_t image, uint32_t n, uint32_t count, void *to);

	/** Update count floats, a multiple of 16. v is NULL for SGD, ema where there is none. */
	void (*optimise)(const OptimiserStep *step, size_t count, const float *gradient, float *param, float *m,
			 float *v, float *ema);
	/** to += from; count a multiple of 16 */
	void (*add)(size_t count, float *to, const float *from);
	/** to += step * from, product and sum rounded each; floats as well */
	void (*add_scaled)(size_t count, float step, float *to, const float *from);
	/** The same as `add` of cells. */
	void (*add_cells)(size_t count, void *to, const void *from);

	/**
	 * Dropout: keep[i] = word j mod 4 of draw j / 4 >= threshold, j = first + i, first a multiple of 4; and z = z * scale
	 * where kept, else 0.
	 */
	void (*draw)(RandomKey key, uint32_t epoch, uint64_t id, uint32_t threshold, uint32_t first, uint32_t count,
		     uint8_t *keep);
	void (*drop)(size_t count, const uint8_t *keep, float scale, float *z);

	const FirstKernels *first; /* NULL: not offered */
	const WinogradKernels *winograd; /* NULL: not offered */
	void (*columns)(const Columns *job); /* NULL: not offered */
} KernelTable;

/** Kernels whose cells are bytes: activations 0 … 255, weights -127 … 127, sums of 32 bits, the same bits in every table.
 * They predict: what trains is missing. */
extern const KernelTable kernels_plain_int8;
#ifdef __x86_64__
extern const KernelTable kernels_avx2_int8;
extern const KernelTable kernels_avxvnni;
extern const KernelTable kernels_avx512vnni;
#endif
#ifdef __aarch64__
extern const KernelTable kernels_neon_int8;
#endif

extern const KernelTable kernels_plain;
#ifdef __x86_64__
extern const KernelTable kernels_avx2;
extern const KernelTable kernels_avx512;
extern const KernelTable kernels_avx512bf16;
#endif
#ifdef __aarch64__
extern const KernelTable kernels_neon;
#endif

#endif
