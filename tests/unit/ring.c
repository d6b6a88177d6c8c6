/* ring.c: batches made by one thread and taken by another; run under ThreadSanitizer, because it has threads. */
#include "train/ring.h"
#include "unit/check.h"

#include <string.h>
#include <time.h>

enum { BATCHES = 500, MOST = 5, PICTURE = 12 };

static const About no_columns;
static volatile sig_atomic_t never;

typedef struct Counter {
	uint64_t made, last;
	Status end;
} Counter;

static void
wait_now_and_then(uint64_t i)
{
	const struct timespec little = { .tv_nsec = 200000 };

	if (i % 37 == 0)
		nanosleep(&little, NULL);
}

static Status
fill(void *context, Slot *slot)
{
	Counter *counter = context;

	if (counter->made == counter->last)
		return counter->end < 0 ? fail(counter->end, "made %lu", counter->made) : 0;
	wait_now_and_then(counter->made + 18);
	slot->n = 1 + counter->made % MOST;
	slot->epoch = counter->made++;
	memset(slot->pixels, (int)(slot->epoch & 255), slot->n * PICTURE);
	for (uint64_t i = 0; i < slot->n; i++) {
		slot->labels[i] = (int32_t)slot->epoch;
		slot->ids[i] = (int64_t)(slot->epoch * i);
	}
	return 1;
}

static Feed
feed_of(Counter *counter)
{
	return (Feed){
		.fill = fill, .context = counter, .batch_most = MOST, .picture_size = PICTURE, .about = &no_columns
	};
}

TEST(batches_come_in_order_and_whole)
{
	Counter counter = { .last = BATCHES };
	Feed feed = feed_of(&counter);
	Ring ring;
	Slot *slot;

	CHECK(ring_open(&ring, &feed) == STATUS_OK);
	for (uint64_t i = 0; i < BATCHES; i++) {
		CHECK(ring_take(&ring, &slot, &never) == 1);
		CHECK(slot->epoch == i && slot->n == 1 + i % MOST && slot->labels[slot->n - 1] == (int32_t)i);
		CHECK(slot->pixels[slot->n * PICTURE - 1] == (i & 255));
		wait_now_and_then(i);
		ring_give(&ring);
	}
	CHECK(ring_take(&ring, &slot, &never) == 0);
	CHECK(ring_take(&ring, &slot, &never) == 0, "again");
	ring_close(&ring);
}

TEST(a_failure_comes_after_the_batches_before_it)
{
	Counter counter = { .last = 3, .end = STATUS_INPUT };
	Feed feed = feed_of(&counter);
	Ring ring;
	Slot *slot;

	CHECK(ring_open(&ring, &feed) == STATUS_OK);
	for (int i = 0; i < 3; i++) {
		CHECK(ring_take(&ring, &slot, &never) == 1);
		ring_give(&ring);
	}
	CHECK(ring_take(&ring, &slot, &never) == STATUS_INPUT);
	CHECK(strcmp(status_message(), "made 3") == 0, "%s", status_message());
	ring_close(&ring);
}

TEST(a_ring_is_closed_at_any_time)
{
	for (int taken = 0; taken < 12; taken++) {
		Counter counter = { .last = BATCHES };
		Feed feed = feed_of(&counter);
		Ring ring;
		Slot *slot;

		CHECK(ring_open(&ring, &feed) == STATUS_OK);
		for (int i = 0; i < taken; i++) {
			CHECK(ring_take(&ring, &slot, &never) == 1);
			ring_give(&ring);
		}
		ring_close(&ring);
	}
}

int
main(void)
{
	RUN(batches_come_in_order_and_whole);
	RUN(a_failure_comes_after_the_batches_before_it);
	RUN(a_ring_is_closed_at_any_time);
	return check_done();
}
