/* norm.h: batch norm's statistics and derivatives: tiles of rows in fp32, tiles together in fp64, always in one order.
 *
 * Rows are samples times pixels: y [rows, c]. */
#ifndef FM_GPU_NORM_H
#define FM_GPU_NORM_H

#include "work.h"

/** Rows of y that a partial moment takes. */
enum { MOMENT_ROWS = 256 };

/** partial[ceil(rows / MOMENT_ROWS), c] = (mean, sum of squares about it) of each tile */
template <typename Y>
void norm_moments(Work &work, uint32_t rows, uint32_t c, const Y *y, float2 *partial);

/** A batch norm layer's numbers on the device; all [c]. */
struct Norm {
	const float *gamma, *beta;
	const float *bias;		       /* of the layer before, left out of y; NULL: none */
	float *scale, *shift;		       /* out: of the affine map, gamma / sqrt(variance + epsilon) and what goes with it */
	float *mean, *inverse;		       /* out: of y; inverse = 1 / sqrt(variance + epsilon) */
	float *batch_mean, *batch_variance;    /* out: what the running ones move to: bias counted, variance unbiased */
};

/** From partial moments of tile_rows rows each to everything in Norm. */
void norm_finish(Work &work, uint32_t rows, uint32_t tile_rows, uint32_t c, const float2 *partial, const Norm &norm);

/** Up to so many rows norm_statistics takes one kernel. */
enum { FEW_ROWS = 1024 };

/** From y to everything in Norm. @param partial  scratch, as norm_moments writes it */
template <typename Y>
void norm_statistics(Work &work, uint32_t rows, uint32_t c, const Y *y, float2 *partial, const Norm &norm);

/** Prediction: scale and shift of the running statistics, for a y without bias. */
void norm_fold(Work &work, uint32_t c, const float *running_mean, const float *running_variance, const Norm &norm);

/** What follows from the sums of finish_sums. */
struct NormDerivatives {
	const float *gamma, *inverse;	      /* gamma NULL: no batch norm, only dbeta (the bias's derivative) is wanted */
	float *dgamma, *dbeta;		      /* out, [c]; divided by loss_scale */
	float *a, *b, *shift;		      /* out, [c]: NormBack's; not divided */
	float loss_scale;
};

/** @param tiles  of partial; rows: of y, over which batch norm took its means */
void norm_derivatives(Work &work, uint32_t rows, uint32_t tiles, uint32_t c, const float2 *partial,
		      const NormDerivatives &norm);

#endif
