/* patch_weight.h: the weights' derivative where convolutions are hot: 16-bit cells, stride 1, outputs as many as inputs, by
 * tensor cores. There a tap is the same pixel so many pixels on, in all pictures one after the other.
 *
 * dw[tap][in][out] = sum over pixels of x[pixel + tap][in] dy[pixel][out]: a block has nine taps of 32 x 64 channels and a
 * slice of the pixels, so x and dy come to shared memory once for all nine; 2 FLOP for 1/96 byte of L2, and its halo, and 11 reads of 512
 * bytes of shared memory for 36 mma.sync. */
#ifndef FM_GPU_PATCH_WEIGHT_H
#define FM_GPU_PATCH_WEIGHT_H

#include "convolution.h"

/** Slices of the pixels, and so of `partial`, that patch_weight takes at most. @return 0: no such shape */
uint32_t patch_weight_slices(const Convolution &shape, uint32_t n);

/**
 * Queue the slices' sums.
 *
 * @param partial  out: [slices][kernel.h, kernel.w, in.c][out.c]
 * @return slices; 0: no such shape or cells, and nothing was queued
 */
template <typename Cell>
uint32_t patch_weight(Work &work, const Convolution &shape, uint32_t n, const Cell *x, const Cell *dy, float *partial);

#endif
