/* emulated.cc: gpu/ on the host, behind the same door as the plug-in. */
#include "gpu/under_test.h"

#include "cuda.h"
extern "C" {
#include "device/device.h"
}
#include "emulator.h"

#include <stdlib.h>

static const struct {
	EmulatorOrder order;
	bool is_eager;
	const char *name;
} ways[] = {
	{ EMULATOR_FORWARD, false, "threads forward" },
	{ EMULATOR_REVERSE, true, "threads in reverse, streams at once" },
	{ EMULATOR_RANDOM, false, "threads in random order" },
};

const BackendTable *
under_test(const char **)
{
	return &cuda_backend;
}

const BackendHost *
under_test_host(void)
{
	return device_host();
}

int
under_test_ways(void)
{
	return sizeof ways / sizeof *ways;
}

void
under_test_way(int way)
{
	emulator_order(ways[way].order);
	emulator_eager(ways[way].is_eager);
}

const char *
under_test_way_name(int way)
{
	return ways[way].name;
}

GraphCounts
under_test_graphs(void)
{
	const EmulatorCounts counts = emulator_counts();

	return GraphCounts{ counts.graphs_made, counts.graph_launches };
}

unsigned long long
under_test_launches(void)
{
	return emulator_counts().launches;
}

unsigned long long
under_test_memory(void)
{
	const EmulatorCounts counts = emulator_counts();

	return counts.device_bytes + counts.pinned_bytes;
}

bool
under_test_capability(int capability)
{
	emulator_device(static_cast<size_t>(1) << 30, capability);
	return true;
}

/* Loaded as a plug-in nobody can call these: then EMULATED_CAPABILITY and EMULATED_MEMORY (bytes) say what the device is. */
__attribute__((constructor)) static void
heed_environment(void)
{
	const char *capability = getenv("EMULATED_CAPABILITY"), *memory = getenv("EMULATED_MEMORY");

	emulator_device(memory ? strtoull(memory, nullptr, 10) : static_cast<size_t>(1) << 30, capability ? atoi(capability) : 80);
}

bool
under_test_damage(unsigned long long memory, bool is_lost)
{
	emulator_device(memory, 80);
	emulator_lose(is_lost);
	return true;
}
