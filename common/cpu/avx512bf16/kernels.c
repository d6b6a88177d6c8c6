/* cpu/avx512bf16/kernels.c: the kernels for AVX-512 with bf16 products: activations and multiplied weights are bf16, sums are floats; the flags of this
 * folder are in mk/build.mk. */
#include "cpu/kernels/cells.h"
#include "cpu/kernels/first_back.h"

const KernelTable kernels_avx512bf16 = {
	.name = "avx512bf16",
	.floats = &kernels_avx512,
	KERNELS_OF_CELLS,
	.first = &first_kernels,
	.columns = columns_points,
};
