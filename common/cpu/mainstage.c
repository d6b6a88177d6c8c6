/* mainstage.c: conv, patches, dense and flatten as jobs of the two kernels that multiply. */
#include "cpu/columns.h"
#include "cpu/split.h"

#include <string.h>

enum {
	DENSE_DEPTH = 448, /* words of a dense layer at once: weights of a block take 56 KB, 14 images 25 KB */
	DENSE_TAP = 64,	   /* words: between two of them others' words are asked for */
	PANEL_STEP = 8,	   /* inputs whose parameters are asked for at once: not more lines than can be under way */
};

#define WORD sizeof(float)

void
ahead_add(Ahead *all, const void *data, size_t bytes)
{
	for (int i = 0; i < AHEADS; i++)
		if (!all[i].bytes) {
			all[i] = (Ahead){ data, bytes };
			return;
		}
}

/* A whole job but for where x and y are. */
static Conv
forward_conv(const MainJob *job)
{
	const StageLayout *stage = job->stage;

	return (Conv){
		.window = stage->window,
		.n = 1,
		.c = stage->depth_words,
		.lanes = stage->y.lanes,
		.weight = cells_at(job->words, stage->words, WORD),
		.weight_block = stage->words_block,
		.scale = job->scale,
		.bias = job->bias,
		.bias_pixel = job->bias_pixel,
		.y_is_float = job->y_is_float,
		.is_relu = job->is_relu,
		.sum = job->sum,
		.square = job->square,
	};
}

static Conv
backward_conv(const Backend *backend, const StageLayout *stage)
{
	const uint32_t per_word = backend->layout.per_word;

	return (Conv){
		.window = stage->back_window,
		.n = 1,
		.c = (stage->channels + per_word - 1) / per_word,
		.lanes = channels_padded(stage->depth),
		.weight = cells_at(backend->back, stage->back_words, WORD),
		.weight_block = stage->back_block,
	};
}

/* Rows that lie without a gap are one long row. */
static Window
flat_window(uint32_t rows, uint32_t width, bool has_gaps)
{
	const uint32_t h = has_gaps ? rows : 1, w = has_gaps ? width : rows * width;

	return (Window){ .in_h = h, .in_w = w, .out_h = h, .out_w = w, .kernel_h = 1, .kernel_w = 1, .stride = 1 };
}

/* ---- convolutions ---- */

void
main_images(const MainJob *job, const void *in, void *y, const Plane *y_plane, uint32_t n, Scratch *scratch)
{
	const size_t cell = job->kernels->cell, y_cell = job->y_is_float ? sizeof(float) : cell;
	const StageLayout *stage = job->stage;
	const Folded *folded = &job->backend->folded;
	Conv conv = forward_conv(job);

	conv.n = n;
	conv.x = plane_grid(&stage->in, in, cell, WORD);
	conv.y = plane_grid(y_plane, y, y_cell, y_cell);
	memcpy(conv.ahead, job->ahead, sizeof conv.ahead);
	if (stage_has_columns(stage))
		columns_images(job->kernels, &conv, &stage->in, in, n,
			       job->scale ? (uint8_t)folded->quantities[stage->from].zero : 0, scratch);
	if (job->scale && stage_has_columns(stage))
		conv.start = folded->column_start[stage - folded->layout.stages];
	split_conv(job->team, job->kernels, &conv, stage->blocks);
}

void
main_images_back(const Backend *backend, const StageLayout *stage, const void *dy, void *din, uint32_t n, const Ahead *ahead,
		 Scratch *scratch)
{
	const size_t cell = backend->kernels->cell;
	const Plane in = plane_bare(&stage->in);
	Conv conv = backward_conv(backend, stage);

	conv.n = n;
	conv.x = plane_grid(&stage->dy, dy, cell, WORD);
	conv.y = plane_grid(&in, din, cell, cell);
	memcpy(conv.ahead, ahead, sizeof conv.ahead);
	if (stage->back_taps != stage->taps)
		columns_images(backend->kernels, &conv, &stage->dy, dy, n, 0, scratch);
	backend->kernels->conv(&conv, 0, stage->back_blocks);
}

