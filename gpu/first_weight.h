/* first_weight.h: the weights' derivative where windows are small, as a network's first convolution's are (1 or 3 channels).
 *
 * Shapes and layouts are convolution.h's. A product of few rows (16 of the seed's) and a depth of all pixels: bound by the bytes
 * of dy, which is read once, and by its FMA, in fp32 whatever the cells are. */
#ifndef FM_GPU_FIRST_WEIGHT_H
#define FM_GPU_FIRST_WEIGHT_H

#include "convolution.h"

/** A window of at most 28 numbers, 15 along a side, and eight of dy's channels at a time. None of direct.h's. */
bool first_has_weight(const Convolution &shape);

/** Floats of scratch that first_weight wants for n samples or fewer. */
size_t first_weight_room(const Convolution &shape, uint32_t n);

/**
 * dw = alpha times the weights' derivative, summed over samples
 *
 * @param partial  scratch, on 16 bytes: a sum for each slice of the pixels, whose bounds follow from the shape
 */
template <typename Cell>
void first_weight(Work &work, const Convolution &shape, uint32_t n, const Cell *x, const Cell *dy, float *partial, float alpha,
		  float *dw);

#endif
