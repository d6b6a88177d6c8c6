/* partial.h: sums that were taken in parts, added up in one order, which follows from the shape. */
#ifndef FM_GPU_PARTIAL_H
#define FM_GPU_PARTIAL_H

#include "work.h"

/**
 * to[count] = alpha times the sum of partial[parts][count].
 *
 * @param partial  on 16 bytes
 * @param Sum      what is added up in: double where there may be a great many parts, else float
 */
template <typename Sum>
void partial_add(Work &work, uint32_t count, uint32_t parts, const float *partial, float alpha, float *to);

#endif
