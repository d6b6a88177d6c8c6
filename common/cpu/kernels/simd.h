/* cpu/kernels/simd.h: one vector of floats, as wide as the instruction set that this object is compiled for.
 *
 * Included by the kernels of each folder, never by anything else: what it defines differs from object to object. */
#ifndef FM_CPU_KERNELS_SIMD_H
#define FM_CPU_KERNELS_SIMD_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__) && !defined(KERNELS_PLAIN)
#define KERNELS_NEON
#include <arm_neon.h>
#endif

#define INLINE static inline __attribute__((always_inline))
#define PRAGMA_(text) _Pragma(#text)
/* Arrays of vectors stay in registers only where every index is a constant: gcc knows once loops over them are unrolled,
 * zeroing and storing included; clang looks too early, so that hot loops are written out by REPEAT, DO(i) with what i it
 * concerns as a condition that is a constant. */
#if defined(__clang__)
#define UNROLL(n) PRAGMA_(clang loop unroll(full))
#define UNROLL_IF_FIXED(n) /* clang does, and warns where it is told and can't */
#else
#define UNROLL(n) PRAGMA_(GCC unroll n)
#define UNROLL_IF_FIXED(n) PRAGMA_(GCC unroll n)
#endif
#define REPEAT_8(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7)
#define REPEAT_13(DO) REPEAT_8(DO) DO(8) DO(9) DO(10) DO(11) DO(12)
#define REPEAT_14(DO) REPEAT_13(DO) DO(13)
enum { REPEAT_MOST = 14 };
/* Compilers see that neighbouring taps read the same addresses, keep the values and run out of registers; a pointer
 * that has passed through here could be anything. Costs no instruction. */
#define FORGET(pointer) __asm__ volatile("" : "+r"(pointer))

#if defined(__AVX512F__)

#define LANES 16
#define TILE_PIXELS 14	 /* 2 x 14 sums, 2 weights, 1 broadcast: 31 of 32 registers */
#define TILE_CHANNELS 8 /* 2 x 8 sums of a weight gradient */
typedef __m512 Vec;

INLINE Vec vec_load(const float *p) { return _mm512_loadu_ps(p); }
INLINE void vec_store(float *p, Vec a) { _mm512_storeu_ps(p, a); }
INLINE Vec vec_set(float a) { return _mm512_set1_ps(a); }
INLINE Vec vec_fma(Vec a, Vec b, Vec c) { return _mm512_fmadd_ps(a, b, c); }
INLINE Vec vec_max(Vec a, Vec b) { return _mm512_max_ps(a, b); }
INLINE Vec vec_sqrt(Vec a) { return _mm512_sqrt_ps(a); }
/* x where a > b, else 0 */
INLINE Vec vec_where_greater(Vec a, Vec b, Vec x)
{
	return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(a, b, _CMP_GT_OQ), x);
}
/* x where a > b, else y */
INLINE Vec vec_choose_greater(Vec a, Vec b, Vec x, Vec y)
{
	return _mm512_mask_mov_ps(y, _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ), x);
}
/* x where a = b, else 0 */
INLINE Vec vec_where_equal(Vec a, Vec b, Vec x)
{
	return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ), x);
}

#elif defined(__AVX2__)

#define LANES 8
#define TILE_PIXELS 6 /* 12 sums, 2 weights, 1 broadcast: 15 of 16 registers */
#define TILE_CHANNELS 6
typedef __m256 Vec;

