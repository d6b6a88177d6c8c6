/* columns.c: 3x3 convolutions in bytes or bf16 by Winograd's F(2, 3) down the columns, see kernels/columns.h.
 *
 * With rows a, b, c, d of pixels and a column f, g, h of weights the rows of outputs are P + Q + A and P - Q + D, where
 * P = (b + c) (f + g + h) / 2, Q = (c - b) (f - g + h) / 2, A = (a - c) f, D = (b - d) (-h). As bytes the pixels' parts are
 * half as large, rounded, and differences 128 more; the step that weights are multiplied by is twice the input's. */
#include "cpu/columns.h"

#include <math.h>
#include <string.h>

enum { POINT_ZERO = 128, TAP_COLUMNS = 3 };

/* ---- memory ---- */

static size_t
larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

/* Only a prediction in bytes has some. */
bool
columns_allocate(Backend *backend)
{
	Folded *folded = &backend->folded;
	size_t block = 0;

	folded->column_start = engine_piece(backend, folded->layout.stage_count * sizeof *folded->column_start);
	for (size_t s = 0; folded->column_start && s < folded->layout.stage_count; s++) {
		const StageLayout *stage = &folded->layout.stages[s];
		if (!stage_has_columns(stage))
			continue;
		block = larger(block, (size_t)COLUMN_TAPS * stage->depth * folded->layout.block);
		folded->column_start[s] = engine_piece(backend, sizeof(int32_t) * 2 * stage->window.out_w * stage->y.lanes);
		if (!folded->column_start[s])
			return false;
	}
	folded->column_block = engine_piece(backend, block * sizeof(float));
	return folded->column_start && folded->column_block;
}

/* cells of a row of points, and of all of an image's */
static size_t
points_row(const Window *win, const Plane *plane)
{
	return (size_t)win->in_w * plane->lanes;
}

static size_t
points_image(const Window *win, const Plane *plane)
{
	return (win->out_h + 1) / 2 * COLUMN_POINTS * points_row(win, plane);
}

/* Bytes of a row outside the picture, and of points. */
typedef struct Room {
	size_t outside, points, wgrad_x, wgrad_dy;
} Room;

static void
add_images(Room *room, const Window *win, const Plane *plane, size_t images, size_t cell)
{
	room->outside = larger(room->outside, points_row(win, plane) * cell);
	room->points = larger(room->points, images * points_image(win, plane) * cell);
}

/* The weights' gradient is made of words of two images. */
static void
add_wgrad(Room *room, const StageLayout *stage)
{
	const size_t rows = (stage->window.out_h + 1) / 2, pairs = columns_group(stage) / 2;

	room->wgrad_x = larger(room->wgrad_x, pairs * points_image(&stage->window, &stage->in) * sizeof(float));
	room->wgrad_dy = larger(room->wgrad_dy, pairs * rows * 2 * stage->y.w * stage->y.lanes * sizeof(float));
	room->outside = larger(room->outside, points_row(&stage->window, &stage->in) * sizeof(float));
	room->outside = larger(room->outside, (size_t)stage->y.w * stage->y.lanes * sizeof(float));
}

bool
columns_scratch(Backend *backend, Scratch *scratch)
{
	const NetLayout *layout = &backend->layout, *folded = &backend->folded.layout;
	Room room = { 0 };

	for (size_t s = 0; s < folded->stage_count; s++)
		if (stage_has_columns(&folded->stages[s]))
			add_images(&room, &folded->stages[s].window, &folded->stages[s].in, backend->folded.few,
				   backend->folded.kernels->cell);
	for (size_t s = 0; backend->options.is_training && s < layout->stage_count; s++) {
		const StageLayout *stage = &layout->stages[s];
		if (stage_has_columns(stage)) {
			add_images(&room, &stage->window, &stage->in, INFER_PAIR, backend->kernels->cell);
			add_wgrad(&room, stage);
		}
		if (stage->has_back && stage->back_taps != stage->taps)
			add_images(&room, &stage->back_window, &stage->dy, INFER_PAIR, backend->kernels->cell);
	}
	scratch->column_outside = engine_piece(backend, room.outside);
	scratch->column_points = engine_piece(backend, room.points);
	scratch->column_x = engine_piece(backend, room.wgrad_x);
	scratch->column_dy = engine_piece(backend, room.wgrad_dy);
	return scratch->column_outside && scratch->column_points && scratch->column_x && scratch->column_dy;
}

