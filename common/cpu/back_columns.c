/* back_columns.c: training in bf16, backward: the gradient of a convolution's weights by columns.
 *
 * Outputs are P + Q + A and P - Q + D, see columns.c, so that with gradients u and v of the two rows the weights of P get what b + c
 * sees of u + v, those of Q what c - b sees of u - v, those of A what a - c sees of u, those of D what b - d sees of v: four
 * rows of products where direct sums take six. What rows become points is linear, and so is what a kernel's weights get of it. */
#include "cpu/columns.h"

enum { TAP_COLUMNS = 3, GROUP_PIXELS = 196, GROUP_MOST = 4 };

#define WORD sizeof(float)

static uint32_t
pairs_of_rows(const StageLayout *stage)
{
	return (stage->window.out_h + 1) / 2;
}

/* So many that the weights' loop, which begins anew for every tap, has some pixels to go through; and no more than stay in the
 * cache with what the way back reads otherwise. */
uint32_t
columns_group(const StageLayout *stage)
{
	const uint32_t pixels = pairs_of_rows(stage) * stage->window.out_w;
	uint32_t pairs = 1;

	while (pairs < GROUP_MOST && pairs * pixels < GROUP_PIXELS)
		pairs *= 2;
	return 2 * pairs;
}

/* Some pairs of images to points, x all four, dy u + v and v - u. */
static void
make_points(const Backend *backend, const StageLayout *stage, const void *x, const void *dy, uint32_t pairs, Scratch *scratch)
{
	const uint32_t cells = (uint32_t)(WORD / backend->kernels->cell);
	const size_t rows = pairs_of_rows(stage), y_row = (size_t)stage->y.w * stage->y.lanes;
	Columns in = { .window = stage->window, .lanes = cells * stage->in.lanes, .outside = scratch->column_outside,
		       .x = plane_grid(&stage->in, x, WORD, backend->kernels->cell), .points = scratch->column_x };
	Columns out = { .window = { .in_h = stage->y.h, .in_w = stage->y.w, .out_h = stage->y.h, .out_w = stage->y.w, .pad_top = 1 },
			.lanes = cells * stage->y.lanes, .outside = scratch->column_outside, .has_two = true,
			.x = plane_grid(&stage->y, dy, WORD, backend->kernels->cell), .points = scratch->column_dy };

	for (uint32_t i = 0; i < pairs; i++) {
		backend->kernels->columns(&in);
		backend->kernels->columns(&out);
		in.x.data = cells_at(in.x.data, plane_image(&stage->in), WORD);
		out.x.data = cells_at(out.x.data, plane_image(&stage->y), WORD);
		in.points = cells_at(in.points, rows * COLUMN_POINTS * stage->window.in_w * stage->in.lanes, WORD);
		out.points = cells_at(out.points, rows * 2 * y_row, WORD);
	}
}

/* The job of one point. u and v are rows of dy as they are. */
static Wgrad
point_job(const Backend *backend, const StageLayout *stage, uint32_t point, const void *dy, uint32_t pairs, Scratch *scratch)
{
	const Window *win = &stage->window;
	const uint32_t rows = pairs_of_rows(stage);
	const size_t x_row = (size_t)win->in_w * stage->in.lanes, y_row = (size_t)win->out_w * stage->y.lanes;
	const size_t x_pair = rows * COLUMN_POINTS * x_row, y_pair = rows * 2 * y_row;
	const bool is_row = point >= 2;

	return (Wgrad){
		.window = { .in_h = rows, .in_w = win->in_w, .out_h = point == 3 ? win->out_h / 2 : rows, .out_w = win->out_w,
			    .kernel_h = 1, .kernel_w = TAP_COLUMNS, .stride = 1, .pad_left = win->pad_left },
		.n = pairs, .c = stage->depth, .lanes = stage->y.lanes,
		.x = { cells_at(scratch->column_x, point * x_row, WORD), stage->in.lanes, COLUMN_POINTS * x_row, x_pair },
		.dy = { cells_at(is_row ? dy : scratch->column_dy, point % 2 * y_row, WORD), stage->y.lanes, 2 * y_row,
			is_row ? plane_image(&stage->y) : y_pair },
		.weight_block = (size_t)COLUMN_TAPS * stage->depth * backend->kernels->block,
	};
}

void
columns_wgrad(const Backend *backend, const StageLayout *stage, const void *x, const void *dy, uint32_t images, uint32_t first_block,
	      uint32_t end_block, float *to, bool is_added, Scratch *scratch)
{
	const size_t row = (size_t)TAP_COLUMNS * stage->depth * backend->kernels->block;
	const uint32_t group = columns_group(stage) / 2, pairs = (images + 1) / 2;

	for (uint32_t i = 0; i < pairs; i += group) {
		const uint32_t n = pairs - i < group ? pairs - i : group;
		const void *here = cells_at(dy, i * plane_image(&stage->y), WORD);
		make_points(backend, stage, cells_at(x, i * plane_image(&stage->in), WORD), here, n, scratch);
		for (uint32_t block = first_block; block < end_block; block++)
			for (uint32_t point = 0; point < COLUMN_POINTS; point++) {
				Wgrad job = point_job(backend, stage, point, here, n, scratch);
				job.dweight = to + point * row;
				job.is_added = is_added || i;
				backend->kernels->wgrad(&job, block, block + 1);
			}
	}
}
