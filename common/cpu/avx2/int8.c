/* cpu/avx2/int8.c: prediction in bytes for AVX2 without VNNI, whose products are made of 16 bits; the flags of this folder are in mk/build.mk. */
#include "cpu/kernels/bytes.h"

const KernelTable kernels_avx2_int8 = {
	.name = "avx2",
	.floats = &kernels_avx2,
	KERNELS_OF_BYTES,
};
