/* cli/threads.h: how many threads, how much memory, when nobody says. */
#ifndef FM_CLI_THREADS_H
#define FM_CLI_THREADS_H

#include <stdint.h>

/** @param asked  --threads, 0 = not given: FM_THREADS, else the affinity mask cut by the cgroup's cpu.max. @return >= 1 */
int threads_default(uint64_t asked);

/** @param asked  --memory in bytes; where that is not on the command line: a quarter of what is free, the cgroup's limit respected. */
uint64_t memory_default(uint64_t asked);

#endif