/* ---- images ---- */

void
columns_images(const KernelTable *kernels, Conv *conv, const Plane *plane, const void *in, uint32_t n, uint8_t zero,
	       Scratch *scratch)
{
	const Window *win = &conv->window;
	const size_t cell = kernels->cell, per_word = sizeof(float) / cell;
	const size_t row = points_row(win, plane), image = points_image(win, plane);
	Columns points = { .window = *win, .lanes = plane->lanes, .x = plane_grid(plane, in, cell, cell),
			   .outside = scratch->column_outside, .points = scratch->column_points };

	if (cell == sizeof(uint8_t))
		memset(scratch->column_outside, zero, row);
	for (uint32_t i = 0; i < n; i++) {
		kernels->columns(&points);
		points.x.data = cells_at(points.x.data, points.x.image, cell);
		points.points = cells_at(points.points, image, cell);
	}
	conv->x = (Grid){ .data = scratch->column_points, .pixel = plane->lanes / per_word, .row = row / per_word,
			  .image = image / per_word };
	conv->has_points = true;
}

/* ---- weights of bytes ---- */

double
columns_absolute_most(void)
{
	return 0x1p31 / (256 + POINT_ZERO);
}

void
columns_weights(const KernelTable *floats, const StageLayout *stage, const float *from, float *to)
{
	const size_t row = (size_t)TAP_COLUMNS * stage->depth * floats->block;
	const float *const rows[3] = { from, from + row, from + 2 * row };

	for (uint32_t point = 0; point < COLUMN_POINTS; point++)
		floats->weight_point(point, rows, row, to + point * row);
}

/* Sums over one output channel's weights, of every column of every point. */
static void
sum_columns(const StageLayout *stage, const float *whole, uint32_t block, int32_t sums[COLUMN_TAPS])
{
	for (size_t tap = 0; tap < COLUMN_TAPS; tap++) {
		sums[tap] = 0;
		for (size_t c = 0; c < stage->depth; c++)
			sums[tap] += (int32_t)whole[(tap * stage->depth + c) * block];
	}
}

/* A point's, of the columns that lie inside the picture where x is computed. */
static int32_t
sum_inside(const Window *win, const int32_t sums[COLUMN_TAPS], uint32_t point, uint32_t x)
{
	int32_t sum = 0;

	for (uint32_t kx = 0; kx < TAP_COLUMNS; kx++) {
		const int64_t ix = (int64_t)x + kx - win->pad_left;
		sum += ix >= 0 && ix < win->in_w ? sums[point * TAP_COLUMNS + kx] : 0;
	}
	return sum;
}

/* By how much a point is above (P) or below (Q, A, D) what it stands for, in the mean: half a unit where the two bytes' sum is
 * odd, every second time; less often among bytes that are 0 wherever ReLU was: 0.13 to 0.19 served five nets best. */
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
	int32_t *upper = folded->column_start[s], *lower = upper + (size_t)stage->window.out_w * lanes;

	for (uint32_t i = 0; i < block && first + i < stage->channels; i++) {
		int32_t sums[COLUMN_TAPS];
		sum_columns(stage, whole + i, block, sums);
		for (uint32_t x = 0; x < stage->window.out_w; x++) {
			const int32_t p = sum_inside(&stage->window, sums, 0, x), q = sum_inside(&stage->window, sums, 1, x);
			const int32_t a = sum_inside(&stage->window, sums, 2, x), d = sum_inside(&stage->window, sums, 3, x);
			const size_t at = (size_t)x * lanes + first + i;
			upper[at] = -zero * p - POINT_ZERO / 2 * (a + d) + (int32_t)lrint(rounding * (0.5 * (a + d) - p));
			lower[at] = -POINT_ZERO * q - POINT_ZERO / 2 * (a - d) + (int32_t)lrint(rounding * (0.5 * (a - d) + q));
		}
	}
}

void
columns_pack(const Folded *folded, size_t s, uint32_t n, const float *whole)
{
	const StageLayout *stage = &folded->layout.stages[s];
	const size_t tap = (size_t)stage->depth_words * folded->layout.block;
	float *words = (float *)folded->words + stage->words + n * stage->words_block;

	for (size_t i = 0; i < COLUMN_TAPS; i++)
		folded->kernels->pack(whole + i * stage->depth * folded->layout.block, stage->depth, words + i * tap);
	set_start(folded, s, n, whole);
}
