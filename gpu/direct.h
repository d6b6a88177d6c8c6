/* direct.h: convolutions as matrix products whose windows are read where they lie (implicit GEMM), in fp32 arithmetic.
 *
 * Shapes and layouts are convolution.h's. A block computes 128 pixels x 64 (or 32) channels, a thread 8 x 8 (8 x 4) of them,
 * 8 deep at a time: per 8 of depth a thread loads 8 + 4 cells, stores as many to shared memory, reads 16 x 16 bytes of it
 * and multiplies and adds 512 times: 4 FLOP a byte of shared memory, 16 FLOP a byte of L2. */
#ifndef FM_GPU_DIRECT_H
#define FM_GPU_DIRECT_H

#include "convolution.h"
#include "winners.h"

/** Rows that a partial moment of direct_forward takes, as MOMENT_ROWS for norm_moments. */
enum { DIRECT_ROWS = 128 };

/** Outputs are written four at a time, weights read so. `weight`: the tensor's offset in its vector */
bool direct_has_forward(const Convolution &shape, size_t weight);
/** Winners of a 2x2 pool: height and width even. */
bool direct_has_winners(const Convolution &shape);
/** Stride 1, and eight of dy's channels at a time. */
bool direct_has_input(const Convolution &shape);
/** Eight input channels at a time, and enough of them that a tile isn't mostly empty. */
bool direct_has_weight(const Convolution &shape);

/**
 * @param y        NULL: only the winners are wanted
 * @param moments  out: as norm_moments in tiles of DIRECT_ROWS, of y before rounding; or NULL. With winners a tile has 32
 *                 windows instead of 128 neighbours
 */
template <typename Cell>
void direct_forward(Work &work, const Convolution &shape, uint32_t n, const Cell *x, const Cell *weight, Cell *y,
		    float2 *moments, const Winners<Cell> &winners);

/** @param turned  scratch, as large as the weights, on 16 bytes */
template <typename Cell>
void direct_input(Work &work, const Convolution &shape, uint32_t n, const Cell *dy, const Cell *weight, Cell *turned,
		  Cell *dx);

/** Floats of scratch that direct_weight wants for n samples. */
size_t direct_weight_room(const Convolution &shape, uint32_t n);

/** @param partial  scratch: a sum for each slice of the pixels, added in order */
template <typename Cell>
void direct_weight(Work &work, const Convolution &shape, uint32_t n, const Cell *x, const Cell *dy, float *partial,
		   float alpha, float *dw);

#endif
