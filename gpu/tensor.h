/* tensor.h: direct.h's products by tensor cores (sm_80 and newer), with sums in fp32: bf16 and fp16 as they are stored, floats
 * rounded to TF32. Same tiles of 128 by 64 (or 32), same slices; a warp computes 32 rows of all columns.
 *
 * Operands lie in shared memory in 32-bit words along the depth: two cells of 16 bits, or a float. So one kernel does for
 * mma.m16n8k16 on 16 bits and for mma.m16n8k8 on TF32: words lie alike in their fragments. */
#ifndef FM_GPU_TENSOR_H
#define FM_GPU_TENSOR_H

#include "cell.h"
#include "direct_window.h"
#include "winners.h"
#include "work.h"

/** Words of depth at a time. */
enum { TENSOR_WORDS = 8 };

/** Cells in one. */
template <typename Cell> __host__ __device__ constexpr uint32_t word_cells(void) { return 4 / sizeof(Cell); }

/** As direct_forward; what tensor_patch.h and tensor_first.h are for goes there. */
template <typename Cell>
void tensor_forward(Work &work, const DirectJob &job, const Cell *x, const Cell *weight, Cell *y, float2 *moments,
		    const Winners<Cell> &winners);

/** The slices' sums, as direct_weight's kernel leaves them. */
template <typename Cell>
void tensor_weight(Work &work, const WeightJob &job, const dim3 &blocks, const Cell *x, const Cell *dy, float *partial);

#endif
