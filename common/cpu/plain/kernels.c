/* cpu/plain/kernels.c: the kernels for any 64-bit machine; the flags of this
 * folder are in mk/build.mk. */
#define KERNELS_PLAIN
#include "cpu/kernels/cells.h"
#include "cpu/kernels/winograd.h"

const KernelTable kernels_plain = {
	.name = "plain",
	.floats = &kernels_plain,
	KERNELS_OF_CELLS,
	.winograd = &winograd_kernels,
};
