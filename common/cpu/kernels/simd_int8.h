/* cpu/kernels/simd_int8.h: cells of 8 bits: words are four products of an unsigned activation and a signed weight, sums
 * are whole numbers of 32 bits in a Vec. Part of simd.h, which includes it.
 *
 * Rounding is to nearest, ties to even; scale and bias are a product and a sum, never fused: so every instruction set
 * gives the same bits. */
#if !defined(FM_CPU_KERNELS_SIMD_H) /* alone it is nothing; simd.h then includes this file in its place */
#define KERNELS_INT8
#include "cpu/kernels/simd.h"
#endif
#ifndef FM_CPU_KERNELS_SIMD_INT8_H
#define FM_CPU_KERNELS_SIMD_INT8_H

typedef uint8_t Cell;
typedef uint8_t Bytes __attribute__((vector_size(16))); /* CHANNEL_ALIGN of them */

INLINE Bytes
bytes_load(const uint8_t *p)
{
	Bytes a;
	memcpy(&a, p, sizeof a);
	return a;
}

#if defined(__AVX512F__)

INLINE Vec vec_of_whole(Vec a) { return _mm512_cvtepi32_ps(_mm512_castps_si512(a)); }
INLINE Vec sum_max(Vec a, Vec b)
{
	return _mm512_castsi512_ps(_mm512_max_epi32(_mm512_castps_si512(a), _mm512_castps_si512(b)));
}
INLINE Vec sum_add(Vec a, Vec b)
{
	return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(a), _mm512_castps_si512(b)));
}
INLINE Vec sum_subtract(Vec a, Vec b)
{
	return _mm512_castsi512_ps(_mm512_sub_epi32(_mm512_castps_si512(a), _mm512_castps_si512(b)));
}
INLINE Vec cells_load(const Cell *p)
{
	return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)p)));
}
INLINE void cells_store(Cell *p, Vec a)
{
	a = _mm512_max_ps(_mm512_min_ps(a, _mm512_set1_ps(255)), _mm512_setzero_ps());
	_mm_storeu_si128((__m128i *)p, _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(a)));
}
INLINE Vec vec_dot(Vec weight, Vec x, Vec sum)
{
	return _mm512_castsi512_ps(_mm512_dpbusd_epi32(_mm512_castps_si512(sum), _mm512_castps_si512(x),
						       _mm512_castps_si512(weight)));
}

#elif defined(__AVX2__)

INLINE Vec vec_of_whole(Vec a) { return _mm256_cvtepi32_ps(_mm256_castps_si256(a)); }
INLINE Vec sum_max(Vec a, Vec b)
{
	return _mm256_castsi256_ps(_mm256_max_epi32(_mm256_castps_si256(a), _mm256_castps_si256(b)));
}
INLINE Vec sum_add(Vec a, Vec b)
{
	return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(a), _mm256_castps_si256(b)));
}
INLINE Vec sum_subtract(Vec a, Vec b)
{
	return _mm256_castsi256_ps(_mm256_sub_epi32(_mm256_castps_si256(a), _mm256_castps_si256(b)));
}
INLINE Vec cells_load(const Cell *p)
{
	return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)p)));
}
INLINE void cells_store(Cell *p, Vec a)
{
	__m256i whole = _mm256_cvtps_epi32(_mm256_max_ps(_mm256_min_ps(a, _mm256_set1_ps(255)), _mm256_setzero_ps()));
	__m128i words = _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1));
	_mm_storel_epi64((__m128i *)p, _mm_packus_epi16(words, words));
}
INLINE Vec vec_dot(Vec weight, Vec x, Vec sum)
{
	const __m256i w = _mm256_castps_si256(weight), b = _mm256_castps_si256(x), s = _mm256_castps_si256(sum);
#if defined(__AVXVNNI__)
	return _mm256_castsi256_ps(_mm256_dpbusd_avx_epi32(s, b, w));
#else /* maddubs would saturate: even and odd bytes apart */
	const __m256i even = _mm256_madd_epi16(_mm256_and_si256(b, _mm256_set1_epi16(255)),
					       _mm256_srai_epi16(_mm256_slli_epi16(w, 8), 8));
	const __m256i odd = _mm256_madd_epi16(_mm256_srli_epi16(b, 8), _mm256_srai_epi16(w, 8));
	return _mm256_castsi256_ps(_mm256_add_epi32(s, _mm256_add_epi32(even, odd)));
#endif
}

