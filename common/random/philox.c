/* random/philox.c: Philox4x32 with ten rounds. */
#include "random/philox.h"

#include <string.h>
#include <xxhash.h>

RandomKey
random_key(uint64_t seed, const char *purpose)
{
	uint64_t hash = XXH3_64bits_withSeed(purpose, strlen(purpose), seed);

	return (RandomKey){ .k0 = (uint32_t)hash, .k1 = (uint32_t)(hash >> 32) };
}

/* The paper's constants: two multipliers, and the Weyl steps of the key (golden ratio, sqrt(3) - 1). */
RandomWords
random_words(RandomKey key, uint32_t draw, uint32_t epoch, uint64_t id)
{
	uint32_t c0 = draw, c1 = epoch, c2 = (uint32_t)id, c3 = (uint32_t)(id >> 32);

	for (int round = 0; round < 10; round++) {
		uint64_t p = 0xD2511F53ull * c0, q = 0xCD9E8D57ull * c2;

		c0 = (uint32_t)(q >> 32) ^ c1 ^ key.k0;
		c1 = (uint32_t)q;
		c2 = (uint32_t)(p >> 32) ^ c3 ^ key.k1;
		c3 = (uint32_t)p;
		key.k0 += 0x9E3779B9u;
		key.k1 += 0xBB67AE85u;
	}
	return (RandomWords){ { c0, c1, c2, c3 } };
}
