/* divide.h: from a flat index to places, without the 20 instructions that a division takes. */
#ifndef FM_GPU_DIVIDE_H
#define FM_GPU_DIVIDE_H

#include "launch.h"

#include <stdint.h>

/**
 * A divisor 1 … 2^31 - 1 for dividends below 2^31: quotient = (high half of magic * n, plus n) >> shift. Granlund and
 * Montgomery, "Division by invariant integers using multiplication", PLDI 1994.
 */
struct Divisor {
	uint32_t value, magic, shift;
};

inline Divisor
divisor_of(uint32_t value)
{
	Divisor divisor = { value, 0, 0 };

	while ((static_cast<uint64_t>(1) << divisor.shift) < value)
		divisor.shift++;
	divisor.magic = static_cast<uint32_t>(
		((static_cast<uint64_t>(1) << 32) * ((static_cast<uint64_t>(1) << divisor.shift) - value)) / value + 1);
	return divisor;
}

#ifdef FM_KERNELS

__device__ inline uint32_t
divide(uint32_t n, const Divisor &divisor)
{
	return (__umulhi(n, divisor.magic) + n) >> divisor.shift;
}

/** n / divisor; *rest = n % divisor */
__device__ inline uint32_t
divide(uint32_t n, const Divisor &divisor, uint32_t *rest)
{
	const uint32_t quotient = divide(n, divisor);

	*rest = n - quotient * divisor.value;
	return quotient;
}

#endif

#endif