INLINE Vec vec_load(const float *p) { return _mm256_loadu_ps(p); }
INLINE void vec_store(float *p, Vec a) { _mm256_storeu_ps(p, a); }
INLINE Vec vec_set(float a) { return _mm256_set1_ps(a); }
INLINE Vec vec_fma(Vec a, Vec b, Vec c) { return _mm256_fmadd_ps(a, b, c); }
INLINE Vec vec_max(Vec a, Vec b) { return _mm256_max_ps(a, b); }
INLINE Vec vec_sqrt(Vec a) { return _mm256_sqrt_ps(a); }
INLINE Vec vec_where_greater(Vec a, Vec b, Vec x) { return _mm256_and_ps(_mm256_cmp_ps(a, b, _CMP_GT_OQ), x); }
INLINE Vec vec_where_equal(Vec a, Vec b, Vec x) { return _mm256_and_ps(_mm256_cmp_ps(a, b, _CMP_EQ_OQ), x); }
INLINE Vec vec_choose_greater(Vec a, Vec b, Vec x, Vec y)
{
	return _mm256_blendv_ps(y, x, _mm256_cmp_ps(a, b, _CMP_GT_OQ));
}

#else /* four lanes in plain vector extensions: any 64-bit machine; with what NEON has beyond them, or SSE2 */

#define LANES 4
typedef float Vec __attribute__((vector_size(16)));
typedef int32_t VecMask __attribute__((vector_size(16)));

INLINE Vec vec_load(const float *p) { Vec a; memcpy(&a, p, sizeof a); return a; }
INLINE void vec_store(float *p, Vec a) { memcpy(p, &a, sizeof a); }
INLINE Vec vec_set(float a) { return (Vec){a, a, a, a}; }
INLINE Vec vec_where_greater(Vec a, Vec b, Vec x) { return (Vec)((VecMask)x & (VecMask)(a > b)); }
INLINE Vec vec_where_equal(Vec a, Vec b, Vec x) { return (Vec)((VecMask)x & (VecMask)(a == b)); }
INLINE Vec vec_choose_greater(Vec a, Vec b, Vec x, Vec y)
{
	VecMask m = (VecMask)(a > b);
	return (Vec)(((VecMask)x & m) | ((VecMask)y & ~m));
}
#if defined(KERNELS_NEON)
#define TILE_PIXELS 12 /* 24 of 32 registers */
#define TILE_CHANNELS 8
INLINE Vec vec_fma(Vec a, Vec b, Vec c) { return (Vec)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b); }
INLINE Vec vec_max(Vec a, Vec b) { return (Vec)vmaxq_f32((float32x4_t)a, (float32x4_t)b); }
INLINE Vec vec_sqrt(Vec a) { return (Vec)vsqrtq_f32((float32x4_t)a); }
#elif defined(__x86_64__)
#define TILE_PIXELS 6
#define TILE_CHANNELS 5
INLINE Vec vec_fma(Vec a, Vec b, Vec c) { return a * b + c; }
INLINE Vec vec_max(Vec a, Vec b) { return (Vec)_mm_max_ps((__m128)a, (__m128)b); }
INLINE Vec vec_sqrt(Vec a) { return (Vec)_mm_sqrt_ps((__m128)a); }
#else
#define TILE_PIXELS 6
#define TILE_CHANNELS 5
INLINE Vec vec_fma(Vec a, Vec b, Vec c) { return a * b + c; }
INLINE Vec vec_max(Vec a, Vec b) { VecMask m = a > b; return (Vec)(((VecMask)a & m) | ((VecMask)b & ~m)); }
INLINE Vec vec_sqrt(Vec a)
{
	for (int i = 0; i < LANES; i++)
		a[i] = __builtin_sqrtf(a[i]);
	return a;
}
#endif

#endif

enum { BLOCK = 2 * LANES }; /* output channels of a block of weights */

INLINE Vec vec_zero(void) { return vec_set(0); }

/* A cell is what an activation is stored as. The loops that multiply take 32-bit words: a float, or two bf16 that lie
 * next to each other along the sum, low half first. */
