/* cpu/kernels/pack.h: weights, kept as floats, to the words that the loops multiply. */
#ifndef FM_CPU_KERNELS_PACK_H
#define FM_CPU_KERNELS_PACK_H

#include "cpu/kernels.h"
#include "cpu/kernels/simd.h"

enum { PER_WORD = sizeof(float) / sizeof(Cell) };

static void
pack(const float *weight, uint32_t c, void *words)
{
	float *to = words;
	for (uint32_t i = 0; i < c; i += PER_WORD, to += BLOCK)
		for (int v = 0; v < BLOCK; v += LANES) {
			Vec low = vec_load(weight + (size_t)i * BLOCK + v);
			Vec high = i + 1 < c ? vec_load(weight + (size_t)(i + 1) * BLOCK + v) : vec_zero();
			vec_store(to + v, vec_pair(low, high));
		}
}

/* A loop for each point: its number is a constant in it. */
INLINE void
point_of_rows(const uint32_t point, const float *const rows[3], size_t count, float *to)
{
	const float *f = rows[0], *g = rows[1], *h = rows[2];
	for (size_t i = 0; i < count; i += LANES) {
		Vec value = point == 3 ? -vec_load(h + i) : vec_load(f + i);
		if (point == 0)
			value = (value + vec_load(g + i) + vec_load(h + i)) * vec_set(0.5f);
		if (point == 1)
			value = (value - vec_load(g + i) + vec_load(h + i)) * vec_set(0.5f);
		vec_store(to + i, value);
	}
}

static void
weight_point(uint32_t point, const float *const rows[3], size_t count, float *to)
{
	switch (point) {
	case 0: point_of_rows(0, rows, count, to); break;
	case 1: point_of_rows(1, rows, count, to); break;
	case 2: point_of_rows(2, rows, count, to); break;
	default: point_of_rows(3, rows, count, to);
	}
}

static void
weight_rows(size_t count, const float *const points[4], float *const rows[3])
{
	const Vec half = vec_set(0.5f);
	for (size_t i = 0; i < count; i += LANES) {
		Vec p = vec_load(points[0] + i) * half, q = vec_load(points[1] + i) * half;
		vec_store(rows[0] + i, p - q + vec_load(points[2] + i));
		vec_store(rows[1] + i, p + q);
		vec_store(rows[2] + i, p - q - vec_load(points[3] + i));
	}
}

static void
panel(const void *in, size_t image, uint32_t n, uint32_t count, void *words)
{
	float *to = words;
	for (uint32_t i = 0; i < n; i += PER_WORD, to += PANEL_LANES) {
		const Cell *a = (const Cell *)in + i * image, *b = a + image;
		for (uint32_t j = 0; j < count; j += LANES) {
			Vec low = cells_load(a + j), high = PER_WORD == 2 && i + 1 < n ? cells_load(b + j) : vec_zero();
			vec_store(to + j, vec_pair(low, high));
		}
	}
}

#if defined(__AVX512BF16__)

/* rows of 16 words, turned about the diagonal */
INLINE void
transpose_words(__m512i *r)
{
	__m512i t[16];
	UNROLL(8)
	for (int i = 0; i < 16; i += 2) {
		t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
		t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
	}
	UNROLL(4)
	for (int i = 0; i < 16; i += 4) {
		r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
		r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
		r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
		r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
	}
	UNROLL(2)
	for (int half = 0; half < 16; half += 8)
		UNROLL(4)
		for (int i = 0; i < 4; i++) {
			t[half + i] = _mm512_shuffle_i32x4(r[half + i], r[half + 4 + i], 0x88);
			t[half + 4 + i] = _mm512_shuffle_i32x4(r[half + i], r[half + 4 + i], 0xdd);
		}
	UNROLL(4)
	for (int i = 0; i < 4; i++) {
		r[i] = _mm512_shuffle_i32x4(t[i], t[8 + i], 0x88);
		r[8 + i] = _mm512_shuffle_i32x4(t[i], t[8 + i], 0xdd);
		r[4 + i] = _mm512_shuffle_i32x4(t[4 + i], t[12 + i], 0x88);
		r[12 + i] = _mm512_shuffle_i32x4(t[4 + i], t[12 + i], 0xdd);
	}
}

/* A row's 32 outputs are 16 words as they stand; 16 rows of them, turned, are 16 words of outputs for 16 columns. */
static void
pack_back(const float *weight, uint32_t columns, uint32_t outs, void *words)
{
	float *to = words;
	for (uint32_t first = 0; first < columns; first += LANES) {
		__m512i rows[LANES];
		UNROLL(16)
		for (int i = 0; i < LANES; i++) {
			const float *row = weight + (size_t)(first + i) * BLOCK;
			rows[i] = _mm512_setzero_si512();
			if (first + i < columns)
				rows[i] = (__m512i)_mm512_cvtne2ps_pbh(vec_load(row + LANES), vec_load(row));
		}
		transpose_words(rows);
		UNROLL(16)
		for (int i = 0; i < LANES; i++)
			if (2 * i < (int)outs)
				vec_store(to + (size_t)i * BLOCK + first, _mm512_castsi512_ps(rows[i]));
	}
}

#else

static void
pack_back(const float *weight, uint32_t columns, uint32_t outs, void *words)
{
	float *to = words;
	for (uint32_t o = 0; o < outs; o++)
		for (uint32_t i = 0; i < columns; i++)
			to[(size_t)o * BLOCK + i] = weight[(size_t)i * BLOCK + o];
}

#endif

#endif
