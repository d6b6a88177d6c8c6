/* source/pool.c: a ring of jobs; threads take places in order, one reader empties them in order. */
#include "source/pool.h"

#include "hash.h"
#include "memory.h"
#include "source/decoder.h"

#include <pthread.h>

/* free; the supplier is asked; decoded; done; nothing will come */
enum { TAKEN_AT_ONCE = 8 };

typedef enum Phase { PHASE_TAKEN, PHASE_DONE, PHASE_END } Phase;

typedef struct Place {
	Phase phase;
	Status status; /* of the end: STATUS_OK, or a failure, whose words are in job.reason */
	Job job;
} Place;

struct Pool {
	PoolSupplier supplier;
	Form form;
	uint64_t seed;
	size_t at_once; /* places that a thread takes together */
	size_t count;	/* places */
	Place *places;
	size_t taken, read; /* places taken and emptied so far */
	bool is_ended;
	pthread_mutex_t ring, supply;
	pthread_cond_t filled, emptied;
	size_t thread_count;
	pthread_t *threads;
};

/* Places that one thread has taken, which follow each other in the ring. */
typedef struct Batch {
	size_t first, count;
} Batch;

static Place *
place_of(const Pool *pool, const Batch *batch, size_t i)
{
	return &pool->places[(batch->first + i) % pool->count];
}

void
job_release(Job *job)
{
	free(job->name);
	free(job->place);
	free(job->data);
	free(job->picture.pixels);
	free(job->reason);
	*job = (Job){ 0 };
}

static void
set_done(Pool *pool, const Batch *batch)
{
	pthread_mutex_lock(&pool->ring);
	for (size_t i = 0; i < batch->count; i++)
		if (place_of(pool, batch, i)->phase == PHASE_TAKEN)
			place_of(pool, batch, i)->phase = PHASE_DONE;
	pthread_cond_signal(&pool->filled);
	pthread_mutex_unlock(&pool->ring);
}

/* The next places; none when nothing more is wanted. */
static Batch
claim(Pool *pool)
{
	pthread_mutex_lock(&pool->ring);
	while (pool->taken - pool->read + pool->at_once > pool->count && !pool->is_ended)
		pthread_cond_wait(&pool->emptied, &pool->ring);
	Batch batch = { pool->taken, pool->is_ended ? 0 : pool->at_once };

	for (size_t i = 0; i < batch.count; i++)
		place_of(pool, &batch, i)->phase = PHASE_TAKEN;
	pool->taken += batch.count;
	pthread_mutex_unlock(&pool->ring);
	return batch;
}

static void
end(Pool *pool, Place *place, Status status)
{
	place->status = status;
	if (status < 0)
		place->job.reason = memory_text(status_message());
	pthread_mutex_lock(&pool->ring);
	pool->is_ended = true;
	place->phase = PHASE_END;
	pthread_cond_signal(&pool->filled);
	pthread_cond_broadcast(&pool->emptied);
	pthread_mutex_unlock(&pool->ring);
}

static void
unlock(void *mutex)
{
	pthread_mutex_unlock(mutex);
}

/* Have the supplier fill the places' jobs. @return how many; after fewer than there are places all is at its end */
static size_t
supply(Pool *pool, const Batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		Place *place = place_of(pool, batch, i);
		Status status = pool->supplier.next(pool->supplier.context, &place->job);

		if (status > 0)
			continue;
		end(pool, place, status);
		return i;
	}
	return batch->count;
}

/* Places with the next jobs in them; none at the end. It may be cancelled while it waits for the supplier: a jump past frames
 * that AddressSanitizer has marked, and on which it would stumble here. */
__attribute__((no_sanitize_address))
static Batch
take(Pool *pool)
{
	volatile size_t count = 0; /* across a cancellation's jump, as is batch */
	volatile Batch taken;
	Batch batch;

	pthread_mutex_lock(&pool->supply);
	pthread_cleanup_push(unlock, &pool->supply);
	batch = claim(pool);
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	count = supply(pool, &batch);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	taken = batch;
	pthread_cleanup_pop(1);
	return (Batch){ taken.first, count };
}

/* Nothing more will come of its file. */
static void
settle(Job *job, Status status)
{
	if (status <= 0)
		job->reason = memory_text(status_message());
	job->status = status ? status : STATUS_INPUT;
	free(job->data);
	job->data = NULL;
}

/* Read the files. What can't be read is settled: it has a reason, and no data. */
static void
load(const Pool *pool, const Batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		Job *job = &place_of(pool, batch, i)->job;
		Status status = pool->supplier.load(pool->supplier.context, job);

		if (status >= 0 && job->size > HELPER_FILE_MOST)
			status = fail(STATUS_INPUT, "a file of %zu bytes; expected at most %d", job->size, HELPER_FILE_MOST);
		if (status >= 0 && !job->data)
			job->data = memory_zeroed(1, 1); /* an empty file is sent like any other */
		if (status < 0)
			settle(job, status);
		else
			job->hash = XXH3_64bits_withSeed(job->data, job->size, pool->seed);
	}
}

