/* cpu/kernels/dropout.h: which units stay, by many random draws at once, and dropping the others. The words are those of
 * random_words (random/philox.c), lane by lane. */
#ifndef FM_CPU_KERNELS_DROPOUT_H
#define FM_CPU_KERNELS_DROPOUT_H

#include "cpu/kernels.h"
#include "cpu/kernels/simd.h"

enum { DRAW_LANES = 32 }; /* compilers write out loops of 16 turns, and then find no vectors in them */

/* [word of a draw][draw] */
typedef uint32_t Draws[4][DRAW_LANES];

/* One round of Philox4x32 in every lane. */
INLINE void
draw_round(Draws at, uint32_t k0, uint32_t k1)
{
	for (int i = 0; i < DRAW_LANES; i++) {
		const uint64_t p = 0xD2511F53ull * at[0][i], q = 0xCD9E8D57ull * at[2][i];
		at[0][i] = (uint32_t)(q >> 32) ^ at[1][i] ^ k0;
		at[1][i] = (uint32_t)q;
		at[2][i] = (uint32_t)(p >> 32) ^ at[3][i] ^ k1;
		at[3][i] = (uint32_t)p;
	}
}

static void
draw(RandomKey key, uint32_t epoch, uint64_t id, uint32_t threshold, uint32_t first, uint32_t count, uint8_t *keep)
{
	for (uint32_t begin = 0; begin < count; begin += 4 * DRAW_LANES) {
		const uint32_t units = count - begin < 4 * DRAW_LANES ? count - begin : 4 * DRAW_LANES;
		uint32_t k0 = key.k0, k1 = key.k1;
		Draws at;
		for (uint32_t i = 0; i < DRAW_LANES; i++) {
			at[0][i] = (first + begin) / 4 + i;
			at[1][i] = epoch;
			at[2][i] = (uint32_t)id;
			at[3][i] = (uint32_t)(id >> 32);
		}
		for (int round = 0; round < 10; round++, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u)
			draw_round(at, k0, k1);
		for (uint32_t i = 0; i < units; i++)
			keep[begin + i] = at[i % 4][i / 4] >= threshold;
	}
}

static void
drop(size_t count, const uint8_t *keep, float scale, float *z)
{
	for (size_t i = 0; i < count; i++)
		z[i] = keep[i] ? z[i] * scale : 0;
}

#endif
