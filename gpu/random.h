/* random.h: random/philox.h on the device, bit for bit. */
#ifndef FM_GPU_RANDOM_H
#define FM_GPU_RANDOM_H

#include <cuda_runtime.h>
#include <stdint.h>

/** Word `word` of random_words(key, draw, epoch, id). */
__device__ inline uint32_t
random_word(uint2 key, uint32_t draw, uint32_t epoch, uint64_t id, uint32_t word)
{
	uint32_t c0 = draw, c1 = epoch, c2 = static_cast<uint32_t>(id), c3 = static_cast<uint32_t>(id >> 32);

#pragma unroll
	for (int round = 0; round < 10; round++) {
		const uint32_t p = 0xD2511F53u * c0, q = 0xCD9E8D57u * c2;
		const uint32_t p_high = __umulhi(0xD2511F53u, c0), q_high = __umulhi(0xCD9E8D57u, c2);

		c0 = q_high ^ c1 ^ key.x;
		c1 = q;
		c2 = p_high ^ c3 ^ key.y;
		c3 = p;
		key.x += 0x9E3779B9u;
		key.y += 0xBB67AE85u;
	}
	return word == 0 ? c0 : word == 1 ? c1 : word == 2 ? c2 : c3;
}

#endif
