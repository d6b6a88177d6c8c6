/* dispatch.c: asked once, when a backend opens. __builtin_cpu_supports looks at the system's state (XGETBV) too. */
#include "cpu/dispatch.h"

#ifdef __x86_64__
#include <cpuid.h>
#endif
#include <stdlib.h>
#include <string.h>

/* What a processor may have. FM_CPU names one of them; where it has no kernels for a precision, those before it do. */
typedef struct Candidate {
	const char *name;
	bool (*can_run)(void);
	const KernelTable *kernels; /* for floats or bf16, or NULL */
	const KernelTable *bytes;   /* for int8, or NULL */
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
has_avxvnni(void)
{
	unsigned a, b, c, d;

	/* older compilers' __builtin_cpu_supports doesn't know it; the registers are AVX2's */
	return has_avx2() && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & 1u << 4);
}

static bool
has_avx512vnni(void)
{
	return has_avx512() && __builtin_cpu_supports("avx512vnni");
}

static bool
has_avx512bf16(void)
{
	return has_avx512() && __builtin_cpu_supports("avx512bf16");
}
#endif

/* From what runs everywhere up to the fastest. */
static const Candidate candidates[] = {
	{ "plain", always, &kernels_plain, &kernels_plain_int8 },
#ifdef __x86_64__
	{ "avx2", has_avx2, &kernels_avx2, &kernels_avx2_int8 },
	{ "avxvnni", has_avxvnni, NULL, &kernels_avxvnni },
	{ "avx512", has_avx512, &kernels_avx512, NULL },
	{ "avx512vnni", has_avx512vnni, NULL, &kernels_avx512vnni },
	{ "avx512bf16", has_avx512bf16, &kernels_avx512bf16, NULL },
#endif
#ifdef __aarch64__
	{ "neon", always, &kernels_neon, &kernels_neon_int8 },
#endif
};

enum { CANDIDATES = sizeof candidates / sizeof *candidates };

/* The most that runs here, or what is demanded. @return -1 after host->fail */
static int
most_capable(const BackendHost *host)
{
	const char *demanded = getenv("FM_CPU");
	int best = 0, found = -1;

	for (int i = 0; i < CANDIDATES; i++) {
		if (!candidates[i].can_run())
			continue;
		best = i;
		if (demanded && strcmp(demanded, candidates[i].name) == 0)
			found = i;
	}
	if (!demanded || !*demanded)
		return best;
	if (found < 0)
		host->fail(STATUS_DEVICE, "FM_CPU is \"%s\", which this processor can't run; the most it can is %s",
			   demanded, candidates[best].name);
	return found;
}

/* The first from there downwards that has kernels: plain has them all. */
static const KernelTable *
kernels_from(int i, bool of_bytes)
{
	for (;; i--) {
		const KernelTable *kernels = of_bytes ? candidates[i].bytes : candidates[i].kernels;
		if (kernels && candidates[i].can_run())
			return kernels;
	}
}

const KernelTable *
cpu_kernels(const BackendHost *host, Precision precision, bool is_training)
{
	const int most = most_capable(host);
	const KernelTable *kernels;

	if (most < 0)
		return NULL;
	kernels = kernels_from(most, precision == PRECISION_INT8);
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
			names[count++] = candidates[i].name;
	return count;
}
