/* words.c: the weights as they are multiplied, in words: as they are, or those of the points of columns; forward, and transposed
 * and flipped for the way back. */
#include "cpu/layout.h"

enum { BLOCK_MOST = 32 }; /* channels, of any instruction set */

/* Windows that are written out, or read where they lie, are one column. */
static uint32_t
kernel_columns(const StageLayout *stage)
{
	return stage->kind == MAIN_CONV ? stage->window.kernel_w : 1;
}

static size_t
groups_of(const StageLayout *stage, uint32_t block)
{
	return (stage->depth + block - 1) / block;
}

size_t
layout_units(const StageLayout *stage, uint32_t block)
{
	return stage->blocks * kernel_columns(stage) * groups_of(stage, block);
}

Unit
layout_unit(const StageLayout *stage, uint32_t block, size_t i)
{
	const uint32_t columns = kernel_columns(stage);
	const size_t groups = groups_of(stage, block);
	Unit unit = { .columns = columns, .rows = stage->taps / columns, .first = (uint32_t)(i % groups) * block };

	unit.column = (uint32_t)(i / groups % columns);
	unit.block = (uint32_t)(i / groups / columns);
	unit.count = stage->depth - unit.first < block ? stage->depth - unit.first : block;
	unit.row = (size_t)columns * stage->depth * block;
	unit.at = ((size_t)unit.column * stage->depth + unit.first) * block;
	unit.offset = stage->weight->offset + unit.block * stage->weight->block_stride + unit.at;
	return unit;
}

/* A unit's weights of a place: a point of its columns, which may be flipped, or a row of the kernel. */
static const float *
weights_of(const KernelTable *kernels, const Unit *unit, const float *from, bool has_columns, bool is_flipped, uint32_t place,
	   float *room)
{
	const size_t row = unit->row;

	if (!has_columns)
		return from + (is_flipped ? unit->rows - 1 - place : place) * row;
	const float *const rows[3] = { from + 2 * row * is_flipped, from + row, from + 2 * row * !is_flipped };
	kernels->weight_point(place, rows, (size_t)unit->count * kernels->block, room);
	return room;
}

static void
words_forward(const StageLayout *stage, const KernelTable *kernels, const Unit *unit, const float *from, void *words)
{
	const uint32_t block = kernels->block, per_word = (uint32_t)(sizeof(float) / kernels->cell);
	const size_t offset = stage->words + unit->block * stage->words_block + unit->first / per_word * block;
	float room[BLOCK_MOST * BLOCK_MOST];

	for (uint32_t place = 0; place < stage->word_taps / unit->columns; place++) {
		const size_t tap = place * unit->columns + unit->column;
		kernels->pack(weights_of(kernels, unit, from, stage_has_columns(stage), false, place, room), unit->count,
			      cells_at(words, offset + tap * stage->depth_words * block, sizeof(float)));
	}
}

/* From [out block][tap][depth][block] to [depth block][taps - 1 - tap][out by words][block]; or to the points of the flipped
 * kernel, [depth block][COLUMN_TAPS][out by words][block]. What lies beyond stays zero. */
static void
words_back(const StageLayout *stage, const KernelTable *kernels, const Unit *unit, const float *from, void *back)
{
	const uint32_t block = kernels->block, begin = unit->block * block, per_word = (uint32_t)(sizeof(float) / kernels->cell);
	const uint32_t left = stage->channels > begin ? stage->channels - begin : 0, outs = left < block ? left : block;
	const bool has_columns = stage->back_taps != stage->taps;
	const size_t offset = stage->back_words + unit->first / block * stage->back_block + begin / per_word * block;
	float room[BLOCK_MOST * BLOCK_MOST];

	for (uint32_t place = 0; outs && place < stage->back_taps / unit->columns; place++) {
		const size_t tap = place * unit->columns + unit->columns - 1 - unit->column;
		kernels->pack_back(weights_of(kernels, unit, from, has_columns, true, place, room), unit->count, outs,
				   cells_at(back, offset + tap * (stage->back_block / stage->back_taps), sizeof(float)));
	}
}

void
layout_words(const StageLayout *stage, const KernelTable *kernels, const Unit *unit, const float *packed, void *words, void *back)
{
	words_forward(stage, kernels, unit, packed + unit->offset, words);
	if (stage->has_back)
		words_back(stage, kernels, unit, packed + unit->offset, back);
}

void
layout_dense(const StageLayout *stage, const KernelTable *kernels, uint32_t block, uint32_t first, uint32_t count,
	     const float *weight, void *words, void *back)
{
	const uint32_t lanes = kernels->block;
	Unit unit = { .block = block, .columns = 1, .rows = 1 };

	for (uint32_t i = 0; i < count; i += lanes) {
		unit.first = first + i;
		unit.count = count - i < lanes ? count - i : lanes;
		words_forward(stage, kernels, &unit, weight + (size_t)i * lanes, words);
		if (stage->has_back)
			words_back(stage, kernels, &unit, weight + (size_t)i * lanes, back);
	}
}
