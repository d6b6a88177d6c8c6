/* cpu/avx512vnni/int8.c: prediction in bytes for AVX-512 VNNI; the flags of this folder are in mk/build.mk. */
#include "cpu/kernels/bytes.h"

const KernelTable kernels_avx512vnni = {
	.name = "avx512vnni",
	.floats = &kernels_avx512,
	KERNELS_OF_BYTES,
};
