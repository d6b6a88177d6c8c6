/* threads/team.h: threads that share the tasks of one run after another. */
#ifndef FM_THREADS_TEAM_H
#define FM_THREADS_TEAM_H

#include <stddef.h>

typedef struct Team Team;

/** @param threads  at least 1, the calling one counted  @return NULL: no memory, or no more threads */
Team *team_open(int threads);
void team_close(Team *team);

/** How many run, the calling one counted. */
int team_threads(const Team *team);

/** One task of many; thread counts from 0 and says whose scratch memory may be used. */
typedef void TeamTask(void *context, size_t task, int thread);

/**
 * Run tasks 0 … count - 1, each once, in any order and on any of the threads, and wait for all. What a task computes must
 * not depend on the thread nor on other tasks of the same call; then results don't depend on how many threads there are.
 */
void team_run(Team *team, size_t count, TeamTask *task, void *context);

#endif
