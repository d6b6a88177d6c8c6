/* threads.c: what the machine, the mask, the control group and the user allow. */
#include "cli/threads.h"

#include "cli/message.h"
#include "cli/options.h"
#include "machine/cgroup.h"
#include "machine/memory.h"

#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

enum { PROCESSORS_MOST = 1 << 16, THREADS_MOST = 1 << 16 };

/* Processors of the affinity mask. */
static int
affinity_count(void)
{
	cpu_set_t *mask = CPU_ALLOC(PROCESSORS_MOST);
	size_t size = CPU_ALLOC_SIZE(PROCESSORS_MOST);
	int count = 1;

	if (mask && sched_getaffinity(0, size, mask) == 0)
		count = CPU_COUNT_S(size, mask);
	CPU_FREE(mask);
	return count > 0 ? count : 1;
}

static int
threads_of_environment(const char *text)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (text[0] < '0' || text[0] > '9' || *end || value < 1 || value > THREADS_MOST)
		must(fail(STATUS_USAGE, "the environment's FM_THREADS wants a whole number from 1 to %d, not \"%s\"",
			  THREADS_MOST, text));
	return (int)value;
}

int
threads_default(uint64_t asked)
{
	const char *text = getenv("FM_THREADS");

	if (asked)
		return asked < THREADS_MOST ? (int)asked : THREADS_MOST;
	if (text && *text)
		return threads_of_environment(text);
	int count = affinity_count();
	double quota = cgroup_processors("");
	/* a quota of one and a half keeps two threads busy three quarters of the time */
	if (quota < count)
		count = quota > 1 ? (int)ceil(quota) : 1;
	return count;
}

uint64_t
memory_default(uint64_t asked)
{
	return asked || cli_given("memory") ? asked : memory_share();
}