void
main_images_wgrad(const Backend *backend, const StageLayout *stage, uint32_t image, uint32_t n, uint32_t block,
		  const void *dy, float *dweight, bool is_added)
{
	const StageMemory *from = &backend->stages[stage->from];
	const bool is_paired = backend->layout.per_word == 2;
	const Plane *dy_plane = is_paired || stage->dilation > 1 ? &stage->y : &stage->dy;
	const size_t group = is_paired ? image / 2 : image;
	const Wgrad job = {
		.window = stage->window,
		.n = is_paired ? (n + 1) / 2 : n,
		.c = stage->depth,
		.lanes = stage->y.lanes,
		.x = plane_grid(&stage->in, cells_at(is_paired ? from->out_pairs : from->out,
						     group * plane_image(&stage->in), WORD), WORD, WORD),
		.dy = plane_grid(dy_plane, dy, WORD, WORD),
		.dweight = dweight,
		.weight_block = stage->weight->block_stride,
		.is_added = is_added,
	};
	backend->kernels->wgrad(&job, block, block + 1);
}

/* ---- depthwise ---- */

Depthwise
main_depthwise(const StageLayout *stage, size_t cell, const float *param, const void *x, const void *y, const Plane *y_plane)
{
	return (Depthwise){
		.window = stage->window, .lanes = stage->y.lanes, .weight = param + stage->weight->offset,
		.x = plane_grid(&stage->in, x, cell, cell), .y = plane_grid(y_plane, y, cell, cell),
	};
}

/* ---- the first convolution ---- */

void
main_patches(const MainJob *job, const uint8_t *pixels, void *y, const Plane *y_plane, Scratch *scratch)
{
	const StageLayout *stage = job->stage;
	const uint32_t lanes = input_patch_lanes(stage), band = input_band(stage), width = stage->window.out_w;
	const size_t cell = job->kernels->cell;
	const uint8_t *const one[2] = { pixels, NULL };
	void *patches = input_patches_of(job->kernels, scratch);
	Conv conv = forward_conv(job);

	conv.x = (Grid){ .data = patches, .pixel = lanes * cell / WORD, .row = width * lanes * cell / WORD };
	input_picture(job->backend, job->kernels, stage, one, false, scratch);
	for (uint32_t row = 0; row < stage->window.out_h; row += band) {
		const uint32_t end = row + band < stage->window.out_h ? row + band : stage->window.out_h;
		input_patches(stage, input_picture_of(job->kernels, scratch), cell, row, end, patches);
		conv.window = flat_window(end - row, width, y_plane->left + y_plane->right > 0);
		conv.y = plane_grid(y_plane, y, cell, cell);
		conv.y.data = cells_at(conv.y.data, row * conv.y.row, cell);
		job->kernels->conv(&conv, 0, stage->blocks);
	}
}

void
main_patches_wgrad(const Backend *backend, const uint8_t *const pixels[2], const void *dy, Scratch *scratch,
		   float *dweight, bool is_added)
{
	const StageLayout *stage = backend->layout.stages;
	const bool is_paired = backend->layout.per_word == 2;
	const uint32_t lanes = input_patch_lanes(stage), band = input_band(stage), width = stage->window.out_w;
	Wgrad job = {
		.n = 1,
		.c = stage->depth,
		.lanes = stage->y.lanes,
		.x = { .data = scratch->patches, .pixel = lanes },
		.dy = { .pixel = stage->y.lanes },
		.dweight = dweight,
		.weight_block = stage->weight->block_stride,
		.is_added = is_added,
	};

	input_picture(backend, backend->kernels, stage, pixels, is_paired, scratch);
	for (uint32_t row = 0; row < stage->window.out_h; row += band) {
		const uint32_t end = row + band < stage->window.out_h ? row + band : stage->window.out_h;
		input_patches(stage, is_paired ? scratch->pictures : scratch->picture, WORD, row, end, scratch->patches);
		job.window = flat_window(1, (end - row) * width, false);
		job.dy.data = cells_at(dy, (size_t)row * width * stage->y.lanes, WORD);
		backend->kernels->wgrad(&job, 0, stage->blocks);
		job.is_added = true;
	}
}

