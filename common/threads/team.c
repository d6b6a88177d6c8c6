/* team.c: threads that share the tasks of one run after another.
 *
 * Not OpenMP's: the end of a parallel region there waits for every thread of the team, so that on a busy machine one that
 * the system has not scheduled yet holds up all others, which spin meanwhile (measured at a load of four on two cores:
 * two threads at a tenth of the speed of one). Here nobody waits for a thread that has not begun: it finds the gate closed. */
#include "threads/team.h"

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SPINS = 1000 }; /* some 20 us: longer than what lies between two runs of one step */

#define GATE_OPEN 0x80000000u /* the other bits count the workers inside */

typedef struct Worker {
	Team *team;
	pthread_t thread;
	int number; /* from 1 */
} Worker;

struct Team {
	int threads; /* that run: workers + 1 */
	Worker *workers;
	_Atomic uint32_t generation; /* of runs; workers sleep on it */
	_Atomic uint32_t sleepers;
	_Atomic uint32_t gate; /* the caller sleeps on it */
	atomic_bool is_closing;
	TeamTask *task;
	void *context;
	size_t count;
	atomic_size_t next;
};

static void
pause_briefly(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/* Sleep while *word is value; may wake for nothing. */
static void
sleep_while(_Atomic uint32_t *word, uint32_t value)
{
	syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void
wake_all(_Atomic uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

static void
work(Team *team, int thread)
{
	size_t task;

	while ((task = atomic_fetch_add_explicit(&team->next, 1, memory_order_relaxed)) < team->count)
		team->task(team->context, task, thread);
}

/* ---- workers ---- */

static bool
enter(Team *team)
{
	uint32_t gate = atomic_load_explicit(&team->gate, memory_order_relaxed);

	while (gate & GATE_OPEN)
		if (atomic_compare_exchange_weak_explicit(&team->gate, &gate, gate + 1, memory_order_acquire,
							  memory_order_relaxed))
			return true;
	return false;
}

static void
leave(Team *team)
{
	if (atomic_fetch_sub_explicit(&team->gate, 1, memory_order_release) == 1)
		wake_all(&team->gate);
}

/* @return the generation that is not `seen` any more */
static uint32_t
await_generation(Team *team, uint32_t seen)
{
	for (int i = 0; i < SPINS; i++) {
		if (atomic_load(&team->generation) != seen)
			return atomic_load(&team->generation);
		pause_briefly();
	}
	atomic_fetch_add(&team->sleepers, 1);
	while (atomic_load(&team->generation) == seen)
		sleep_while(&team->generation, seen);
	atomic_fetch_sub(&team->sleepers, 1);
	return atomic_load(&team->generation);
}

static void *
worker_main(void *argument)
{
	Worker *worker = argument;
	Team *team = worker->team;
	uint32_t seen = 0;

	while (!atomic_load(&team->is_closing)) {
		if (enter(team)) {
			work(team, worker->number);
			leave(team);
		}
		seen = await_generation(team, seen);
	}
	return NULL;
}

/* ---- the caller ---- */

static void
announce(Team *team)
{
	atomic_fetch_add(&team->generation, 1);
	if (atomic_load(&team->sleepers))
		wake_all(&team->generation);
}

static void
await_workers(Team *team)
{
	uint32_t gate = atomic_fetch_and_explicit(&team->gate, ~GATE_OPEN, memory_order_acq_rel) & ~GATE_OPEN;

	for (int i = 0; gate; i++) {
		if (i < SPINS)
			pause_briefly();
		else
			sleep_while(&team->gate, gate);
		gate = atomic_load_explicit(&team->gate, memory_order_acquire);
	}
}

void
team_run(Team *team, size_t count, TeamTask *task, void *context)
{
	team->task = task;
	team->context = context;
	team->count = count;
	atomic_store_explicit(&team->next, 0, memory_order_relaxed);
	if (team->threads > 1 && count > 1) {
		atomic_store_explicit(&team->gate, GATE_OPEN, memory_order_release);
		announce(team);
	}
	work(team, 0);
	await_workers(team);
}

int
team_threads(const Team *team)
{
	return team->threads;
}

Team *
team_open(int threads)
{
	Team *team = calloc(1, sizeof *team);
	Worker *workers = calloc((size_t)threads, sizeof *workers);

	if (!team || !workers) {
		free(team);
		free(workers);
		return NULL;
	}
	team->workers = workers;
	for (team->threads = 1; team->threads < threads; team->threads++) {
		Worker *worker = &workers[team->threads];
		*worker = (Worker){ .team = team, .number = team->threads };
		if (pthread_create(&worker->thread, NULL, worker_main, worker)) {
			team_close(team);
			return NULL;
		}
	}
	return team;
}

void
team_close(Team *team)
{
	if (!team)
		return;
	atomic_store(&team->is_closing, true);
	announce(team);
	for (int i = 1; i < team->threads; i++)
		pthread_join(team->workers[i].thread, NULL);
	free(team->workers);
	free(team);
}
