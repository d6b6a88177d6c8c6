/* mainstage.c: conv, patches, dense and flatten as jobs of the two kernels that multiply. */
#include "cpu/engine.h"

enum { DENSE_DEPTH = 448 }; /* inputs of a dense layer at once: weights of a block take 56 KB, 14 images 25 KB */

void
main_images(const MainJob *job, const float *in, float *y, const Plane *y_plane, uint32_t n)
{
	const StageLayout *stage = job->stage;
	const Conv conv = {
		.window = stage->window,
		.n = n,
		.c = stage->c,
		.lanes = stage->y.lanes,
		.x = plane_grid(&stage->in, (float *)(uintptr_t)in),
		.y = plane_grid(y_plane, y),
		.weight = job->weight,
		.weight_block = stage->weight->block_stride,
		.bias = job->bias,
		.is_relu = job->is_relu,
	};
	job->backend->kernels->conv(&conv, 0, blocks_of_stage(job->backend, stage));
}

/* Rows that lie without a gap are one long row. */
static Window
flat_window(uint32_t rows, uint32_t width, bool has_gaps)
{
	const uint32_t h = has_gaps ? rows : 1, w = has_gaps ? width : rows * width;

	return (Window){ .in_h = h, .in_w = w, .out_h = h, .out_w = w, .kernel_h = 1, .kernel_w = 1, .stride = 1 };
}

void
main_patches(const MainJob *job, const uint8_t *pixels, float *y, const Plane *y_plane, Scratch *scratch)
{
	const StageLayout *stage = job->stage;
	const uint32_t lanes = input_patch_lanes(stage), band = input_band(stage), width = stage->window.out_w;
	Conv conv = {
		.n = 1,
		.c = stage->taps * stage->c,
		.lanes = stage->y.lanes,
		.x = { .data = scratch->patches, .pixel = lanes, .row = (size_t)width * lanes },
		.weight = job->weight,
		.weight_block = stage->weight->block_stride,
		.bias = job->bias,
		.is_relu = job->is_relu,
	};

	input_picture(job->backend, stage, pixels, scratch->picture);
	for (uint32_t row = 0; row < stage->window.out_h; row += band) {
		const uint32_t end = row + band < stage->window.out_h ? row + band : stage->window.out_h;
		input_patches(stage, scratch->picture, row, end, scratch->patches);
		conv.window = flat_window(end - row, width, y_plane->left + y_plane->right > 0);
		conv.y = plane_grid(y_plane, y);
		conv.y.data += row * conv.y.row;
		job->backend->kernels->conv(&conv, 0, blocks_of_stage(job->backend, stage));
	}
}

void
main_dense(const MainJob *job, const float *in, float *y, uint32_t n, uint32_t first_block, uint32_t end_block)
{
	const StageLayout *stage = job->stage;
	Conv conv = {
		.window = flat_window(1, n, false),
		.n = 1,
		.lanes = stage->y.lanes,
		.x = { .pixel = plane_image(&stage->in) },
		.y = { .data = y, .pixel = stage->y.lanes },
		.weight_block = stage->weight->block_stride,
	};

	for (uint32_t k = 0; k < stage->c; k += DENSE_DEPTH) {
		const bool is_last = stage->c - k <= DENSE_DEPTH;
		conv.c = is_last ? stage->c - k : DENSE_DEPTH;
		conv.x.data = (float *)(uintptr_t)in + k;
		conv.weight = job->weight + (size_t)k * job->backend->kernels->block;
		conv.is_added = k > 0;
		conv.bias = is_last ? job->bias : NULL;
		conv.is_relu = is_last && job->is_relu;
		job->backend->kernels->conv(&conv, first_block, end_block);
	}
}

void
main_flatten(const StageLayout *stage, const float *in, float *y)
{
	const Plane *plane = &stage->in;
	const uint32_t c = stage->stage->in.c;

	for (size_t i = 0; i < (size_t)plane->h * plane->w; i++)
		for (uint32_t j = 0; j < c; j++)
			y[j * (size_t)plane->h * plane->w + i] = in[i * plane->lanes + j];
}

void
main_unflatten(const StageLayout *stage, const float *dy, float *din)
{
	const Plane *plane = &stage->in;
	const uint32_t c = stage->stage->in.c;

	for (size_t i = 0; i < (size_t)plane->h * plane->w; i++)
		for (uint32_t j = 0; j < c; j++)
			din[i * plane->lanes + j] = dy[j * (size_t)plane->h * plane->w + i];
}

