/* columns.c: 3x3 convolutions of a prediction in bytes or bf16 by Winograd's F(2, 3) down the columns, see kernels/columns.h.
 *
 * With rows a, b, c, d of pixels and a column f, g, h of weights the rows of outputs are P + Q + A and P - Q + D, where
 * P = (b + c) (f + g + h) / 2, Q = (c - b) (f - g + h) / 2, A = (a - c) f, D = (b - d) (-h). As bytes the pixels' parts are
 * half as large, rounded, and differences 128 more; the step that weights are multiplied by is twice the input's. */
#include "cpu/columns.h"

#include "cpu/split.h"

#include <math.h>
#include <string.h>

enum { POINT_ZERO = 128, TAP_COLUMNS = 3 };

/* ---- which stages ---- */

/* Rows of products of all rows of outputs, direct sums': those on padding are left out. */
static uint32_t
direct_rows(const Window *win)
{
	uint32_t count = 0;

	for (uint32_t y = 0; y < win->out_h; y++)
		for (uint32_t k = 0; k < win->kernel_h; k++)
			count += y + k >= win->pad_top && y + k - win->pad_top < win->in_h;
	return count;
}

/* Where it saves a sixth at least, and windows reach no further than one column beyond the picture. */
static bool
suits(const StageLayout *stage, const KernelTable *kernels)
{
	const Window *win = &stage->window;
	const uint32_t rows = win->out_h / 2 * COLUMN_POINTS + win->out_h % 2 * (COLUMN_POINTS - 1);

	if (!kernels->columns || stage->kind != MAIN_CONV || stage->from < 0 || win->kernel_h != 3 || win->kernel_w != TAP_COLUMNS ||
	    win->stride != 1 || win->pad_left > 1 || win->out_w + 2 - win->pad_left > win->in_w + 1)
		return false;
	return rows * 6 <= direct_rows(win) * 5 && (double)COLUMN_TAPS * stage->depth < columns_absolute_most();
}

double
columns_absolute_most(void)
{
	return 0x1p31 / (256 + POINT_ZERO);
}

/* ---- memory ---- */

bool
columns_allocate(Backend *backend)
{
	Folded *folded = &backend->folded;
	size_t most = 0;

	folded->columns = engine_piece(backend, folded->layout.stage_count * sizeof *folded->columns);
	for (size_t s = 0; folded->columns && s < folded->layout.stage_count; s++) {
		const StageLayout *stage = &folded->layout.stages[s];
		const size_t block = (size_t)COLUMN_TAPS * stage->depth_words * folded->layout.block;
		const size_t room = (size_t)COLUMN_TAPS * stage->depth * folded->layout.block;
		const size_t starts = (size_t)2 * stage->window.out_w * stage->y.lanes;
		ColumnWeights *columns = &folded->columns[s];
		if (!suits(stage, folded->kernels))
			continue;
		columns->words = engine_piece(backend, stage->blocks * block * sizeof(float));
		columns->start = engine_piece(backend, starts * sizeof *columns->start);
		most = room > most ? room : most;
		if (!columns->words || !columns->start)
			return false;
	}
	folded->column_block = engine_piece(backend, most * sizeof(float));
	return folded->columns && folded->column_block;
}

/* cells */
static size_t
points_row(const StageLayout *stage)
{
	return (size_t)stage->window.in_w * stage->in.lanes;
}

static size_t
points_image(const StageLayout *stage)
{
	return (stage->window.out_h + 1) / 2 * COLUMN_POINTS * points_row(stage);
}

bool
columns_scratch(Backend *backend, Scratch *scratch)
{
	const NetLayout *layout = &backend->folded.layout;
	const size_t cell = backend->folded.kernels->cell;
	size_t row = 0, image = 0;

	for (size_t s = 0; s < layout->stage_count; s++) {
		const StageLayout *stage = &layout->stages[s];
		if (!suits(stage, backend->folded.kernels))
			continue;
		row = points_row(stage) > row ? points_row(stage) : row;
		image = points_image(stage) > image ? points_image(stage) : image;
	}
	if (!image)
		return true;
	scratch->column_outside = engine_piece(backend, row * cell);
	scratch->column_points = engine_piece(backend, image * cell);
	return scratch->column_outside && scratch->column_points;
}

const ColumnWeights *
columns_of(const Folded *folded, size_t s)
{
	return folded->columns && folded->columns[s].words ? &folded->columns[s] : NULL;
}

/* ---- weights ---- */

void
columns_weights(const StageLayout *stage, uint32_t block, const float *from, float *to)
{
	const size_t tap = (size_t)stage->depth * block, row = TAP_COLUMNS * tap;

	for (size_t i = 0; i < row; i++) {
		const float f = from[i], g = from[row + i], h = from[2 * row + i];
		to[i] = (f + g + h) / 2;
		to[row + i] = (f - g + h) / 2;
		to[2 * row + i] = f;
		to[3 * row + i] = -h;
	}
}

