/* choose.c: which instruction set warps. */
#include "pixel/kernel.h"

#include <stdlib.h>
#include <string.h>

typedef struct Candidate {
	const WarpKernel *kernel;
	bool (*can_run)(void);
} Candidate;

static bool
always(void)
{
	return true;
}

#ifdef __x86_64__
/* __builtin_cpu_supports asks the system, too, whether it keeps the registers. */
static bool
has_avx2(void)
{
	return __builtin_cpu_supports("avx2");
}

static bool
has_avx512(void)
{
	return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
	       __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}
#endif

/* From what runs everywhere up to the fastest. */
static const Candidate candidates[] = {
	{ &warp_plain, always },
#ifdef __x86_64__
	{ &warp_avx2, has_avx2 },
	{ &warp_avx512, has_avx512 },
#endif
};

/* Other rooms know more words; what begins with ours means ours, and for neon plain C is all there is. */
static bool
is_meant(const char *demanded, const WarpKernel *kernel)
{
#ifdef __aarch64__
	if (strcmp(demanded, "neon") == 0)
		return kernel == &warp_plain;
#endif
	return strcmp(demanded, kernel->name) == 0 ||
	       (strcmp(kernel->name, "avx2") == 0 && strcmp(demanded, "avxvnni") == 0) ||
	       (strcmp(kernel->name, "avx512") == 0 && strncmp(demanded, "avx512", 6) == 0);
}

Status
warp_choose(const WarpKernel **kernel, WarpSmall **small)
{
	const char *demanded = getenv("FM_CPU");
	const WarpKernel *best = NULL;

	*kernel = NULL;
	*small = NULL;
	for (size_t i = 0; i < sizeof candidates / sizeof *candidates; i++) {
		if (!candidates[i].can_run())
			continue;
		best = candidates[i].kernel;
		if (!demanded || !*demanded || is_meant(demanded, best))
			*kernel = best;
	}
	if (!*kernel)
		return fail(STATUS_DEVICE, "FM_CPU is \"%s\", which this processor can't run; the most it can is %s", demanded,
			    best->name);
#ifdef __x86_64__
	if (*kernel == &warp_avx512 && __builtin_cpu_supports("avx512vbmi"))
		*small = warp_small_avx512vbmi;
#endif
	return STATUS_OK;
}
