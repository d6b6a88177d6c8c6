/* memory.c: everything whose size follows from the plan and the options, zeroed, each piece on 64 bytes. */
#include "cpu/engine.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64 };

static size_t
larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

/* NULL once memory has run out; pages are touched when they are used. */
static void *
piece(Backend *backend, size_t size)
{
	void **pieces = realloc(backend->pieces, (backend->piece_count + 1) * sizeof *pieces);
	char *raw;

	if (!pieces)
		return NULL;
	backend->pieces = pieces;
	raw = calloc(1, size + ALIGNMENT);
	if (!raw)
		return NULL;
	pieces[backend->piece_count++] = raw;
	return raw + (ALIGNMENT - (uintptr_t)raw % ALIGNMENT) % ALIGNMENT;
}

static bool
floats(Backend *backend, float **to, size_t count)
{
	*to = piece(backend, count * sizeof **to);
	return *to != NULL;
}

static bool
doubles(Backend *backend, double **to, size_t count)
{
	*to = piece(backend, count * sizeof **to);
	return *to != NULL;
}

uint32_t
wgrad_slices(const Backend *backend, const StageLayout *stage)
{
	const uint32_t blocks = stage->kind == MAIN_CONV ? blocks_of_stage(backend, stage) : 1;

	return blocks < SLICES ? (SLICES + blocks - 1) / blocks : 1;
}

static bool
allocate_vectors(Backend *backend)
{
	const BackendOptions *options = &backend->options;
	const size_t packed = backend->layout.packed_count, bn = backend->net->bn_count;
	float **vectors = backend->vectors;
	bool ok = floats(backend, &vectors[VECTOR_PARAM], packed) && floats(backend, &vectors[VECTOR_BN], bn) &&
		  floats(backend, &backend->folded, packed);

	if (ok && options->is_training)
		ok = floats(backend, &vectors[VECTOR_M], packed) && floats(backend, &vectors[VECTOR_V], packed) &&
		     floats(backend, &vectors[VECTOR_BEST], packed) && floats(backend, &vectors[VECTOR_BEST_BN], bn) &&
		     floats(backend, &backend->gradient, packed) &&
		     floats(backend, &backend->back, backend->layout.back_count);
	if (ok && options->is_training)
		ok = floats(backend, &vectors[VECTOR_EMA], packed) && floats(backend, &vectors[VECTOR_EMA_BN], bn);
	return ok;
}

static bool
allocate_partial(Backend *backend)
{
	size_t most = 0;

	for (size_t s = 0; s < backend->layout.stage_count; s++) {
		const StageLayout *stage = &backend->layout.stages[s];
		if ((stage->kind == MAIN_CONV || stage->kind == MAIN_PATCHES) && wgrad_slices(backend, stage) > 1)
			most = larger(most, wgrad_slices(backend, stage) * stage->weight->count);
	}
	return floats(backend, &backend->partial, most);
}

static bool
allocate_channels(Backend *backend, const StageLayout *stage, StageChannels *channels)
{
	const size_t lanes = stage->y.lanes;

	return floats(backend, &channels->scale, lanes) && floats(backend, &channels->shift, lanes) &&
	       floats(backend, &channels->mean, lanes) && floats(backend, &channels->coefficients, 3 * lanes) &&
	       doubles(backend, &channels->sums, SLICES * 2 * lanes) && doubles(backend, &channels->mean_batch, lanes) &&
	       doubles(backend, &channels->variance_batch, lanes) &&
	       doubles(backend, &channels->deviation_inverse, lanes);
}

static bool
allocate_stage(Backend *backend, const StageLayout *stage, StageMemory *memory)
{
	const size_t batch = backend->options.batch_most;
	const Plane *dy = stage->kind == MAIN_CONV && stage->dilation == 1 ? &stage->dy : &stage->y;
	bool ok = allocate_channels(backend, stage, &memory->channels) &&
		  floats(backend, &memory->out, batch * plane_image(&stage->out));

	if (ok && stage->kind != MAIN_NONE)
		ok = floats(backend, &memory->y, batch * plane_image(&stage->y)) &&
		     floats(backend, &memory->dy, batch * plane_image(dy));
	if (ok && stage->stage->dropout) {
		memory->keep = piece(backend, batch * stage->out.h * stage->out.w * stage->out.lanes);
		memory->dropout_key = random_key(backend->options.seed, stage->stage->dropout->name);
		ok = memory->keep != NULL;
	}
	return ok;
}

static bool
allocate_training(Backend *backend)
{
	const size_t batch = backend->options.batch_most;
	const StageLayout *stages = backend->layout.stages;
	size_t most = 0;

	for (size_t s = 0; s < backend->layout.stage_count; s++) {
		most = larger(most, (size_t)stages[s].out.h * stages[s].out.w * stages[s].out.lanes);
		if (!allocate_stage(backend, &stages[s], &backend->stages[s]))
			return false;
	}
	return floats(backend, &backend->dout[0], batch * most) && floats(backend, &backend->dout[1], batch * most) &&
	       (stages->kind == MAIN_PATCHES || floats(backend, &backend->input, batch * plane_image(&stages->in))) &&
	       allocate_partial(backend);
}