/* ---- dense ---- */

/* Words that follow those at hand, from word `next` of a block on; those of the next block after the last. */
static Ahead
dense_ahead(const MainJob *job, uint32_t block, uint32_t next)
{
	const StageLayout *stage = job->stage;
	const uint32_t left = stage->depth_words - next, words = left < DENSE_DEPTH ? left : DENSE_DEPTH;
	const size_t offset = stage->words + block * stage->words_block + (size_t)next * job->kernels->block;

	if (!left)
		return block + 1 < stage->blocks ? dense_ahead(job, block + 1, 0) : (Ahead){ 0 };
	return (Ahead){ cells_at(job->words, offset, WORD), (size_t)words * job->kernels->block * WORD };
}

void
main_dense(const MainJob *job, const void *in, float *y, uint32_t n, uint32_t first_block, uint32_t end_block)
{
	const StageLayout *stage = job->stage;
	Conv conv = forward_conv(job);

	conv.window = flat_window(1, n, false);
	conv.x = (Grid){ .pixel = plane_image(&stage->in) * job->kernels->cell / WORD, .row = DENSE_TAP };
	conv.y = (Grid){ .data = y, .pixel = stage->y.lanes };
	conv.y_is_float = true;
	for (uint32_t k = 0; k < stage->depth_words; k += DENSE_DEPTH) {
		const bool is_last = stage->depth_words - k <= DENSE_DEPTH;
		const uint32_t depth = is_last ? stage->depth_words - k : DENSE_DEPTH;
		conv.window.kernel_h = conv.window.in_h = !job->asks_ahead || depth % DENSE_TAP ? 1 : depth / DENSE_TAP;
		conv.c = depth / conv.window.kernel_h;
		conv.x.data = cells_at(in, k, WORD);
		conv.weight = cells_at(job->words, stage->words + (size_t)k * job->kernels->block, WORD);
		if (job->asks_ahead)
			conv.ahead[0] = dense_ahead(job, first_block, k + depth);
		conv.is_added = k > 0;
		conv.scale = is_last ? job->scale : NULL;
		conv.bias = is_last ? job->bias : NULL;
		conv.is_relu = is_last && job->is_relu;
		job->kernels->conv(&conv, first_block, end_block);
	}
}

void
main_dense_back(const Backend *backend, const StageLayout *stage, const void *dy, void *din, bool din_is_float,
		uint32_t n, uint32_t first_block, uint32_t end_block)
{
	const uint32_t next_end = end_block < stage->back_blocks ? end_block + 1 : end_block;
	Conv conv = backward_conv(backend, stage);

	conv.window = flat_window(1, n, false);
	conv.x = (Grid){ .data = (void *)(uintptr_t)dy, .pixel = stage->y.lanes * backend->kernels->cell / WORD };
	conv.y = (Grid){ .data = din, .pixel = plane_image(&stage->in) };
	conv.y_is_float = din_is_float;
	conv.ahead[0] = (Ahead){ cells_at(conv.weight, (first_block + 1) * stage->back_block, WORD),
				 (next_end - first_block - 1) * stage->back_block * WORD };
	backend->kernels->conv(&conv, first_block, end_block);
}

/* What an update of these parameters reads has not been touched since the last one; it comes while others multiply. */
static void
fetch_parameters(const Backend *backend, size_t offset, size_t count)
{
	static const Vector read[] = { VECTOR_PARAM, VECTOR_M, VECTOR_V };

	for (int i = 0; i < 3; i++)
		for (size_t at = 0; at < count; at += 64 / sizeof(float))
			__builtin_prefetch(backend->vectors[read[i]] + offset + at, 1);
}

