/* cpu/plain/int8.c: prediction in bytes for any processor; the flags of this folder are in mk/build.mk. */
#define KERNELS_PLAIN
#include "cpu/kernels/bytes.h"

const KernelTable kernels_plain_int8 = {
	.name = "plain",
	.floats = &kernels_plain,
	KERNELS_OF_BYTES,
};
