/* bench/roof.h: the most that this machine can multiply and add, with nothing else to do: what kernels are measured by. */
#ifndef FM_BENCH_ROOF_H
#define FM_BENCH_ROOF_H

#include <stdbool.h>
#include <time.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum { ROOF_SUMS = 24, ROOF_STEPS = 60000 };

/* On a machine that others use too, CLOCK_PROCESS_CPUTIME_ID counts only what was ours. */
static clockid_t roof_clock = CLOCK_MONOTONIC;

static inline double
roof_now(void)
{
	struct timespec now;

	clock_gettime(roof_clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

#if defined(__x86_64__)
/* Each loop keeps 24 independent sums in registers. @return floating-point operations done */
__attribute__((target("avx512f"))) static inline double
roof_avx512(void)
{
	__m512 sums[ROOF_SUMS], a = _mm512_set1_ps(1), b = _mm512_set1_ps(1e-9f);

#pragma GCC unroll 24
	for (int i = 0; i < ROOF_SUMS; i++)
		sums[i] = _mm512_setzero_ps();
	for (int step = 0; step < ROOF_STEPS; step++)
#pragma GCC unroll 24
		for (int i = 0; i < ROOF_SUMS; i++) {
			sums[i] = _mm512_fmadd_ps(a, b, sums[i]);
			__asm__ volatile("" : "+v"(sums[i]));
		}
	return 2.0 * 16 * ROOF_SUMS * ROOF_STEPS;
}

__attribute__((target("avx512f,avx512bf16"))) static inline double
roof_bf16(void)
{
	__m512 sums[ROOF_SUMS];
	__m512bh a = (__m512bh)_mm512_set1_epi16(0x3f80), b = a;

#pragma GCC unroll 24
	for (int i = 0; i < ROOF_SUMS; i++)
		sums[i] = _mm512_setzero_ps();
	for (int step = 0; step < ROOF_STEPS; step++)
#pragma GCC unroll 24
		for (int i = 0; i < ROOF_SUMS; i++) {
			sums[i] = _mm512_dpbf16_ps(sums[i], a, b);
			__asm__ volatile("" : "+v"(sums[i]));
		}
	return 2.0 * 32 * ROOF_SUMS * ROOF_STEPS;
}

__attribute__((target("avx2,fma"))) static inline double
roof_avx2(void)
{
	__m256 sums[12], a = _mm256_set1_ps(1), b = _mm256_set1_ps(1e-9f);

#pragma GCC unroll 12
	for (int i = 0; i < 12; i++)
		sums[i] = _mm256_setzero_ps();
	for (int step = 0; step < 2 * ROOF_STEPS; step++)
#pragma GCC unroll 12
		for (int i = 0; i < 12; i++) {
			sums[i] = _mm256_fmadd_ps(a, b, sums[i]);
			__asm__ volatile("" : "+x"(sums[i]));
		}
	return 2.0 * 8 * 12 * 2 * ROOF_STEPS;
}
#endif

static inline double
roof_loop(bool is_bf16)
{
#if defined(__x86_64__)
	if (is_bf16)
		return roof_bf16();
	if (__builtin_cpu_supports("avx512f"))
		return roof_avx512();
	if (__builtin_cpu_supports("avx2"))
		return roof_avx2();
#endif
	(void)is_bf16;
	return 0;
}

/** Floating-point operations a second of so many threads at once. */
static inline double
roof_flops(int threads, bool is_bf16)
{
	double done = 0;
	const double begin = roof_now(), share = roof_clock == CLOCK_MONOTONIC ? 1 : threads;

#pragma omp parallel num_threads(threads) reduction(+ : done)
	done += roof_loop(is_bf16);
	return done * share / (roof_now() - begin);
}

#endif
