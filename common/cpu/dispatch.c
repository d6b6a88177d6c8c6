/* dispatch.c: asked once, when a backend opens. __builtin_cpu_supports looks at the system's state (XGETBV) too. */
#include "cpu/dispatch.h"

#include <stdlib.h>
#include <string.h>

typedef struct Candidate {
	const KernelTable *kernels;
	bool (*can_run)(void);
} Candidate;

static bool
always(void)
{
	return true;
}

#ifdef __x86_64__
static bool
has_avx2(void)
{
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static bool
has_avx512(void)
{
	return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
	       __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}
#endif

/* From what runs everywhere up to the fastest. */
static const Candidate candidates[] = {
	{ &kernels_plain, always },
#ifdef __x86_64__
	{ &kernels_avx2, has_avx2 },
	{ &kernels_avx512, has_avx512 },
#endif
};

enum { CANDIDATES = sizeof candidates / sizeof *candidates };

const KernelTable *
cpu_kernels(const BackendHost *host)
{
	const char *demanded = getenv("FM_CPU");
	const KernelTable *best = NULL, *found = NULL;

	for (int i = 0; i < CANDIDATES; i++) {
		if (!candidates[i].can_run())
			continue;
		best = candidates[i].kernels;
		if (demanded && strcmp(demanded, best->name) == 0)
			found = best;
	}
	if (!demanded || !*demanded)
		return best;
	if (!found)
		host->fail(STATUS_DEVICE, "FM_CPU is \"%s\", which this processor can't run; the most it can is %s",
			   demanded, best->name);
	return found;
}
