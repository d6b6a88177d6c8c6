/* tensor_patch.h: tensor_forward of what the hot convolutions are: 16-bit cells, stride 1, outputs as many as inputs.
 *
 * There a tap is the same pixel so many pixels on, in all pictures one after the other. The pixels under a tile's windows,
 * its patch, are brought to shared memory once for all taps, 16 or 32 channels at a time; the weights of a tap follow in
 * three stages. Both are copied ahead (async.h). A lane whose tap is beyond the picture's edge reads a row of zeros. */
#ifndef FM_GPU_TENSOR_PATCH_H
#define FM_GPU_TENSOR_PATCH_H

#include "direct_window.h"
#include "winners.h"
#include "work.h"

/** Arguments are tensor_forward's. @return false: no such shape, or weights or x not on 16 bytes (tensors before them whose numbers
 *  aren't in eights), or a picture too wide for shared memory: nothing was queued */
template <typename Cell>
bool patch_forward(Work &work, const DirectJob &job, const Cell *x, const Cell *weight, Cell *y, float2 *moments,
		   const Winners<Cell> &winners);

#endif
