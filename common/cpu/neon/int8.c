/* cpu/neon/int8.c: prediction in bytes for aarch64: products of 16 bits, added up in pairs. */
#include "cpu/kernels/bytes.h"

const KernelTable kernels_neon_int8 = {
	.name = "neon",
	.floats = &kernels_neon,
	KERNELS_OF_BYTES,
};
