/* ring.c: a thread that fills slots, a loop that empties them. */
#include "train/ring.h"

#include "memory.h"

#include <sched.h>
#include <string.h>
#include <time.h>

enum {
	SLOTS_LEAST = 2,
	SLOTS_MOST = 8,
	RING_SIZE = 32 << 20, /* bytes; more only where SLOTS_LEAST batches need more */
	WAIT_MS = 50,	      /* between looks at the stop flag, which can't signal a condition */
};

static size_t
count_slots(const Feed *feed)
{
	size_t fitting = RING_SIZE / ((size_t)feed->batch_most * feed->picture_size);

	return fitting < SLOTS_LEAST ? SLOTS_LEAST : fitting > SLOTS_MOST ? SLOTS_MOST : fitting;
}

static void
release_slots(Ring *ring)
{
	for (size_t i = 0; i < ring->slot_count; i++) {
		free(ring->slots[i].pixels);
		free(ring->slots[i].rows);
		free(ring->slots[i].affine);
		free(ring->slots[i].tone);
		free(ring->slots[i].erase);
		free(ring->slots[i].labels);
		free(ring->slots[i].ids);
		free(ring->slots[i].label_b);
		free(ring->slots[i].lambda);
		consumed_release(&ring->slots[i].after);
	}
	free(ring->slots);
}

static bool
make_transforms(Slot *slot, const Feed *feed)
{
	slot->affine = reallocarray(NULL, feed->batch_most, 6 * sizeof *slot->affine);
	slot->tone = reallocarray(NULL, feed->batch_most, 2 * sizeof *slot->tone);
	slot->erase = reallocarray(NULL, feed->batch_most, 5 * sizeof *slot->erase);
	return slot->affine && slot->tone && slot->erase;
}

static bool
make_slot(Slot *slot, const Feed *feed)
{
	bool is_made = !feed->is_moved || make_transforms(slot, feed);

	if (feed->is_held)
		slot->rows = reallocarray(NULL, feed->batch_most, sizeof *slot->rows);
	else
		slot->pixels = reallocarray(NULL, feed->batch_most, feed->picture_size);
	slot->labels = reallocarray(NULL, feed->batch_most, sizeof *slot->labels);
	slot->ids = reallocarray(NULL, feed->batch_most, sizeof *slot->ids);
	consumed_init(&slot->after, feed->about);
	if (feed->is_mixed) {
		slot->label_b = reallocarray(NULL, feed->batch_most, sizeof *slot->label_b);
		slot->lambda = reallocarray(NULL, feed->batch_most, sizeof *slot->lambda);
	}
	return is_made && (slot->pixels || slot->rows) && slot->labels && slot->ids &&
	       (!feed->is_mixed || (slot->label_b && slot->lambda));
}

static Status
make_slots(Ring *ring)
{
	const Feed *feed = &ring->feed;

	ring->slot_count = count_slots(feed);
	ring->slots = memory_zeroed(ring->slot_count, sizeof *ring->slots);
	for (size_t i = 0; i < ring->slot_count; i++)
		if (!make_slot(&ring->slots[i], feed))
			return fail_errno("memory for %zu batches of %u pictures; use a smaller --batch",
					  ring->slot_count, feed->batch_most);
	return STATUS_OK;
}

/* A full ring is filled again when it is half empty: to be woken for every batch costs whoever computes more than the batch. */
static size_t
enough(const Ring *ring)
{
	return ring->slot_count / 2;
}

/* waits for an empty one; NULL: the ring is closing */
static Slot *
next_empty(Ring *ring)
{
	Slot *slot = NULL;

	pthread_mutex_lock(&ring->mutex);
	while (ring->filled == ring->slot_count && !ring->is_closing)
		do
			pthread_cond_wait(&ring->changed, &ring->mutex);
		while (!ring->is_closing && ring->filled > enough(ring));
	if (!ring->is_closing)
		slot = &ring->slots[(ring->first + ring->filled) % ring->slot_count];
	pthread_mutex_unlock(&ring->mutex);
	return slot;
}

static void
hand_over(Ring *ring, Status status)
{
	pthread_mutex_lock(&ring->mutex);
	ring->filled += status > 0;
	if (status <= 0) {
		ring->message = memory_text(status_message());
		ring->end = status;
	}
	pthread_cond_broadcast(&ring->changed);
	pthread_mutex_unlock(&ring->mutex);
}

/* What is made ahead is not urgent: threads that compute together are not to be interrupted for it at once. */
static void
stand_back(void)
{
	struct sched_param parameters;
	int policy;

	if (!pthread_getschedparam(pthread_self(), &policy, &parameters) && policy == SCHED_OTHER)
		(void)pthread_setschedparam(pthread_self(), SCHED_BATCH, &parameters);
}

static void *
fill_slots(void *argument)
{
	Ring *ring = argument;
	Status status = 1;

	stand_back();
	while (status > 0) {
		Slot *slot = next_empty(ring);

		if (!slot)
			break;
		status = ring->feed.fill(ring->feed.context, slot);
		hand_over(ring, status);
	}
	return NULL;
}

static Status
start_thread(Ring *ring)
{
	pthread_condattr_t attributes;
	int error;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_mutex_init(&ring->mutex, NULL);
	pthread_cond_init(&ring->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	error = pthread_create(&ring->thread, NULL, fill_slots, ring);
	if (error)
		return fail(STATUS_IO, "a thread for reading: %s", strerror(error));
	return STATUS_OK;
}

Status
ring_open(Ring *ring, const Feed *feed)
{
	Status status;

	*ring = (Ring){ .feed = *feed, .end = 1 };
	status = make_slots(ring);
	if (status >= 0)
		status = start_thread(ring);
	if (status < 0)
		release_slots(ring);
	return status;
}

static void
wait_a_little(Ring *ring)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += WAIT_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_cond_timedwait(&ring->changed, &ring->mutex, &until);
}

Status
ring_take(Ring *ring, Slot **slot, const volatile sig_atomic_t *stop)
{
	Status status = 1;

	pthread_mutex_lock(&ring->mutex);
	while (!*stop && !ring->filled && ring->end > 0)
		wait_a_little(ring);
	if (ring->filled)
		*slot = &ring->slots[ring->first];
	else
		status = ring->end > 0 ? STATUS_INTERRUPTED : ring->end;
	pthread_mutex_unlock(&ring->mutex);
	if (status == STATUS_INTERRUPTED)
		return fail(status, "interrupted");
	return status < 0 ? fail(status, "%s", ring->message) : status;
}

void
ring_give(Ring *ring)
{
	pthread_mutex_lock(&ring->mutex);
	ring->first = (ring->first + 1) % ring->slot_count;
	if (--ring->filled == enough(ring))
		pthread_cond_broadcast(&ring->changed);
	pthread_mutex_unlock(&ring->mutex);
}

void
ring_close(Ring *ring)
{
	pthread_mutex_lock(&ring->mutex);
	ring->is_closing = true;
	pthread_cond_broadcast(&ring->changed);
	pthread_mutex_unlock(&ring->mutex);
	pthread_join(ring->thread, NULL);
	pthread_mutex_destroy(&ring->mutex);
	pthread_cond_destroy(&ring->changed);
	free(ring->message);
	release_slots(ring);
	*ring = (Ring){ 0 };
}
