/* bench/roof.h: the most that this machine can multiply and add, with nothing else to do: what kernels are measured by. */
#ifndef FM_BENCH_ROOF_H
#define FM_BENCH_ROOF_H

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum { ROOF_SUMS = 24, ROOF_STEPS = 200000 };

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

typedef struct RoofLoop {
	pthread_t thread;
	bool is_bf16;
	double done;
} RoofLoop;

static inline void *
roof_loop(void *argument)
{
	RoofLoop *loop = argument;

#if defined(__x86_64__)
	if (loop->is_bf16)
		loop->done = roof_bf16();
	else if (__builtin_cpu_supports("avx512f"))
		loop->done = roof_avx512();
	else if (__builtin_cpu_supports("avx2"))
		loop->done = roof_avx2();
#endif
	return NULL;
}

/** Floating-point operations a second of so many threads at once. */
static inline double
roof_flops(int threads, bool is_bf16)
{
	RoofLoop *loops = calloc((size_t)threads, sizeof *loops);
	const double begin = roof_now(), share = roof_clock == CLOCK_MONOTONIC ? 1 : threads;
	double done = 0;

	for (int i = 0; i < threads; i++) {
		loops[i].is_bf16 = is_bf16;
		if (i + 1 == threads || pthread_create(&loops[i].thread, NULL, roof_loop, &loops[i]))
			roof_loop(&loops[i]);
	}
	for (int i = 0; i < threads; i++) {
		if (i + 1 < threads)
			pthread_join(loops[i].thread, NULL);
		done += loops[i].done;
	}
	done *= share / (roof_now() - begin);
	free(loops);
	return done;
}

#endif
