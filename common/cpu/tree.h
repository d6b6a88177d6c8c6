/* cpu/tree.h: sums over slices, always in the same order. */
#ifndef FM_CPU_TREE_H
#define FM_CPU_TREE_H

#include <stddef.h>
#include <stdint.h>

/** rows[0] = the sum of rows[slices][count]: neighbours first, then neighbours' sums. The other rows are used up. */
static inline void
tree_add(double *rows, uint32_t slices, size_t count)
{
	for (uint32_t gap = 1; gap < slices; gap *= 2)
		for (uint32_t i = 0; i + gap < slices; i += 2 * gap)
			for (size_t j = 0; j < count; j++)
				rows[i * count + j] += rows[(i + gap) * count + j];
}

#endif
