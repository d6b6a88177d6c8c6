/* source/pool.c: a ring of jobs; threads take places in order, one reader empties them in order. */
#include "source/pool.h"

#include "hash.h"
#include "memory.h"
#include "source/decoder.h"

#include <pthread.h>

/* free; the supplier is asked; decoded; done; nothing will come */
typedef enum Phase { PHASE_FREE, PHASE_TAKEN, PHASE_WORK, PHASE_DONE, PHASE_END } Phase;

typedef struct Place {
	Phase phase;
	Status status; /* of the end: STATUS_OK, or a failure, whose words are in job.reason */
	Job job;
} Place;

struct Pool {
	PoolSupplier supplier;
	Form form;
	uint64_t seed;
	size_t count; /* places */
	Place *places;
	size_t taken, read; /* places taken and emptied so far */
	bool is_ended;
	pthread_mutex_t ring, supply;
	pthread_cond_t changed;
	size_t thread_count;
	pthread_t *threads;
};

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
set_phase(Pool *pool, Place *place, Phase phase)
{
	pthread_mutex_lock(&pool->ring);
	place->phase = phase;
	if (phase == PHASE_DONE)
		pthread_cond_broadcast(&pool->changed);
	pthread_mutex_unlock(&pool->ring);
}

/* The next place, free; NULL when nothing more is wanted. */
static Place *
claim(Pool *pool)
{
	pthread_mutex_lock(&pool->ring);
	Place *place = &pool->places[pool->taken % pool->count];

	while (place->phase != PHASE_FREE && !pool->is_ended)
		pthread_cond_wait(&pool->changed, &pool->ring);
	if (pool->is_ended)
		place = NULL;
	else {
		place->phase = PHASE_TAKEN;
		pool->taken++;
	}
	pthread_mutex_unlock(&pool->ring);
	return place;
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
	pthread_cond_broadcast(&pool->changed);
	pthread_mutex_unlock(&pool->ring);
}

static void
unlock(void *mutex)
{
	pthread_mutex_unlock(mutex);
}

/* A place with the next job in it; NULL at the end. It may be cancelled while it waits for the supplier. */
static Place *
take(Pool *pool)
{
	volatile Status status = 0; /* across a cancellation's jump, as is place */
	Place *volatile place;

	pthread_mutex_lock(&pool->supply);
	pthread_cleanup_push(unlock, &pool->supply);
	place = claim(pool);
	if (place) {
		pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
		status = pool->supplier.next(pool->supplier.context, &place->job);
		pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
		if (status <= 0)
			end(pool, place, status);
	}
	pthread_cleanup_pop(1);
	return status > 0 ? place : NULL;
}

/* @return STATUS_OK, whether there is a picture or a reason; a failure of the whole */
static Status
work(const Pool *pool, Decoder *decoder, Job *job)
{
	Status status = pool->supplier.load(pool->supplier.context, job);

	if (status >= 0) {
		job->hash = XXH3_64bits_withSeed(job->data, job->size, pool->seed);
		status = decoder_run(decoder, job->data, job->size, &job->picture);
		if (status < 0)
			return status;
	}
	if (status <= 0)
		job->reason = memory_text(status_message());
	job->status = status ? status : STATUS_INPUT;
	free(job->data);
	job->data = NULL;
	return STATUS_OK;
}

static void *
run(void *argument)
{
	Pool *pool = argument;
	Decoder decoder = { .form = pool->form };
	Place *place;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	while ((place = take(pool))) {
		set_phase(pool, place, PHASE_WORK);
		Status status = work(pool, &decoder, &place->job);

		if (status < 0) {
			end(pool, place, status);
			break;
		}
		set_phase(pool, place, PHASE_DONE);
	}
	decoder_close(&decoder);
	return NULL;
}

Status
pool_open(Pool **opened, const PoolSupplier *supplier, const Form *form, int threads, uint64_t seed)
{
	Pool *pool = memory_zeroed(1, sizeof *pool);

	*pool = (Pool){ .supplier = *supplier, .form = *form, .seed = seed, .count = 4 * (size_t)threads };
	pool->places = memory_zeroed(pool->count, sizeof *pool->places);
	pool->threads = memory_zeroed((size_t)threads, sizeof *pool->threads);
	pthread_mutex_init(&pool->ring, NULL);
	pthread_mutex_init(&pool->supply, NULL);
	pthread_cond_init(&pool->changed, NULL);
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
	while (place->phase != PHASE_DONE && place->phase != PHASE_END)
		pthread_cond_wait(&pool->changed, &pool->ring);
	bool is_end = place->phase == PHASE_END;

	if (!is_end) {
		*job = place->job;
		place->job = (Job){ 0 };
		place->phase = PHASE_FREE;
		pool->read++;
		pthread_cond_broadcast(&pool->changed);
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
	Phase next = pool->places[pool->read % pool->count].phase;

	pthread_mutex_unlock(&pool->ring);
	return next == PHASE_FREE || next == PHASE_TAKEN;
}

void
pool_close(Pool *pool)
{
	pthread_mutex_lock(&pool->ring);
	pool->is_ended = true;
	pthread_cond_broadcast(&pool->changed);
	pthread_mutex_unlock(&pool->ring);
	for (size_t i = 0; i < pool->thread_count; i++)
		pthread_cancel(pool->threads[i]);
	for (size_t i = 0; i < pool->thread_count; i++)
		pthread_join(pool->threads[i], NULL);
	for (size_t i = 0; i < pool->count; i++)
		job_release(&pool->places[i].job);
	pthread_cond_destroy(&pool->changed);
	pthread_mutex_destroy(&pool->supply);
	pthread_mutex_destroy(&pool->ring);
	free(pool->places);
	free(pool->threads);
	free(pool);
}
