/* finish_vector.h: a stage's finish by 16 bytes of neighbouring channels a thread, for the shapes that most stages have: no
 * pool (or its winners), or 2x2 max pools on even sides; channels in fours (floats) or eights (16 bits); nothing dropped. */
#ifndef FM_GPU_FINISH_VECTOR_H
#define FM_GPU_FINISH_VECTOR_H

#include "finish.h"

/** finish_forward, the same numbers. @return false: nothing was queued, it isn't one of those shapes */
template <typename Cell>
bool finish_vector_forward(Work &work, const Finish &finish, const Cell *y, Cell *z, void *argmax);

/** finish_sums, in another order; not for 2x2 max pools, whose winners are rarely all there is to read. @return as above */
template <typename Cell>
bool finish_vector_sums(Work &work, const Finish &finish, const Cell *y, const Cell *dz, const float *mean,
			const float *inverse, float2 *partial);

/** finish_back, the same numbers. @return as above */
template <typename Cell>
bool finish_vector_back(Work &work, const Finish &finish, const Cell *y, const Cell *dz, const void *argmax,
			const NormBack &norm, Cell *dy, Cell *dadd);

#endif
