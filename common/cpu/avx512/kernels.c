/* cpu/avx512/kernels.c: the kernels for AVX-512 (F, BW, VL, DQ); the flags of this folder are in mk/build.mk. */
#include "cpu/kernels/conv.h"
#include "cpu/kernels/pointwise.h"
#include "cpu/kernels/wgrad.h"

const KernelTable kernels_avx512 = {
	.name = "avx512",
	.block = BLOCK,
	.conv = conv,
	.wgrad = wgrad,
	.moments = moments,
	.affine = affine,
	.pool = pool,
	.pool_back = pool_back,
	.affine_sums = affine_sums,
	.affine_back = affine_back,
	.optimise = optimise,
	.add = add,
};
