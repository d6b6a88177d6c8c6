/* team.c: threads are OpenMP's; the order of events is told again in C11 atomics, which ThreadSanitizer understands even
 * where the OpenMP runtime was not built for it. */
#include "cpu/team.h"

#include <stdatomic.h>

typedef struct Team {
	TeamTask *task;
	void *context;
	size_t count;
	atomic_size_t next;
	atomic_int ready, done;
} Team;

static void
team_work(Team *team, int thread)
{
	size_t task;

	while ((task = atomic_fetch_add_explicit(&team->next, 1, memory_order_relaxed)) < team->count)
		team->task(team->context, task, thread);
}

void
team_run(int threads, size_t count, TeamTask *task, void *context)
{
	Team team = { .task = task, .context = context, .count = count };

	if ((size_t)threads > count)
		threads = (int)count;
	if (threads <= 1) {
		team_work(&team, 0);
		return;
	}
	Team *shared = &team;
	atomic_store_explicit(&team.ready, 1, memory_order_release);
#pragma omp parallel for num_threads(threads) schedule(static, 1) firstprivate(shared)
	for (int thread = 0; thread < threads; thread++) {
		(void)atomic_load_explicit(&shared->ready, memory_order_acquire);
		team_work(shared, thread);
		atomic_fetch_add_explicit(&shared->done, 1, memory_order_release);
	}
	(void)atomic_load_explicit(&team.done, memory_order_acquire);
}