/* What any thread needs for one image at a time. */
static bool
allocate_scratch(Backend *backend, Scratch *scratch)
{
	const StageLayout *stages = backend->layout.stages;
	size_t z = 0, dilated = 0;

	for (size_t s = 0; s < backend->layout.stage_count; s++) {
		if (stages[s].has_pool)
			z = larger(z, plane_image(&stages[s].y));
		if (stages[s].dilation > 1)
			dilated = larger(dilated, plane_image(&stages[s].dy));
	}
	if (stages->kind == MAIN_PATCHES) {
		const size_t row = (size_t)stages->window.out_w * input_patch_lanes(stages);
		if (!floats(backend, &scratch->patches, input_band(stages) * row + CHANNEL_ALIGN) ||
		    !floats(backend, &scratch->picture, input_picture_floats(stages)))
			return false;
	}
	if (!backend->options.is_training)
		dilated = 0;
	return floats(backend, &scratch->z, z) && floats(backend, &scratch->dz, z) &&
	       floats(backend, &scratch->dilated, dilated) &&
	       floats(backend, &scratch->panel, (size_t)backend->options.batch_most * CHANNEL_ALIGN);
}

size_t
infer_first_flat(const NetLayout *layout)
{
	size_t s = 0;

	while (s < layout->stage_count && !layout->stages[s].stage->in.is_flat &&
	       layout->stages[s].kind != MAIN_DENSE && layout->stages[s].kind != MAIN_FLATTEN)
		s++;
	return s;
}

static bool
allocate_infer(Backend *backend, Scratch *scratch)
{
	const NetLayout *layout = &backend->layout;
	const size_t flat = infer_first_flat(layout);
	size_t y = 0;

	scratch->infer = piece(backend, layout->stage_count * sizeof *scratch->infer);
	if (!scratch->infer)
		return false;
	for (size_t s = 0; s < layout->stage_count; s++) {
		const size_t images = s + 1 >= flat ? INFER_IMAGES : INFER_PAIR;
		y = larger(y, (s >= flat ? INFER_IMAGES : INFER_PAIR) * plane_image(&layout->stages[s].y));
		if (!floats(backend, &scratch->infer[s], images * plane_image(&layout->stages[s].out)))
			return false;
	}
	return floats(backend, &scratch->infer_y, y) &&
	       (layout->stages->kind == MAIN_PATCHES ||
		floats(backend, &scratch->infer_in, INFER_IMAGES * plane_image(&layout->stages->in)));
}

static bool
allocate_threads(Backend *backend)
{
	backend->scratch = piece(backend, backend->threads * sizeof *backend->scratch);
	if (!backend->scratch)
		return false;
	for (int i = 0; i < backend->threads; i++)
		if (!allocate_scratch(backend, &backend->scratch[i]) || !allocate_infer(backend, &backend->scratch[i]))
			return false;
	return true;
}

static bool
allocate_folded(Backend *backend)
{
	const size_t count = backend->layout.stage_count;

	backend->infer_scale = piece(backend, count * sizeof *backend->infer_scale);
	backend->infer_shift = piece(backend, count * sizeof *backend->infer_shift);
	if (!backend->infer_scale || !backend->infer_shift)
		return false;
	for (size_t s = 0; s < count; s++)
		if (!floats(backend, &backend->infer_scale[s], backend->layout.stages[s].y.lanes) ||
		    !floats(backend, &backend->infer_shift[s], backend->layout.stages[s].y.lanes))
			return false;
	return true;
}

static bool
allocate_ranges(Backend *backend)
{
	const NetLayout *layout = &backend->layout;
	const size_t most = layout->packed_count / UPDATE_FLOATS + layout->tensor_count;

	backend->update_ranges = piece(backend, most * sizeof *backend->update_ranges);
	if (!backend->update_ranges)
		return false;
	for (size_t i = 0; i < layout->tensor_count; i++) {
		const TensorLayout *tensor = &layout->tensors[i];
		for (size_t at = 0; at < tensor->count; at += UPDATE_FLOATS)
			backend->update_ranges[backend->update_range_count++] = (UpdateRange){
				.offset = tensor->offset + at,
				.count = tensor->count - at < UPDATE_FLOATS ? tensor->count - at : UPDATE_FLOATS,
				.is_decayed = tensor->is_decayed,
			};
	}
	return true;
}

bool
engine_allocate(Backend *backend)
{
	backend->stages = piece(backend, backend->layout.stage_count * sizeof *backend->stages);
	return backend->stages && allocate_vectors(backend) && allocate_threads(backend) && allocate_folded(backend) &&
	       allocate_ranges(backend) && (!backend->options.is_training || allocate_training(backend));
}

void
engine_free(Backend *backend)
{
	for (size_t i = 0; i < backend->piece_count; i++)
		free(backend->pieces[i]);
	free(backend->pieces);
	free(backend->held);
	layout_release(&backend->layout);
}
