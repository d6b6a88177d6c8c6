/* first.c: training a first stage (convolution of stride 1, batch norm, 2 x 2 max pool) whose result y is nowhere stored.
 *
 * With few input channels y is far larger than what it is made of. Its batch moments need no convolution: y = W p, p the
 * pixels that the taps see, so sum y = W g and sum y^2 = W G W', where g and G are sums of pixels and of products of two
 * pixels over all places, exact as integers. So the convolution runs once, batch norm, ReLU and pool in its registers.
 * The gradient of batch norm is dy = a d + b y + c, that of the weights the sum of dy p: a S + b G W' + c g, where S is
 * the sum of d p over the windows' winners alone. sum d y is W S.
 *
 * Pixels are multiplied as they come, 0 to 255, which bf16 holds; the scale is in the weights. Where it has a shift, padding
 * is not what a pixel of 0 is: such nets, and all others, go the usual way. */
#include "cpu/first.h"

#include <string.h>

enum {
	GRAM_BYTES_MOST = 512 << 10, /* of sums: they should stay in the cache */
	SLACK = 64,		     /* elements behind a picture's last row */
};

static size_t
window_cells(const First *shape)
{
	return (size_t)(shape->out_h / 2) * (shape->out_w / 2) * shape->lanes;
}

/* ---- shape and memory ---- */

static First
shape_of(const Backend *backend)
{
	const StageLayout *stage = backend->layout.stages;
	const Window *win = &stage->window;
	const uint32_t per_word = backend->layout.per_word, right = win->out_w + win->kernel_w - 1;
	const uint32_t bottom = win->out_h + win->kernel_h - 1;
	First shape = {
		.h = win->in_h, .w = win->in_w, .channels = stage->stage->in.c, .kernel_h = win->kernel_h,
		.kernel_w = win->kernel_w, .pad_top = win->pad_top, .pad_left = win->pad_left, .out_h = win->out_h,
		.out_w = win->out_w, .lanes = stage->y.lanes,
		.run = (win->kernel_w * stage->stage->in.c + per_word - 1) / per_word,
		.row = win->pad_left + win->in_w > right ? win->pad_left + win->in_w : right,
	};

	shape.plane = shape.row * (win->pad_top + win->in_h > bottom ? win->pad_top + win->in_h : bottom);
	return shape;
}

/* Sums of products must not cost as much as what they save, and not overflow within one image. */
bool
first_is_possible(const Backend *backend)
{
	const StageLayout *stage = backend->layout.stages;
	const Net *net = backend->net;
	const First shape = shape_of(backend);
	const size_t row_taps = (size_t)shape.kernel_w * shape.channels;

	if (!backend->kernels->first || stage->kind != MAIN_PATCHES || !stage->stage->bn || !stage->is_fused ||
	    !stage->has_pool || stage->pool.stride != 2 || stage->window.stride != 1)
		return false;
	for (uint32_t c = 0; c < shape.channels; c++)
		if (net->shift[c] != 0)
			return false;
	return 2 * row_taps <= shape.lanes && first_gram_count(&shape) * GRAM_LANES * sizeof(int32_t) <= GRAM_BYTES_MOST &&
	       first_gram_adds(&shape) <= GRAM_ADDS_MOST && shape.out_h >= shape.kernel_h;
}

static bool
allocate_thread(Backend *backend, FirstScratch *scratch)
{
	const FirstMemory *first = backend->first;
	const First *shape = &first->shape;
	const size_t cells = shape->plane * shape->channels + SLACK, cell = backend->kernels->cell;
	const size_t products = first_gram_count(shape), pixels = (size_t)first->classes * first->row_taps;

	for (int i = 0; i < 2; i++)
		scratch->mixed[i] = engine_piece(backend, cells * cell);
	scratch->planes = shape->channels == 1 ? scratch->mixed[0] : engine_piece(backend, cells * cell);
	scratch->shorts = engine_piece(backend, cells * sizeof *scratch->shorts);
	scratch->products = engine_piece(backend, products * GRAM_LANES * sizeof *scratch->products);
	scratch->pixels = engine_piece(backend, pixels * GRAM_LANES * sizeof *scratch->pixels);
	scratch->products_total = engine_piece(backend, products * sizeof *scratch->products_total);
	scratch->pixels_total = engine_piece(backend, pixels * sizeof *scratch->pixels_total);
	scratch->windows = engine_piece(backend, backend->kernels->first->scratch(shape));
	return scratch->mixed[0] && scratch->mixed[1] && scratch->planes && scratch->shorts && scratch->products &&
	       scratch->pixels && scratch->products_total && scratch->pixels_total && scratch->windows;
}

