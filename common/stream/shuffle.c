/* stream/shuffle.c: an order that follows from seed, epoch and ids alone. */
#include "stream/shuffle.h"

#include "random/philox.h"

#include <inttypes.h>
#include <stdlib.h>

typedef struct Drawn {
	uint64_t random, position;
} Drawn;

/* What a sort of n samples needs. */
typedef struct Room {
	Drawn *drawn, *sorted; /* [n] */
	uint64_t *ends;	       /* [buckets + 1], zeroed */
} Room;

static int
by_random(const void *left, const void *right)
{
	const Drawn *a = left, *b = right;

	if (a->random != b->random)
		return a->random < b->random ? -1 : 1;
	return a->position < b->position ? -1 : a->position > b->position;
}

static void
room_release(Room *room)
{
	free(room->drawn);
	free(room->sorted);
	free(room->ends);
}

static Status
room_init(Room *room, uint64_t n, uint64_t buckets)
{
	*room = (Room){
		.drawn = reallocarray(NULL, n, sizeof *room->drawn),
		.sorted = reallocarray(NULL, n, sizeof *room->sorted),
		.ends = calloc(buckets + 1, sizeof *room->ends),
	};
	if (room->drawn && room->sorted && room->ends)
		return STATUS_OK;
	room_release(room);
	return fail(STATUS_IO, "no memory to shuffle %" PRIu64 " samples: that takes %" PRIu64 " MiB beside them", n,
		    (n / 1024 * 2 * sizeof(Drawn) + buckets / 1024 * sizeof(uint64_t)) / 1024 + 1);
}

/* Buckets of the upper bits; with as many as samples, half of them hold one or none. */
static int
bucket_shift(uint64_t n)
{
	int bits = 1;

	while (bits < 24 && n >> bits > 1)
		bits++;
	return 64 - bits;
}

/* Into buckets first, in order of position, then each by itself: four times as fast as one large sort. */
static void
sort(const Drawn *drawn, uint64_t n, int shift, uint64_t *ends, Drawn *sorted)
{
	uint64_t buckets = (uint64_t)1 << (64 - shift);

	for (uint64_t i = 0; i < n; i++)
		ends[(drawn[i].random >> shift) + 1]++;
	for (uint64_t i = 0; i < buckets; i++)
		ends[i + 1] += ends[i];
	for (uint64_t i = 0; i < n; i++)
		sorted[ends[drawn[i].random >> shift]++] = drawn[i];
	for (uint64_t i = 0, begin = 0; i < buckets; begin = ends[i++])
		if (ends[i] - begin > 1)
			qsort(sorted + begin, ends[i] - begin, sizeof *sorted, by_random);
}

Status
shuffle_order(uint64_t seed, uint32_t epoch, const int64_t *ids, uint64_t n, uint64_t *order)
{
	RandomKey key = random_key(seed, "shuffle");
	int shift = bucket_shift(n);
	Room room;
	Status status = n ? room_init(&room, n, (uint64_t)1 << (64 - shift)) : STATUS_OK;

	if (!n || status < 0)
		return status;
	for (uint64_t i = 0; i < n; i++)
		room.drawn[i] = (Drawn){ random_u64(random_words(key, 0, epoch, ids ? (uint64_t)ids[i] : i)), i };
	sort(room.drawn, n, shift, room.ends, room.sorted);
	for (uint64_t i = 0; i < n; i++)
		order[i] = room.sorted[i].position;
	room_release(&room);
	return STATUS_OK;
}
