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

static bool
has_avx512bf16(void)
{
	return has_avx512() && __builtin_cpu_supports("avx512bf16");
}
#endif

/* From what runs everywhere up to the fastest. */
static const Candidate candidates[] = {
	{ &kernels_plain, always },
#ifdef __x86_64__
	{ &kernels_avx2, has_avx2 },
	{ &kernels_avx512, has_avx512 },
	{ &kernels_avx512bf16, has_avx512bf16 },
#endif
};

enum { CANDIDATES = sizeof candidates / sizeof *candidates };

/* The most that runs here, or the one demanded. @return NULL after host->fail */
static const KernelTable *
most_capable(const BackendHost *host)
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

const KernelTable *
cpu_kernels(const BackendHost *host, Precision precision, bool is_training)
{
	const KernelTable *kernels = most_capable(host);

	if (!kernels)
		return NULL;
	if (precision == PRECISION_FP32 || (precision == PRECISION_AUTO && !is_training))
		return kernels->floats;
	if (precision == PRECISION_BF16 && kernels->floats == kernels) {
		host->fail(STATUS_DEVICE, "bf16 needs a processor with AVX-512 BF16; this is %s: use --precision fp32",
			   kernels->name);
		return NULL;
	}
	return kernels;
}

int
cpu_sets(const char *names[static CPU_SETS_MOST])
{
	int count = 0;

	_Static_assert((int)CANDIDATES <= (int)CPU_SETS_MOST, "room for every instruction set");
	for (int i = 0; i < CANDIDATES; i++)
		if (candidates[i].can_run())
			names[count++] = candidates[i].kernels->name;
	return count;
}