bool
first_allocate(Backend *backend)
{
	const StageLayout *stage = backend->layout.stages;
	FirstMemory *first = backend->first = engine_piece(backend, sizeof *first);
	bool ok = first != NULL;

	if (!ok)
		return false;
	first->shape = shape_of(backend);
	first->taps = stage->depth;
	first->row_taps = first->shape.kernel_w * first->shape.channels;
	first->classes = 2 * first->shape.kernel_h - 1;
	memcpy(first->scale, backend->net->scale, sizeof first->scale);
	const size_t block = backend->kernels->block, taps = first->taps, lanes = first->shape.lanes, d = sizeof(double);
	first->words = engine_piece(backend, stage->blocks * first->shape.kernel_h * first->shape.run * block * sizeof(float));
	first->rows = engine_piece(backend, first->row_taps * block * sizeof *first->rows);
	first->weights = engine_piece(backend, lanes * taps * d);
	first->product = engine_piece(backend, lanes * taps * d);
	first->gram = engine_piece(backend, taps * taps * d);
	first->pixels = engine_piece(backend, taps * d);
	first->winner = engine_piece(backend, backend->options.batch_most * window_cells(&first->shape));
	first->slice_taps = engine_piece(backend, SLICES * taps * lanes * sizeof *first->slice_taps);
	first->slice_total = engine_piece(backend, SLICES * lanes * sizeof *first->slice_total);
	first->scratch = engine_piece(backend, backend->threads * sizeof *first->scratch);
	ok = first->words && first->rows && first->weights && first->product && first->gram && first->pixels &&
	     first->winner && first->slice_taps && first->slice_total && first->scratch;
	for (int i = 0; ok && i < backend->threads; i++)
		ok = allocate_thread(backend, &first->scratch[i]);
	return ok;
}

/* ---- forward ---- */

void
first_forward(Backend *backend, const Batch *batch, uint32_t image, uint32_t count, int thread)
{
	const FirstMemory *first = backend->first;
	const FirstKernels *kernels = backend->kernels->first;
	const StageLayout *stage = backend->layout.stages;
	const StageMemory *memory = backend->stages;
	const FirstScratch *scratch = &first->scratch[thread];
	const size_t out = plane_image(&stage->out), begin = (size_t)stage->out.left * stage->out.lanes;
	FirstForward job = {
		.shape = first->shape, .n = count, .weight = first->words, .out_row = plane_row(&stage->out),
		.affine = { .scale = memory->channels.scale, .shift = memory->channels.shift, .is_relu = stage->is_relu },
		.pairs = memory->out_pairs ? cells_at(memory->out_pairs, image / 2 * out + begin, sizeof(float)) : NULL,
	};

	for (uint32_t i = 0; i < count; i++) {
		kernels->pictures(&first->shape, batch_pixels(backend, batch, image + i), scratch->mixed[i], NULL);
		job.mixed[i] = scratch->mixed[i];
		job.out[i] = cells_at(memory->out, (image + i) * out + begin, backend->kernels->cell);
		job.winner[i] = first->winner + (image + i) * window_cells(&first->shape);
	}
	kernels->forward(&job);
}

/* ---- backward ---- */

void
first_begin_slice(Backend *backend, size_t slice)
{
	const FirstMemory *first = backend->first;
	const size_t lanes = first->shape.lanes, taps = first->taps * lanes;

	memset(first->slice_taps + slice * taps, 0, taps * sizeof *first->slice_taps);
	memset(first->slice_total + slice * lanes, 0, lanes * sizeof *first->slice_total);
}

void
first_back(Backend *backend, const Batch *batch, uint32_t image, uint32_t count, size_t slice, int thread)
{
	const FirstMemory *first = backend->first;
	const FirstKernels *kernels = backend->kernels->first;
	const FirstScratch *scratch = &first->scratch[thread];
	const size_t cells = window_cells(&first->shape), lanes = first->shape.lanes;

	for (uint32_t i = image; i < image + count; i++) {
		kernels->pictures(&first->shape, batch_pixels(backend, batch, i), scratch->mixed[0], scratch->planes);
		kernels->back(&(FirstBack){
			.shape = first->shape, .planes = scratch->planes,
			.dout = cells_at(backend->dout[0], i * cells, backend->kernels->cell),
			.winner = first->winner + i * cells, .scratch = scratch->windows,
			.taps = first->slice_taps + slice * first->taps * lanes, .total = first->slice_total + slice * lanes,
		});
	}
}

/* rows[0] = the sum of rows[SLICES][count], in a fixed order, added up in double */
static void
add_slices(float *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		double sum = 0;
		for (uint32_t slice = 0; slice < SLICES; slice++)
			sum += (double)rows[slice * count + i];
		rows[i] = (float)sum;
	}
}

void
first_sums(Backend *backend)
{
	const FirstMemory *first = backend->first;
	const uint32_t lanes = first->shape.lanes;
	const StageChannels *channels = &backend->stages->channels;

	add_slices(first->slice_taps, (size_t)first->taps * lanes);
	add_slices(first->slice_total, lanes);
	for (uint32_t c = 0; c < lanes; c++) {
		double with_y = 0;
		for (uint32_t t = 0; t < first->taps; t++)
			with_y += first->weights[(size_t)c * first->taps + t] * (double)first->slice_taps[(size_t)t * lanes + c];
		channels->sums[c] = (double)first->slice_total[c];
		channels->sums[lanes + c] = with_y - (double)channels->mean[c] * (double)first->slice_total[c];
	}
}

void
first_gradient(Backend *backend)
{
	const FirstMemory *first = backend->first;
	const StageLayout *stage = backend->layout.stages;
	const uint32_t lanes = first->shape.lanes, taps = first->taps, block = backend->kernels->block;
	const float *a = backend->stages->channels.coefficients, *b = a + lanes, *c = b + lanes;
	float *gradient = backend->gradient + stage->weight->offset;

	for (uint32_t o = 0; o < stage->channels; o++)
		for (uint32_t t = 0; t < taps; t++) {
			const double sum = (double)a[o] * (double)first->slice_taps[(size_t)t * lanes + o] +
					   (double)b[o] * first->product[(size_t)o * taps + t] +
					   (double)c[o] * first->pixels[t];
			gradient[o / block * stage->weight->block_stride + t * block + o % block] =
				(float)(sum * (double)first->scale[t % first->shape.channels]);
		}
}