#if defined(KERNELS_INT8)
#include "cpu/kernels/simd_int8.h"
#elif defined(__AVX512BF16__)
typedef uint16_t Cell;
INLINE Vec cells_load(const Cell *p)
{
	__m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p));
	return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
}
INLINE void cells_store(Cell *p, Vec a) { _mm256_storeu_si256((__m256i *)p, (__m256i)_mm512_cvtneps_pbh(a)); }
INLINE Vec vec_dot(Vec a, Vec b, Vec c)
{
	return _mm512_dpbf16_ps(c, (__m512bh)_mm512_castps_si512(a), (__m512bh)_mm512_castps_si512(b));
}
/* words of a in the low, b in the high half */
INLINE Vec vec_pair(Vec a, Vec b)
{
	__m512i low = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(a));
	__m512i high = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(b));
	return _mm512_castsi512_ps(_mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
}
#else
typedef float Cell;
INLINE Vec cells_load(const Cell *p) { return vec_load(p); }
INLINE void cells_store(Cell *p, Vec a) { vec_store(p, a); }
INLINE Vec vec_dot(Vec a, Vec b, Vec c) { return vec_fma(a, b, c); }
INLINE Vec vec_pair(Vec a, Vec b) { (void)b; return a; } /* floats need no partner */
#endif

#if !defined(KERNELS_INT8)
/* Of the sums that vec_dot makes: what they are worth, the larger, their sum and their difference. */
INLINE Vec sum_value(Vec sum, Vec scale, Vec bias) { (void)scale; return sum + bias; }
INLINE Vec sum_max(Vec a, Vec b) { return vec_max(a, b); }
INLINE Vec sum_add(Vec a, Vec b) { return a + b; }
INLINE Vec sum_subtract(Vec a, Vec b) { return a - b; }
#endif

/* to[LANES] += a */
INLINE void vec_add_double(double *to, Vec a)
{
#if defined(__AVX512F__)
	__m512d low = _mm512_cvtps_pd(_mm512_castps512_ps256(a)), high = _mm512_cvtps_pd(_mm512_extractf32x8_ps(a, 1));
	_mm512_storeu_pd(to, _mm512_add_pd(_mm512_loadu_pd(to), low));
	_mm512_storeu_pd(to + 8, _mm512_add_pd(_mm512_loadu_pd(to + 8), high));
#else
	float lane[LANES];
	vec_store(lane, a);
	for (int i = 0; i < LANES; i++)
		to[i] += (double)lane[i];
#endif
}

/* sum and square += those of `count` values, given their total, a number near their mean, and the squares about that: a
 * mean far from zero costs no digits of the variance */
INLINE void moments_add(double *sum, double *square, Vec total, Vec mean, Vec about, float count)
{
	/* sum y^2 = sum (y - m)^2 + m (2 sum y - n m), whatever m was rounded to; the bracket is n m but for rounding */
#if defined(__AVX512F__)
	const __m512d n = _mm512_set1_pd((double)count);
	for (int half = 0; half < 2; half++) {
		__m256 t = half ? _mm512_extractf32x8_ps(total, 1) : _mm512_castps512_ps256(total);
		__m256 m = half ? _mm512_extractf32x8_ps(mean, 1) : _mm512_castps512_ps256(mean);
		__m256 a = half ? _mm512_extractf32x8_ps(about, 1) : _mm512_castps512_ps256(about);
		__m512d td = _mm512_cvtps_pd(t), md = _mm512_cvtps_pd(m);
		__m512d rest = _mm512_fnmadd_pd(n, md, _mm512_add_pd(td, td));
		__m512d q = _mm512_fmadd_pd(md, rest, _mm512_cvtps_pd(a));
		_mm512_storeu_pd(sum + 8 * half, _mm512_add_pd(_mm512_loadu_pd(sum + 8 * half), td));
		_mm512_storeu_pd(square + 8 * half, _mm512_add_pd(_mm512_loadu_pd(square + 8 * half), q));
	}
#else
	float t[LANES], m[LANES], a[LANES];
	vec_store(t, total);
	vec_store(m, mean);
	vec_store(a, about);
	for (int i = 0; i < LANES; i++) {
		sum[i] += (double)t[i];
		square[i] += (double)a[i] + (double)m[i] * (2 * (double)t[i] - (double)count * (double)m[i]);
	}
#endif
}

#endif
