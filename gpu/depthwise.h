/* depthwise.h: convolutions in which each channel has its own filter: bound by bytes, so a thread an output.
 *
 * Shapes are convolution.h's with in.c = out.c; weights [kernel.h, kernel.w, c]. */
#ifndef FM_GPU_DEPTHWISE_H
#define FM_GPU_DEPTHWISE_H

#include "convolution.h"

template <typename Cell, typename Out>
void depthwise_forward(Work &work, const Convolution &shape, uint32_t n, const Cell *x, const Cell *weight, Out *y);

template <typename Cell>
void depthwise_input(Work &work, const Convolution &shape, uint32_t n, const Cell *dy, const Cell *weight, Cell *dx);

/** Floats of scratch that depthwise_weight wants. */
size_t depthwise_weight_room(const Convolution &shape, uint32_t n);

/** dw = alpha times the weights' derivative. @param partial  scratch: a sum for each tile of rows, added in order */
template <typename Cell>
void depthwise_weight(Work &work, const Convolution &shape, uint32_t n, const Cell *x, const Cell *dy, float *partial,
		      float alpha, float *dw);

#endif
