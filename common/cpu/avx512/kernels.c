/* cpu/avx512/kernels.c: the kernels for AVX-512 (F, BW, VL, DQ); the flags of this
 * folder are in mk/build.mk. */
#include "cpu/kernels/cells.h"
#include "cpu/kernels/first_back.h"
#include "cpu/kernels/winograd.h"

const KernelTable kernels_avx512 = {
	.name = "avx512",
	.floats = &kernels_avx512,
	KERNELS_OF_CELLS,
	.first = &first_kernels,
	.winograd = &winograd_kernels,
};
