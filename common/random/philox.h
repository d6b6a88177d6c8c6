/* random/philox.h: counter-based random numbers; the same question always has the same answer, on every machine.
 *
 * Philox4x32-10: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011. Key and counter: fm-tools(7). */
#ifndef FM_RANDOM_PHILOX_H
#define FM_RANDOM_PHILOX_H

#include <stdint.h>

typedef struct RandomKey {
	uint32_t k0, k1;
} RandomKey;

typedef struct RandomWords {
	uint32_t x[4];
} RandomWords;

/** The key of a purpose ("shuffle", "init conv1.weight"): XXH3-64 of its bytes, seeded with seed; low half first. */
RandomKey random_key(uint64_t seed, const char *purpose);

/** Four words for counter (draw, epoch, low half of id, high half of id); epoch 0 where there are none. */
RandomWords random_words(RandomKey key, uint32_t draw, uint32_t epoch, uint64_t id);

/** x0 + 2^32 x1 */
static inline uint64_t
random_u64(RandomWords words)
{
	return words.x[0] | (uint64_t)words.x[1] << 32;
}

/** In [0, 1), a multiple of 2^-24. */
static inline double
random_uniform(uint32_t word)
{
	return (word >> 8) * 0x1p-24;
}

#endif