/* The sum over one output channel's weights of a point, of the columns that lie inside the picture where x is computed. */
static int32_t
sum_inside(const StageLayout *stage, const float *whole, uint32_t block, int point, uint32_t x)
{
	int32_t sum = 0;

	for (uint32_t kx = 0; kx < TAP_COLUMNS; kx++) {
		const int64_t ix = (int64_t)x + kx - stage->window.pad_left;
		const float *tap = whole + ((size_t)point * TAP_COLUMNS + kx) * stage->depth * block;
		for (uint32_t c = 0; ix >= 0 && ix < stage->window.in_w && c < stage->depth; c++)
			sum += (int32_t)tap[(size_t)c * block];
	}
	return sum;
}

/* By how much a point is above (P) or below (Q, A, D) what it stands for, in the mean: half a unit where the two bytes' sum is
 * odd, every second time; less often among bytes that are 0 wherever ReLU was. */
static double
rounding_of(double zero)
{
	return zero > 0 ? 0.25 : 0.15;
}

/* What the zeros of the points, and their rounding, add to P + Q + A and P - Q + D is taken from P and Q: half of A's from
 * both, half of D's from P and to Q. */
static void
set_start(const Folded *folded, size_t s, uint32_t n, const float *whole)
{
	const StageLayout *stage = &folded->layout.stages[s];
	const uint32_t block = folded->layout.block, first = n * block, lanes = stage->y.lanes;
	const int32_t zero = (int32_t)folded->quantities[stage->from].zero;
	const double rounding = rounding_of((double)zero);
	int32_t *upper = folded->columns[s].start, *lower = upper + (size_t)stage->window.out_w * lanes;

	for (uint32_t x = 0; x < stage->window.out_w; x++)
		for (uint32_t i = 0; i < block && first + i < stage->channels; i++) {
			const int32_t p = sum_inside(stage, whole + i, block, 0, x), q = sum_inside(stage, whole + i, block, 1, x);
			const int32_t a = sum_inside(stage, whole + i, block, 2, x), d = sum_inside(stage, whole + i, block, 3, x);
			const size_t at = (size_t)x * lanes + first + i;
			upper[at] = -zero * p - POINT_ZERO / 2 * (a + d) + (int32_t)lrint(rounding * (0.5 * (a + d) - p));
			lower[at] = -POINT_ZERO * q - POINT_ZERO / 2 * (a - d) + (int32_t)lrint(rounding * (0.5 * (a - d) + q));
		}
}

void
columns_pack(const Folded *folded, size_t s, uint32_t n, const float *points)
{
	const StageLayout *stage = &folded->layout.stages[s];
	const size_t tap = (size_t)stage->depth_words * folded->layout.block;
	float *words = (float *)folded->columns[s].words + n * COLUMN_TAPS * tap;

	for (size_t i = 0; i < COLUMN_TAPS; i++)
		folded->kernels->pack(points + i * stage->depth * folded->layout.block, stage->depth, words + i * tap);
	if (folded->quantities)
		set_start(folded, s, n, points);
}

void
columns_fold(const Folded *folded, size_t s)
{
	const StageLayout *stage = &folded->layout.stages[s];

	for (uint32_t n = 0; n < stage->blocks; n++) {
		columns_weights(stage, folded->layout.block,
				folded->weight + stage->weight->offset + n * stage->weight->block_stride, folded->column_block);
		columns_pack(folded, s, n, folded->column_block);
	}
}

/* ---- the convolution ---- */

static Conv
conv_of(const MainJob *job, const ColumnWeights *columns, size_t cells)
{
	const StageLayout *stage = job->stage;

	return (Conv){
		.window = stage->window, .n = 1, .c = stage->depth_words, .lanes = stage->y.lanes, .weight = columns->words,
		.weight_block = (size_t)COLUMN_TAPS * stage->depth_words * job->kernels->block,
		.x = { .pixel = stage->in.lanes / cells, .row = points_row(stage) / cells, .image = points_image(stage) / cells },
		.scale = job->scale, .bias = job->bias, .start = columns->start, .y_is_float = job->y_is_float,
		.is_relu = job->is_relu, .has_points = true,
	};
}

/* What a row above or below the picture holds. */
static void
set_outside(const Folded *folded, const StageLayout *stage, void *outside)
{
	const int byte = folded->quantities ? (int)folded->quantities[stage->from].zero : 0;

	memset(outside, byte, points_row(stage) * folded->kernels->cell);
}

void
main_columns(const MainJob *job, const void *in, void *y, const Plane *y_plane, uint32_t n, Scratch *scratch)
{
	const StageLayout *stage = job->stage;
	const Folded *folded = &job->backend->folded;
	const size_t cell = job->kernels->cell, y_cell = job->y_is_float ? sizeof(float) : cell;
	Conv conv = conv_of(job, columns_of(folded, (size_t)(stage - folded->layout.stages)), sizeof(float) / cell);
	Columns points = { .window = stage->window, .lanes = stage->in.lanes, .x = plane_grid(&stage->in, in, cell, cell),
			   .outside = scratch->column_outside, .points = scratch->column_points };

	set_outside(folded, stage, scratch->column_outside);
	conv.x.data = scratch->column_points;
	conv.y = plane_grid(y_plane, y, y_cell, y_cell);
	for (uint32_t i = 0; i < n; i++) {
		job->kernels->columns(&points);
		split_conv(job->team, job->kernels, &conv, stage->blocks);
		points.x.data = cells_at(points.x.data, points.x.image, cell);
		conv.y.data = cells_at(conv.y.data, conv.y.image, y_cell);
	}
}