#else

INLINE Vec vec_of_whole(Vec a) { return __builtin_convertvector((VecMask)a, Vec); }
INLINE Vec sum_max(Vec a, Vec b)
{
	VecMask m = (VecMask)a > (VecMask)b;
	return (Vec)(((VecMask)a & m) | ((VecMask)b & ~m));
}
INLINE Vec sum_add(Vec a, Vec b) { return (Vec)((VecMask)a + (VecMask)b); }
INLINE Vec sum_subtract(Vec a, Vec b) { return (Vec)((VecMask)a - (VecMask)b); }
INLINE Vec cells_load(const Cell *p) { return (Vec){p[0], p[1], p[2], p[3]}; }
INLINE void cells_store(Cell *p, Vec a)
{
	a = vec_choose_greater(vec_set(255), a, a, vec_set(255));
	a = vec_where_greater(a, vec_set(0), a) + vec_set(0x1.8p23f); /* rounded to a whole number, in the low bits */
	for (int i = 0; i < LANES; i++)
		p[i] = (uint8_t)((VecMask)a)[i];
}
INLINE Vec vec_dot(Vec weight, Vec x, Vec sum)
{
#if defined(__x86_64__)
	const __m128i w = (__m128i)weight, b = (__m128i)x;
	const __m128i even = _mm_madd_epi16(_mm_and_si128(b, _mm_set1_epi16(255)), _mm_srai_epi16(_mm_slli_epi16(w, 8), 8));
	const __m128i odd = _mm_madd_epi16(_mm_srli_epi16(b, 8), _mm_srai_epi16(w, 8));
	return (Vec)_mm_add_epi32((__m128i)sum, _mm_add_epi32(even, odd));
#elif defined(KERNELS_NEON)
	const int8x16_t w = vreinterpretq_s8_f32((float32x4_t)weight);
	const uint8x16_t b = vreinterpretq_u8_f32((float32x4_t)x);
	/* 255 * 127 is less than 2^15 */
	const int16x8_t low = vmulq_s16(vmovl_s8(vget_low_s8(w)), vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(b))));
	const int16x8_t high = vmulq_s16(vmovl_s8(vget_high_s8(w)), vreinterpretq_s16_u16(vmovl_u8(vget_high_u8(b))));
	const int32x4_t fours = vpaddq_s32(vpaddlq_s16(low), vpaddlq_s16(high));
	return (Vec)vaddq_s32(vreinterpretq_s32_f32((float32x4_t)sum), fours);
#else
	typedef uint32_t Bits __attribute__((vector_size(16)));
	VecMask total = (VecMask)sum;
	UNROLL(4)
	for (int i = 0; i < 4; i++) {
		VecMask w = (VecMask)((Bits)weight << (24 - 8 * i)) >> 24;
		total += w * (VecMask)((Bits)x >> (8 * i) & 255);
	}
	return (Vec)total;
#endif
}

#endif

/* Two vectors, one after the other. `least` is 0 or less: bytes are not negative anyway. */
INLINE void cells_store_pair(Cell *p, Vec least, Vec a, Vec b)
{
	(void)least;
#if defined(__AVX512F__) /* packs saturate, so that what is negative becomes 0; they work in quarters */
	const Vec most = _mm512_set1_ps(255);
	const __m512i low = _mm512_cvtps_epi32(_mm512_min_ps(a, most)), high = _mm512_cvtps_epi32(_mm512_min_ps(b, most));
	const __m512i shorts = _mm512_packs_epi32(low, high), bytes = _mm512_packus_epi16(shorts, shorts);
	const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 0, 0, 0, 0, 0, 0, 0, 0);
	_mm256_storeu_si256((__m256i *)p, _mm512_castsi512_si256(_mm512_permutexvar_epi32(order, bytes)));
#else
	cells_store(p, a);
	cells_store(p + LANES, b);
#endif
}

/* What sums are worth. */
INLINE Vec sum_value(Vec sum, Vec scale, Vec bias) { return vec_of_whole(sum) * scale + bias; }
INLINE Vec vec_pair(Vec a, Vec b) { (void)b; return a; } /* nothing is trained in bytes */
/* batch norm of a stage without weights too */
INLINE Vec vec_product_and_sum(Vec a, Vec b, Vec c) { return a * b + c; }
#define vec_fma vec_product_and_sum

#endif
