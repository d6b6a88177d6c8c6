/* cpu/avxvnni/int8.c: prediction in bytes for AVX-VNNI; the flags of this folder are in mk/build.mk. */
#include "cpu/kernels/bytes.h"

const KernelTable kernels_avxvnni = {
	.name = "avxvnni",
	.floats = &kernels_avx2,
	KERNELS_OF_BYTES,
};
