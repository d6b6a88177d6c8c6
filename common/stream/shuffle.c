/* stream/shuffle.c: an order that follows from seed, epoch and ids alone. */
#include "stream/shuffle.h"

#include "memory.h"
#include "random/philox.h"

typedef struct Drawn {
	uint64_t random, position;
} Drawn;

static int
by_random(const void *left, const void *right)
{
	const Drawn *a = left, *b = right;

	if (a->random != b->random)
		return a->random < b->random ? -1 : 1;
	return a->position < b->position ? -1 : a->position > b->position;
}

void
shuffle_order(uint64_t seed, uint32_t epoch, const int64_t *ids, uint64_t n, uint64_t *order)
{
	RandomKey key = random_key(seed, "shuffle");
	Drawn *drawn = memory_zeroed(n, sizeof *drawn);

	for (uint64_t i = 0; i < n; i++)
		drawn[i] = (Drawn){ random_u64(random_words(key, 0, epoch, ids ? (uint64_t)ids[i] : i)), i };
	qsort(drawn, n, sizeof *drawn, by_random);
	for (uint64_t i = 0; i < n; i++)
		order[i] = drawn[i].position;
	free(drawn);
}