/*
 * Send those that are not settled, from the first one on, as many as may be sent together, and take their answers. When
 * the decoder dies of one of several, nobody knows of which: is_alone then tries those without an answer one by one.
 *
 * @return 1 there may be more to send, 0 none, STATUS_IO
 */
static Status
decode_some(const Pool *pool, const Batch *batch, Decoder *decoder, bool *is_alone)
{
	Job *sent[TAKEN_AT_ONCE];
	size_t count = 0, bytes = 0;

	for (size_t i = 0; i < batch->count; i++) {
		Job *job = &place_of(pool, batch, i)->job;

		if (!job->data)
			continue;
		bytes += sizeof(uint64_t) + job->size;
		if (count && (*is_alone || bytes > HELPER_AT_ONCE))
			break;
		Status status = decoder_send(decoder, job->data, job->size);
		if (status < 0)
			return status;
		sent[count++] = job;
	}
	for (size_t i = 0; i < count; i++) {
		int got = decoder_take(decoder, &sent[i]->picture);

		if (got == DECODER_GONE && count > 1) {
			*is_alone = true;
			break;
		}
		settle(sent[i], got == DECODER_GONE ? 0 : got);
	}
	return count > 0;
}

/* @return 1, whether there are pictures or reasons; a failure of the whole */
static Status
work(const Pool *pool, const Batch *batch, Decoder *decoder)
{
	bool is_alone = false;
	Status status;

	load(pool, batch);
	while ((status = decode_some(pool, batch, decoder, &is_alone)) > 0)
		;
	return status;
}

static void *
run(void *argument)
{
	Pool *pool = argument;
	Decoder *decoder = memory_zeroed(1, sizeof *decoder);
	Batch batch;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	decoder->form = pool->form;
	while ((batch = take(pool)).count) {
		Status status = work(pool, &batch, decoder);

		if (status < 0) {
			end(pool, place_of(pool, &batch, 0), status);
			break;
		}
		set_done(pool, &batch);
	}
	decoder_close(decoder);
	free(decoder);
	return NULL;
}

Status
pool_open(Pool **opened, const PoolSupplier *supplier, const Form *form, int threads, uint64_t seed)
{
	Pool *pool = memory_zeroed(1, sizeof *pool);

	*pool = (Pool){ .supplier = *supplier, .form = *form, .seed = seed, .at_once = supplier->is_ready ? TAKEN_AT_ONCE : 1 };
	pool->count = (size_t)threads * (supplier->is_ready ? 2 * TAKEN_AT_ONCE : 4);
	pool->places = memory_zeroed(pool->count, sizeof *pool->places);
	pool->threads = memory_zeroed((size_t)threads, sizeof *pool->threads);
	pthread_mutex_init(&pool->ring, NULL);
	pthread_mutex_init(&pool->supply, NULL);
	pthread_cond_init(&pool->filled, NULL);
	pthread_cond_init(&pool->emptied, NULL);
	for (; pool->thread_count < (size_t)threads; pool->thread_count++)
		if (pthread_create(&pool->threads[pool->thread_count], NULL, run, pool))
			break;
	*opened = pool;
	if (pool->thread_count)
		return STATUS_OK;
	pool_close(pool);
	return fail(STATUS_IO, "no thread to decode pictures in");
}

Status
pool_next(Pool *pool, Job *job)
{
	Place *place = &pool->places[pool->read % pool->count];

	pthread_mutex_lock(&pool->ring);
	while (pool->read == pool->taken || place->phase == PHASE_TAKEN)
		pthread_cond_wait(&pool->filled, &pool->ring);
	bool is_end = place->phase == PHASE_END;

	if (!is_end) {
		*job = place->job;
		place->job = (Job){ 0 };
		pool->read++;
		if (pool->taken - pool->read + pool->at_once <= pool->count)
			pthread_cond_signal(&pool->emptied);
	}
	pthread_mutex_unlock(&pool->ring);
	if (!is_end)
		return 1;
	return place->status < 0 ? fail(place->status, "%s", place->job.reason) : 0;
}

bool
pool_is_idle(Pool *pool)
{
	pthread_mutex_lock(&pool->ring);
	bool is_idle = pool->read == pool->taken || pool->places[pool->read % pool->count].phase == PHASE_TAKEN;

	pthread_mutex_unlock(&pool->ring);
	return is_idle;
}

void
pool_close(Pool *pool)
{
	pthread_mutex_lock(&pool->ring);
	pool->is_ended = true;
	pthread_cond_broadcast(&pool->emptied);
	pthread_mutex_unlock(&pool->ring);
	for (size_t i = 0; i < pool->thread_count; i++)
		pthread_cancel(pool->threads[i]);
	for (size_t i = 0; i < pool->thread_count; i++)
		pthread_join(pool->threads[i], NULL);
	for (size_t i = 0; i < pool->count; i++)
		job_release(&pool->places[i].job);
	pthread_cond_destroy(&pool->filled);
	pthread_cond_destroy(&pool->emptied);
	pthread_mutex_destroy(&pool->supply);
	pthread_mutex_destroy(&pool->ring);
	free(pool->places);
	free(pool->threads);
	free(pool);
}
