/* plugin.c: on a GPU: the plug-in, found as the programs find it. */
#include "under_test.h"

#include "device/device.h"

const BackendTable *
under_test(const char **why)
{
	const BackendTable *table;
	const Status status = device_choose("cuda", &table, why);

	if (status < 0)
		*why = status_message();
	return status < 0 ? NULL : table;
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
under_test_memory(void)
{
	return 0;
}

bool
under_test_damage(unsigned long long memory, bool is_lost)
{
	(void)memory;
	(void)is_lost;
	return false;
}
