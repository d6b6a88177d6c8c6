/* memory.c: what the machine has free, and what the control group leaves of it. */
#include "machine/memory.h"

#include "machine/cgroup.h"

#include <stdio.h>

#define MEMORY_LEAST ((uint64_t)64 << 20)

/* Bytes that could be used without swapping. */
static uint64_t
available_memory(void)
{
	FILE *in = fopen("/proc/meminfo", "re");
	char line[256];
	unsigned long long kilobytes = 0;

	if (!in)
		return 0;
	while (fgets(line, sizeof line, in) && sscanf(line, "MemAvailable: %llu kB", &kilobytes) != 1)
		;
	fclose(in);
	return (uint64_t)kilobytes << 10;
}

uint64_t
memory_share(void)
{
	uint64_t available = available_memory(), group = cgroup_memory("");
	uint64_t share = (group < available ? group : available) / 4;

	return share > MEMORY_LEAST ? share : MEMORY_LEAST;
}
