/* bench/roof.h: the most that this machine can multiply and add, with nothing else to do: what kernels are measured by. */
#ifndef FM_BENCH_ROOF_H
#define FM_BENCH_ROOF_H

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
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
/* Each loop keeps 24 independent sums in registers. @return operations done, an addition and a product being two */
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

__attribute__((target("avx512f,avx512vnni"))) static inline double
roof_vnni(void)
{
	__m512i sums[ROOF_SUMS], a = _mm512_set1_epi8(1);

#pragma GCC unroll 24
	for (int i = 0; i < ROOF_SUMS; i++)
		sums[i] = _mm512_setzero_si512();
	for (int step = 0; step < ROOF_STEPS; step++)
#pragma GCC unroll 24
		for (int i = 0; i < ROOF_SUMS; i++) {
			sums[i] = _mm512_dpbusd_epi32(sums[i], a, a);
			__asm__ volatile("" : "+v"(sums[i]));
		}
	return 2.0 * 64 * ROOF_SUMS * ROOF_STEPS;
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

/* What multiplies. Where a processor lacks it, the next best is measured. */
typedef enum Roof { ROOF_INT8, ROOF_BF16, ROOF_AVX512, ROOF_AVX2 } Roof;

/** The roof of what a backend says it has chosen ("cpu avx2 fp32"). */
static inline Roof
roof_of(const char *chosen)
{
	if (strstr(chosen, "int8"))
		return ROOF_INT8;
	if (strstr(chosen, "bf16"))
		return ROOF_BF16;
	return strstr(chosen, "avx2") ? ROOF_AVX2 : ROOF_AVX512;
}

typedef struct RoofLoop {
	pthread_t thread;
	Roof roof;
	double done;
} RoofLoop;

static inline void *
roof_loop(void *argument)
{
	RoofLoop *loop = argument;

#if defined(__x86_64__)
	if (loop->roof == ROOF_INT8 && __builtin_cpu_supports("avx512vnni"))
		loop->done = roof_vnni();
	else if (loop->roof == ROOF_BF16 && __builtin_cpu_supports("avx512bf16"))
		loop->done = roof_bf16();
	else if (loop->roof != ROOF_AVX2 && __builtin_cpu_supports("avx512f"))
		loop->done = roof_avx512();
	else if (__builtin_cpu_supports("avx2"))
		loop->done = roof_avx2();
#else
	loop->done = 0;
#endif
	return NULL;
}

/** Operations a second of so many threads at once; 0 on processors that no loop here is for. */
static inline double
roof_flops(int threads, Roof roof)
{
	RoofLoop *loops = calloc((size_t)threads, sizeof *loops);
	const double begin = roof_now(), share = roof_clock == CLOCK_MONOTONIC ? 1 : threads;
	double done = 0;

	for (int i = 0; i < threads; i++) {
		loops[i].roof = roof;
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
