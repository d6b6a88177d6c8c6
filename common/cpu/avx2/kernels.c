/* cpu/avx2/kernels.c: the kernels for AVX2 and FMA; the flags of this
 * folder are in mk/build.mk. */
#include "cpu/kernels/cells.h"
#include "cpu/kernels/winograd.h"

const KernelTable kernels_avx2 = {
	.name = "avx2",
	.floats = &kernels_avx2,
	KERNELS_OF_CELLS,
	.winograd = &winograd_kernels,
};
