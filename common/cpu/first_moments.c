/* first_moments.c: batch moments of the first convolution, from the pixels' products and the weights; see first.c. */
#include "cpu/first.h"

#include <math.h>
#include <string.h>

/* ---- weights ---- */

/* What a word holds of a weight: itself, or rounded to bf16, to nearest, ties to even. */
static double
as_multiplied(float weight, bool is_half)
{
	uint32_t bits;

	if (!is_half || !isfinite(weight))
		return (double)weight;
	memcpy(&bits, &weight, sizeof bits);
	bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000;
	memcpy(&weight, &bits, sizeof bits);
	return (double)weight;
}

static void
make_weights(Backend *backend)
{
	FirstMemory *first = backend->first;
	const StageLayout *stage = backend->layout.stages;
	const uint32_t block = backend->kernels->block, run = first->row_taps, lanes = first->shape.lanes;
	const bool is_half = backend->layout.per_word == 2;
	float *words = first->words;

	for (uint32_t b = 0; b < stage->blocks; b++)
		for (uint32_t ky = 0; ky < first->shape.kernel_h; ky++, words += (size_t)first->shape.run * block) {
			const float *from = backend->vectors[VECTOR_PARAM] + stage->weight->offset +
					    b * stage->weight->block_stride + (size_t)ky * run * block;
			for (uint32_t i = 0; i < run; i++)
				for (uint32_t o = 0; o < block; o++) {
					const float weight = from[i * block + o] * first->scale[i % first->shape.channels];
					first->rows[i * block + o] = weight;
					if (b * block + o < lanes)
						first->weights[(size_t)(b * block + o) * first->taps + ky * run + i] =
							as_multiplied(weight, is_half);
				}
			backend->kernels->pack(first->rows, run, words);
		}
}

/* ---- moments ---- */

typedef struct FirstJob {
	Backend *backend;
	const Batch *batch;
} FirstJob;

/* Sums of int32 to those of int64. */
static void
gather(int32_t *sums, size_t count, int64_t *total)
{
	for (size_t i = 0; i < count; i++, sums += GRAM_LANES) {
		int64_t sum = 0;
		for (int lane = 0; lane < GRAM_LANES; lane++)
			sum += sums[lane];
		total[i] += sum;
		memset(sums, 0, GRAM_LANES * sizeof *sums);
	}
}

static void
gather_thread(const FirstMemory *first, FirstScratch *scratch)
{
	gather(scratch->products, first_gram_count(&first->shape), scratch->products_total);
	gather(scratch->pixels, (size_t)first->classes * first->row_taps, scratch->pixels_total);
	scratch->adds = 0;
}

static void
gram_slice(void *context, size_t task, int thread)
{
	const FirstJob *job = context;
	const FirstMemory *first = job->backend->first;
	const FirstKernels *kernels = job->backend->kernels->first;
	const First *shape = &first->shape;
	const uint32_t adds = (uint32_t)first_gram_adds(shape);
	const Slice slice = slice_of_images(job->batch->n, SLICES, (uint32_t)task);
	FirstScratch *scratch = &first->scratch[thread];

	for (uint32_t image = slice.begin; image < slice.end; image++) {
		if (scratch->adds + adds > GRAM_ADDS_MOST)
			gather_thread(first, scratch);
		scratch->adds += adds;
		kernels->shorts(shape, batch_pixels(job->backend, job->batch, image), scratch->shorts);
		kernels->gram(shape, scratch->shorts, scratch->products, scratch->pixels);
	}
}

/* Integers: whichever thread took which images, the sums are the same. */
static void
gather_threads(Backend *backend)
{
	FirstMemory *first = backend->first;
	const size_t products = first_gram_count(&first->shape), pixels = (size_t)first->classes * first->row_taps;
	FirstScratch *all = &first->scratch[0];

	for (int t = 0; t < backend->threads; t++) {
		FirstScratch *one = &first->scratch[t];
		gather_thread(first, one);
		for (size_t i = 0; t && i < products; i++)
			all->products_total[i] += one->products_total[i];
		for (size_t i = 0; t && i < pixels; i++)
			all->pixels_total[i] += one->pixels_total[i];
	}
}

/* Of the rows of a class, do those at kernel row ky count? Rows above are cut off below it, rows below above. */
static bool
is_seen(const First *shape, uint32_t class, uint32_t ky)
{
	const uint32_t edge = shape->kernel_h - 1;

	return class <= edge ? ky <= class : ky >= class - edge;
}

/* Classes of rows to the sums that belong to two taps, [taps][taps], and to one. */
static void
put_together(FirstMemory *first)
{
	const uint32_t rows = first->shape.kernel_h, run = first->row_taps, taps = first->taps;
	const int64_t *pixels = first->scratch[0].pixels_total, *products = first->scratch[0].products_total;

	memset(first->gram, 0, (size_t)taps * taps * sizeof *first->gram);
	memset(first->pixels, 0, taps * sizeof *first->pixels);
	for (uint32_t class = 0; class < first->classes; class++, pixels += run)
		for (uint32_t dy = 0; dy < rows; dy++, products += (size_t)run * run)
			for (uint32_t ky = 0; ky + dy < rows; ky++) {
				if (!is_seen(&first->shape, class, ky))
					continue;
				for (uint32_t i = 0; i < run; i++) {
					if (!dy)
						first->pixels[ky * run + i] += (double)pixels[i];
					for (uint32_t j = 0; j < run; j++) {
						const size_t a = ky * run + i, b = (ky + dy) * run + j;
						if (dy || i <= j)
							first->gram[a * taps + b] += (double)products[i * run + j];
					}
				}
			}
	for (uint32_t a = 0; a < taps; a++)
		for (uint32_t b = 0; b < a; b++)
			first->gram[a * taps + b] = first->gram[b * taps + a];
}

/* Moments of 16 channels. */
static void
moments_of_channels(void *context, size_t task, int thread)
{
	const FirstJob *job = context;
	const FirstMemory *first = job->backend->first;
	const uint32_t taps = first->taps, lanes = first->shape.lanes;
	double *sums = job->backend->stages->channels.sums;

	(void)thread;
	for (size_t c = task * CHANNEL_ALIGN; c < (task + 1) * CHANNEL_ALIGN; c++) {
		const double *weight = first->weights + c * taps;
		double *product = first->product + c * taps, sum = 0, square = 0;
		memset(product, 0, taps * sizeof *product);
		for (uint32_t a = 0; a < taps; a++)
			for (uint32_t b = 0; b < taps; b++)
				product[b] += weight[a] * first->gram[(size_t)a * taps + b];
		for (uint32_t a = 0; a < taps; a++) {
			sum += weight[a] * first->pixels[a];
			square += weight[a] * product[a];
		}
		sums[c] = sum;
		sums[lanes + c] = square;
	}
}

void
first_moments(Backend *backend, const Batch *batch)
{
	FirstMemory *first = backend->first;
	FirstJob job = { .backend = backend, .batch = batch };

	make_weights(backend);
	for (int t = 0; t < backend->threads; t++) {
		FirstScratch *scratch = &first->scratch[t];
		memset(scratch->products_total, 0, first_gram_count(&first->shape) * sizeof *scratch->products_total);
		memset(scratch->pixels_total, 0, (size_t)first->classes * first->row_taps * sizeof *scratch->pixels_total);
	}
	team_run(backend->team, SLICES, gram_slice, &job);
	gather_threads(backend);
	put_together(first);
	team_run(backend->team, first->shape.lanes / CHANNEL_ALIGN, moments_of_channels, &job);
}
