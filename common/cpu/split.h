/* cpu/split.h: one image's work shared by threads: what there is to share when there is one image. */
#ifndef FM_CPU_SPLIT_H
#define FM_CPU_SPLIT_H

#include "cpu/kernels.h"
#include "threads/team.h"

/**
 * As kernels->conv over all blocks; by several threads, in blocks of channels and bands of rows, where the work is more
 * than what it costs to call them. The same bits in any case.
 *
 * @param team  NULL: by this thread
 */
void split_conv(Team *team, const KernelTable *kernels, const Conv *conv, uint32_t blocks);

#endif
