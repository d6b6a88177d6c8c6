/* cpu/avx512/kernels.c: the kernels for AVX-512 (F, BW, VL, DQ); the flags of this
 * folder are in mk/build.mk. */
#include "cpu/kernels/conv.h"
#include "cpu/kernels/depthwise.h"
#include "cpu/kernels/first_back.h"
#include "cpu/kernels/pack.h"
#include "cpu/kernels/pointwise.h"
#include "cpu/kernels/residual.h"
#include "cpu/kernels/wgrad.h"

const KernelTable kernels_avx512 = {
	.name = "avx512",
	.block = BLOCK,
	.cell = sizeof(Cell),
	.floats = &kernels_avx512,
	.conv = conv,
	.wgrad = wgrad,
	.depthwise = depthwise,
	.depthwise_back = depthwise_back,
	.depthwise_wgrad = depthwise_wgrad,
	.moments = moments,
	.finish = finish,
	.finish_sum = finish_sum,
	.sum_back = sum_back,
	.sums = sums,
	.back = back,
	.store = store,
	.load = load,
	.affine = affine,
	.relu = relu,
	.relu_back = relu_back,
	.pool = pool,
	.pool_back = pool_back,
	.pack = pack,
	.pack_back = pack_back,
	.panel = panel,
	.optimise = optimise,
	.add = add,
	.add_scaled = add_scaled,
	.add_cells = add_cells,
	.first = &first_kernels,
};
