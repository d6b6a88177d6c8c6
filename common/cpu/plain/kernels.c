/* cpu/plain/kernels.c: the kernels for any 64-bit machine; the flags of this
 * folder are in mk/build.mk. */
#define KERNELS_PLAIN
#include "cpu/kernels/conv.h"
#include "cpu/kernels/depthwise.h"
#include "cpu/kernels/pack.h"
#include "cpu/kernels/pointwise.h"
#include "cpu/kernels/residual.h"
#include "cpu/kernels/wgrad.h"

const KernelTable kernels_plain = {
	.name = "plain",
	.block = BLOCK,
	.cell = sizeof(Cell),
	.floats = &kernels_plain,
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
};