/* In a step: the gradient of a panel's weights, one block at a time in the first-level cache, where it is applied and the
 * new weights are packed; it is stored nowhere else. */
static void
update_panel(const Backend *backend, const StageLayout *stage, const Wgrad *panel, uint32_t first, float *gradient)
{
	const uint32_t lanes = backend->kernels->block;
	Wgrad job = *panel;

	job.weight_block = 0;
	for (uint32_t block = 0; block < stage->blocks; block++) {
		const size_t offset = stage->weight->offset + block * stage->weight->block_stride + (size_t)first * lanes;
		for (uint32_t i = 0; i < panel->c; i += PANEL_STEP) {
			job.c = panel->c - i < PANEL_STEP ? panel->c - i : PANEL_STEP;
			job.x.data = (float *)panel->x.data + i;
			job.dweight = gradient + (size_t)i * lanes;
			fetch_parameters(backend, offset + (size_t)i * lanes, (size_t)job.c * lanes);
			backend->kernels->wgrad(&job, block, block + 1);
		}
		optimise_floats(backend, offset, (size_t)panel->c * lanes, stage->weight->is_decayed, gradient);
		layout_dense(stage, backend->kernels, block, first, panel->c, backend->vectors[VECTOR_PARAM] + offset,
			     backend->words, backend->back);
	}
}

/* The panel is copied: read in place, it would meet few sets of the cache and many pages. */
void
main_dense_wgrad(const Backend *backend, size_t s, const void *in, uint32_t n, uint32_t panel, Scratch *scratch)
{
	const StageLayout *stage = &backend->layout.stages[s];
	const StageMemory *memory = &backend->stages[s];
	const uint32_t first = panel * PANEL_LANES, per_word = backend->layout.per_word;
	const uint32_t count = stage->depth - first < PANEL_LANES ? stage->depth - first : PANEL_LANES;
	const KernelTable *kernels = backend->kernels;
	const Wgrad job = {
		.window = flat_window(1, (n + per_word - 1) / per_word, false),
		.n = 1,
		.c = count,
		.lanes = stage->y.lanes,
		.x = { .data = scratch->panel, .pixel = PANEL_LANES },
		.dy = { .data = per_word == 2 ? memory->dy_pairs : memory->dy, .pixel = stage->y.lanes },
		.dweight = backend->gradient + stage->weight->offset + (size_t)first * kernels->block,
		.weight_block = stage->weight->block_stride,
	};

	kernels->panel(cells_at(in, first, kernels->cell), plane_image(&stage->in), n, channels_padded(count), scratch->panel);
	if (backend->is_stepping)
		update_panel(backend, stage, &job, first, scratch->panel_gradient);
	else
		kernels->wgrad(&job, 0, stage->blocks);
}

/* ---- flatten ---- */

void
main_flatten(const KernelTable *kernels, const StageLayout *stage, const void *in, float *y, Scratch *scratch)
{
	const Plane *plane = &stage->in;
	const uint32_t c = stage->stage->in.c;

	kernels->load(plane_image(plane), in, scratch->z);
	for (size_t i = 0; i < (size_t)plane->h * plane->w; i++)
		for (uint32_t j = 0; j < c; j++)
			y[j * (size_t)plane->h * plane->w + i] = scratch->z[i * plane->lanes + j];
}

void
main_unflatten(const KernelTable *kernels, const StageLayout *stage, const float *dy, void *din, Scratch *scratch)
{
	const Plane *plane = &stage->in;
	const uint32_t c = stage->stage->in.c;

	for (size_t i = 0; i < (size_t)plane->h * plane->w; i++)
		for (uint32_t j = 0; j < plane->lanes; j++)
			scratch->z[i * plane->lanes + j] = j < c ? dy[j * (size_t)plane->h * plane->w + i] : 0;
	kernels->store(&(Store){ .h = plane->h, .w = plane->w, .lanes = plane->lanes, .from = { scratch->z }, .to = { din },
				 .to_row = plane_row(plane) });
}