void
main_images_back(const Backend *backend, const StageLayout *stage, const float *dy, float *din, uint32_t n)
{
	const Plane in = { .h = stage->in.h, .w = stage->in.w, .lanes = stage->in.lanes };
	const uint32_t block = backend->kernels->block;
	const Conv conv = {
		.window = stage->back_window,
		.n = n,
		.c = stage->channels,
		.lanes = in.lanes,
		.x = plane_grid(&stage->dy, (float *)(uintptr_t)dy),
		.y = plane_grid(&in, din),
		.weight = backend->back + stage->back_weight,
		.weight_block = (size_t)stage->taps * stage->channels * block,
	};
	backend->kernels->conv(&conv, 0, (in.lanes + block - 1) / block);
}

void
main_dense_back(const Backend *backend, const StageLayout *stage, const float *dy, float *din, uint32_t n,
		uint32_t first_block, uint32_t end_block)
{
	const Conv conv = {
		.window = flat_window(1, n, false),
		.n = 1,
		.c = stage->channels,
		.lanes = (uint32_t)plane_image(&stage->in),
		.x = { .data = (float *)(uintptr_t)dy, .pixel = stage->y.lanes },
		.y = { .data = din, .pixel = plane_image(&stage->in) },
		.weight = backend->back + stage->back_weight,
		.weight_block = (size_t)stage->channels * backend->kernels->block,
	};
	backend->kernels->conv(&conv, first_block, end_block);
}

void
main_images_wgrad(const Backend *backend, const StageLayout *stage, const float *in, const float *dy, uint32_t n,
		  uint32_t block, float *dweight)
{
	Grid grid = plane_grid(&stage->dy, (float *)(uintptr_t)dy);

	if (stage->dilation > 1) /* what is kept is not dilated and has no halo */
		grid = plane_grid(&stage->y, (float *)(uintptr_t)dy);
	const Wgrad job = {
		.window = stage->window,
		.n = n,
		.c = stage->c,
		.lanes = stage->y.lanes,
		.x = plane_grid(&stage->in, (float *)(uintptr_t)in),
		.dy = grid,
		.dweight = dweight,
		.weight_block = stage->weight->block_stride,
	};
	backend->kernels->wgrad(&job, block, block + 1);
}

void
main_patches_wgrad(const Backend *backend, const StageLayout *stage, const uint8_t *pixels, const float *dy,
		   Scratch *scratch, float *dweight, bool is_added)
{
	const uint32_t lanes = input_patch_lanes(stage), band = input_band(stage), width = stage->window.out_w;
	Wgrad job = {
		.n = 1,
		.c = stage->taps * stage->c,
		.lanes = stage->y.lanes,
		.x = { .data = scratch->patches, .pixel = lanes },
		.dy = { .pixel = stage->y.lanes },
		.dweight = dweight,
		.weight_block = stage->weight->block_stride,
		.is_added = is_added,
	};

	input_picture(backend, stage, pixels, scratch->picture);
	for (uint32_t row = 0; row < stage->window.out_h; row += band) {
		const uint32_t end = row + band < stage->window.out_h ? row + band : stage->window.out_h;
		input_patches(stage, scratch->picture, row, end, scratch->patches);
		job.window = flat_window(1, (end - row) * width, false);
		job.dy.data = (float *)(uintptr_t)dy + (size_t)row * width * stage->y.lanes;
		backend->kernels->wgrad(&job, 0, blocks_of_stage(backend, stage));
		job.is_added = true;
	}
}

void
main_dense_wgrad(const Backend *backend, const StageLayout *stage, const float *in, const float *dy, uint32_t n,
		 uint32_t panel, Scratch *scratch, float *dweight)
{
	const uint32_t k = panel * CHANNEL_ALIGN, c = stage->c - k < CHANNEL_ALIGN ? stage->c - k : CHANNEL_ALIGN;
	const size_t image = plane_image(&stage->in);
	const Wgrad job = {
		.window = flat_window(1, n, false),
		.n = 1,
		.c = c,
		.lanes = stage->y.lanes,
		.x = { .data = scratch->panel, .pixel = CHANNEL_ALIGN },
		.dy = { .data = (float *)(uintptr_t)dy, .pixel = stage->y.lanes },
		.dweight = dweight + (size_t)k * backend->kernels->block,
		.weight_block = stage->weight->block_stride,
	};

	/* One cache line of every image: read in place, they would meet few sets of the cache and many pages. */
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t j = 0; j < CHANNEL_ALIGN; j++)
			scratch->panel[i * CHANNEL_ALIGN + j] = in[i * image + k + j];
	backend->kernels->wgrad(&job, 0, blocks_of_stage(backend, stage));
}
