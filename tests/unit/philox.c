/* philox.c: the known answers of the Random123 library (kat_vectors, philox4x32 10), and keys. */
#include "random/philox.h"
#include "unit/check.h"

#include <string.h>
#include <xxhash.h>

static bool
answers(RandomKey key, uint32_t draw, uint32_t epoch, uint64_t id, RandomWords expected)
{
	RandomWords words = random_words(key, draw, epoch, id);

	return !memcmp(&words, &expected, sizeof words);
}

TEST(known_answers)
{
	CHECK(answers((RandomKey){ 0, 0 }, 0, 0, 0,
		      (RandomWords){ { 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 } }));
	CHECK(answers((RandomKey){ UINT32_MAX, UINT32_MAX }, UINT32_MAX, UINT32_MAX, UINT64_MAX,
		      (RandomWords){ { 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd } }));
	CHECK(answers((RandomKey){ 0xa4093822, 0x299f31d0 }, 0x243f6a88, 0x85a308d3, 0x0370734413198a2e,
		      (RandomWords){ { 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1 } }));
}

TEST(keys)
{
	RandomKey key = random_key(1, "init conv1.weight");
	uint64_t hash = XXH3_64bits_withSeed("init conv1.weight", 17, 1);

	CHECK(key.k0 == (uint32_t)hash && key.k1 == hash >> 32);
	CHECK(memcmp(&key, &(RandomKey){ 0 }, sizeof key));
	RandomKey other = random_key(2, "init conv1.weight");
	CHECK(memcmp(&key, &other, sizeof key));
}

TEST(conversions)
{
	RandomWords words = { { 1, 2, 3, 4 } };

	CHECK(random_u64(words) == 0x200000001);
	CHECK(random_uniform(0) == 0 && random_uniform(255) == 0);
	CHECK(random_uniform(UINT32_MAX) == 1 - 0x1p-24);
}

int
main(void)
{
	RUN(known_answers);
	RUN(keys);
	RUN(conversions);
	return check_done();
}
