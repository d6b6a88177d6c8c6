/* words.c: the weights as they are multiplied, in words: as they are, or those of the points of columns; forward, and transposed
 * and flipped for the way back. */
#include "cpu/layout.h"

enum {
	COLUMN_WIDTH = 3, /* columns of a kernel whose columns have points */
	BLOCK_MOST = 32,  /* channels, of any instruction set */
	POINT_ROWS = 32,  /* input channels whose points are made at once; a multiple of all words */
};

void
words_point(uint32_t point, const float *const rows[3], size_t count, float *to)
{
	const float *f = rows[0], *g = rows[1], *h = rows[2];

	for (size_t i = 0; i < count; i++)
		switch (point) {
		case 0: to[i] = (f[i] + g[i] + h[i]) / 2; break;
		case 1: to[i] = (f[i] - g[i] + h[i]) / 2; break;
		case 2: to[i] = f[i]; break;
		default: to[i] = -h[i];
		}
}

size_t
layout_words_parts(const StageLayout *stage)
{
	return (size_t)stage->blocks * stage->word_taps;
}

/* One tap of COLUMN_TAPS of a block. */
static void
words_columns(const StageLayout *stage, const KernelTable *kernels, size_t part, const float *packed, float *to)
{
	const uint32_t block = kernels->block, tap = part % COLUMN_TAPS;
	const size_t size = (size_t)stage->depth * block, row = COLUMN_WIDTH * size, per_word = sizeof(float) / kernels->cell;
	const float *from = packed + stage->weight->offset + part / COLUMN_TAPS * stage->taps * size + tap % COLUMN_WIDTH * size;
	float room[POINT_ROWS * BLOCK_MOST];

	for (uint32_t c = 0; c < stage->depth; c += POINT_ROWS, from += POINT_ROWS * block) {
		const uint32_t count = stage->depth - c < POINT_ROWS ? stage->depth - c : POINT_ROWS;
		const float *const rows[3] = { from, from + row, from + 2 * row };
		words_point(tap / COLUMN_WIDTH, rows, (size_t)count * block, room);
		kernels->pack(room, count, to + c / per_word * block);
	}
}

void
layout_words(const StageLayout *stage, const KernelTable *kernels, size_t part, const float *packed, void *words)
{
	const uint32_t block = kernels->block;
	const size_t from = stage->weight->offset + part * stage->depth * block;
	float *to = cells_at(words, stage->words + part * stage->depth_words * block, sizeof(float));

	if (stage_has_columns(stage))
		words_columns(stage, kernels, part, packed, to);
	else
		kernels->pack(packed + from, stage->depth, to);
}

size_t
layout_back_parts(const StageLayout *stage)
{
	const uint32_t block = (uint32_t)(stage->words_block / stage->depth_words / stage->word_taps);

	return ((size_t)stage->depth + block - 1) / block * stage->back_taps; /* what lies beyond stays zero */
}

/* From [out block][tap][depth][block] to [depth block][taps - 1 - tap][out by words][block]; or to the points of the flipped
 * kernel, [depth block][COLUMN_TAPS][out by words][block]. */
void
layout_back(const StageLayout *stage, const KernelTable *kernels, size_t part, const float *packed, void *back)
{
	const uint32_t block = kernels->block, taps = stage->back_taps, place = part % taps;
	const bool has_columns = taps != stage->taps;
	const uint32_t first = (uint32_t)(part / taps) * block;
	const uint32_t tap = has_columns ? COLUMN_WIDTH - 1 - place % COLUMN_WIDTH : taps - 1 - place;
	const uint32_t columns = stage->depth - first < block ? stage->depth - first : block;
	const size_t per_word = sizeof(float) / kernels->cell, row = (size_t)COLUMN_WIDTH * stage->depth * block;
	const size_t to = stage->back_words + part / taps * stage->back_block + place * (stage->back_block / taps);
	const float *from = packed + stage->weight->offset + ((size_t)tap * stage->depth + first) * block;
	float room[BLOCK_MOST * BLOCK_MOST];

	for (uint32_t begin = 0; begin < stage->channels; begin += block, from += stage->weight->block_stride) {
		const uint32_t outs = stage->channels - begin < block ? stage->channels - begin : block;
		if (has_columns) {
			const float *const rows[3] = { from + 2 * row, from + row, from };
			words_point(place / COLUMN_WIDTH, rows, (size_t)columns * block, room);
		}
		kernels->pack_back(has_columns ? room : from, columns, outs, cells_at(back, to + begin / per_word * block, sizeof(float)));
	}
}

void
layout_dense(const StageLayout *stage, const KernelTable *kernels, uint32_t block, uint32_t first, uint32_t count,
	     const float *weight, void *words, void *back)
{
	const uint32_t lanes = kernels->block, begin = block * lanes;
	const size_t per_word = sizeof(float) / kernels->cell;
	const uint32_t left = stage->channels > begin ? stage->channels - begin : 0, outs = left < lanes ? left : lanes;

	kernels->pack(weight, count,
		      cells_at(words, stage->words + block * stage->words_block + first / per_word * lanes, sizeof(float)));
	for (uint32_t i = 0; i < count && stage->has_back && outs; i += lanes)
		kernels->pack_back(weight + (size_t)i * lanes, count - i < lanes ? count - i : lanes, outs,
				   cells_at(back, stage->back_words + (first + i) / lanes * stage->back_block +
					    begin / per_word * lanes, sizeof(float)));
}
