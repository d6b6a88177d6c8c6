/* cpu/kernels/cells.h: the kernels of floats and bf16, and their table's common part; a folder's file is this and a name. */
#ifndef FM_CPU_KERNELS_CELLS_H
#define FM_CPU_KERNELS_CELLS_H

#include "cpu/kernels/conv.h"
#include "cpu/kernels/depthwise.h"
#include "cpu/kernels/dropout.h"
#include "cpu/kernels/pack.h"
#include "cpu/kernels/pointwise.h"
#include "cpu/kernels/residual.h"
#include "cpu/kernels/wgrad.h"

#define KERNELS_OF_CELLS                                                                                               \
	.block = BLOCK, .cell = sizeof(Cell), .conv = conv, .wgrad = wgrad, .depthwise = depthwise,                    \
	.depthwise_back = depthwise_back, .depthwise_wgrad = depthwise_wgrad, .moments = moments, .finish = finish,    \
	.finish_sum = finish_sum, .sum_back = sum_back, .sums = sums, .back = back, .store = store, .load = load,      \
	.affine = affine, .relu = relu, .relu_back = relu_back, .pool = pool, .pool_back = pool_back, .pack = pack,    \
	.pack_back = pack_back, .weight_point = weight_point, .weight_rows = weight_rows, .panel = panel,              \
	.optimise = optimise, .add = add, .add_scaled = add_scaled, .add_cells = add_cells, .draw = draw, .drop = drop

#endif
