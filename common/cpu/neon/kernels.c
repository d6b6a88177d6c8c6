/* cpu/neon/kernels.c: the kernels for aarch64, every processor of which has NEON. */
#include "cpu/kernels/cells.h"
#include "cpu/kernels/winograd.h"

const KernelTable kernels_neon = {
	.name = "neon",
	.floats = &kernels_neon,
	KERNELS_OF_CELLS,
	.winograd = &winograd_kernels,
};
