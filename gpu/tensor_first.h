/* tensor_first.h: tensor_forward of a picture's first convolution: 16-bit cells of few channels, stride 1, outputs as many
 * as inputs, a depth (taps times channels) of 64 at most. It is bound by the bytes of y, not by its few products.
 *
 * Weights and the pixels under a tile's windows lie in shared memory; a lane gathers its fragments cell by cell. */
#ifndef FM_GPU_TENSOR_FIRST_H
#define FM_GPU_TENSOR_FIRST_H

#include "direct_window.h"
#include "winners.h"
#include "work.h"

/** Arguments are tensor_forward's. @return false: no such shape, and nothing was queued */
template <typename Cell>
bool first_forward(Work &work, const DirectJob &job, const Cell *x, const Cell *weight, Cell *y, float2 *moments,
		   const Winners<Cell> &winners);

#endif
