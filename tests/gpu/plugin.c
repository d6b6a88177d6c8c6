/* plugin.c: on a GPU: the plug-in, found as the programs find it. */
#include "under_test.h"

#include "device/gpu.h"

static GpuChoice choice;

const BackendTable *
under_test(const char **why)
{
	gpu_choose(&choice);
	*why = choice.why;
	return choice.table;
}

const BackendHost *
under_test_host(void)
{
	return &choice.host;
}

int
under_test_ways(void)
{
	return 1;
}

void
under_test_way(int way)
{
	(void)way;
}

const char *
under_test_way_name(int way)
{
	(void)way;
	return "GPU";
}

GraphCounts
under_test_graphs(void)
{
	return (GraphCounts){ 0 };
}

unsigned long long
under_test_launches(void)
{
	return 0;
}

unsigned long long
under_test_memory(void)
{
	return 0;
}

bool
under_test_capability(int capability)
{
	(void)capability;
	return false;
}

bool
under_test_damage(unsigned long long memory, bool is_lost)
{
	(void)memory;
	(void)is_lost;
	return false;
}
