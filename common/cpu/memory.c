/* memory.c: everything whose size follows from the plan and the options. */
#include "cpu/backward.h"
#include "cpu/columns.h"
#include "cpu/fold.h"
#include "cpu/winograd.h"

#include <stdlib.h>
#include <string.h>

static size_t
larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

static bool
floats(Backend *backend, float **to, size_t count)
{
	*to = engine_piece(backend, count * sizeof **to);
	return *to != NULL;
}

static bool
doubles(Backend *backend, double **to, size_t count)
{
	*to = engine_piece(backend, count * sizeof **to);
	return *to != NULL;
}

static bool
cells(Backend *backend, void **to, size_t count, size_t cell)
{
	*to = engine_piece(backend, count * cell);
	return *to != NULL;
}

uint32_t
wgrad_slices(const StageLayout *stage)
{
	const uint32_t blocks = stage->kind == MAIN_CONV ? stage->blocks : 1;

	uint32_t slices = 1;

	while (slices * blocks < SLICES)
		slices *= 2;
	return slices;
}

size_t
first_flat(const NetLayout *layout)
{
	size_t s = 0;

	while (s < layout->stage_count && !layout->stages[s].is_flat)
		s++;
	/* what reads further back than the stage before these can't be done for more images than that was */
	for (size_t i = s; i < layout->stage_count; i++) {
		const StageLayout *stage = &layout->stages[i];
		if (!stage->is_flat || stage->from + 1 < (int)s || (stage->other >= 0 && stage->other + 1 < (int)s))
			return layout->stage_count;
	}
	return s;
}

/* ---- vectors ---- */

static bool
allocate_vectors(Backend *backend)
{
	const size_t packed = backend->layout.packed_count, bn = backend->net->bn_count;
	const bool is_training = backend->options.is_training;
	float **vectors = backend->vectors;
	static const Vector params[] = { VECTOR_PARAM, VECTOR_M, VECTOR_V, VECTOR_EMA, VECTOR_BEST };
	static const Vector statistics[] = { VECTOR_BN, VECTOR_EMA_BN, VECTOR_BEST_BN };
	bool ok = true;

	for (int i = 0; i < (is_training ? 5 : 1) && ok; i++)
		ok = floats(backend, &vectors[params[i]], packed);
	for (int i = 0; i < (is_training ? 3 : 1) && ok; i++)
		ok = floats(backend, &vectors[statistics[i]], bn);
	return ok;
}

static bool
allocate_weights(Backend *backend)
{
	const NetLayout *layout = &backend->layout;
	size_t most = 0;

	for (size_t s = 0; s < layout->stage_count; s++) {
		const StageLayout *stage = &layout->stages[s];
		if (stage->weight && stage->kind != MAIN_DENSE && (wgrad_slices(stage) > 1 || stage_has_columns(stage)))
			most = larger(most, wgrad_slices(stage) * backward_slice_count(backend, stage));
	}
	backend->words_stages = engine_piece(backend, layout->stage_count * sizeof *backend->words_stages);
	backend->words_begin = engine_piece(backend, layout->stage_count * sizeof *backend->words_begin);
	return backend->words_stages && backend->words_begin && floats(backend, &backend->gradient, layout->packed_count) &&
	       floats(backend, &backend->partial, most) &&
	       cells(backend, &backend->back, layout->back_count, sizeof(float)) &&
	       cells(backend, &backend->words, layout->words_count, sizeof(float));
}

/* ---- a batch's activations ---- */

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

/* Is the weights' gradient of some convolution made from this output? */
static bool
has_conv_reader(const NetLayout *layout, const StageLayout *stage)
{
	for (size_t s = 0; s < layout->stage_count; s++)
		if (layout->stages[s].kind == MAIN_CONV && &layout->stages[layout->stages[s].from] == stage)
			return true;
	return false;
}

/* y and the output, and the output again as what the next stages multiply */
static bool
allocate_outputs(Backend *backend, const StageLayout *stage, StageMemory *memory)
{
	const Plane bare = plane_bare(&stage->out);
	const size_t batch = backend->options.batch_most, out = plane_image(&stage->out), word = sizeof(float);
	const size_t cell = stage_kernels(backend->kernels, stage)->cell, multiplied = backend->kernels->cell;
	const bool has_y = !(backend->first && stage == backend->layout.stages);
	bool ok = cells(backend, &memory->out, batch * out, cell);

	memory->out_cells = memory->out;
	if (ok && has_y && stage->kind != MAIN_NONE)
		ok = cells(backend, &memory->y, batch * plane_image(&stage->y), cell);
	if (ok && has_y && stage->is_fused && stage->has_pool)
		ok = cells(backend, &memory->best, batch * stage->out.h * stage->out.w * stage->out.lanes, cell);
	if (ok && cell != multiplied)
		ok = cells(backend, &memory->out_cells, batch * out, multiplied);
	if (ok && multiplied != word && has_conv_reader(&backend->layout, stage))
		ok = cells(backend, &memory->out_pairs, (batch + 1) / 2 * out, word);
	if (ok && stage->has_bare)
		ok = cells(backend, &memory->bare, batch * plane_image(&bare), multiplied);
	return ok;
}

static bool
allocate_gradients(Backend *backend, const StageLayout *stage, StageMemory *memory)
{
	const size_t batch = backend->options.batch_most, word = sizeof(float), y = plane_image(&stage->y);
	const size_t cell = stage_kernels(backend->kernels, stage)->cell, multiplied = backend->kernels->cell;
	const Plane *dy = stage->dilation == 1 ? &stage->dy : &stage->y;
	const BackwardRoom room = backward_room(backend, stage);
	bool ok = true;

	if (stage->kind == MAIN_PATCHES)
		return true;
	if (stage->taps && multiplied != word)
		ok = cells(backend, &memory->dy_pairs, (room.pair_images + 1) / 2 * y, word);
	if (ok && stage->kind != MAIN_NONE)
		ok = cells(backend, &memory->dy, room.images * plane_image(dy), cell);
	memory->dy_cells = memory->dy;
	if (ok && stage->kind == MAIN_DENSE && cell != multiplied)
		ok = cells(backend, &memory->dy_cells, batch * y, multiplied);
	return ok;
}

static bool
allocate_stage(Backend *backend, size_t s)
{
	const StageLayout *stage = &backend->layout.stages[s];
	StageMemory *memory = &backend->stages[s];
	const size_t batch = backend->options.batch_most;

	if (stage->stage->dropout) {
		memory->keep = engine_piece(backend, batch * stage->out.h * stage->out.w * stage->out.lanes);
		memory->dropout_key = random_key(backend->options.seed, stage->stage->dropout->name);
		if (!memory->keep)
			return false;
	}
	return allocate_channels(backend, stage, &memory->channels) && allocate_outputs(backend, stage, memory) &&
	       allocate_gradients(backend, stage, memory);
}

static size_t
dout_size(const Backend *backend, const StageLayout *stage)
{
	return (size_t)stage->out.h * stage->out.w * stage->out.lanes * stage_kernels(backend->kernels, stage)->cell;
}

/* A place for the gradients of a stage's output, unless a later stage has shared its own. */
static bool
allocate_dout(Backend *backend, size_t s, size_t size)
{
	const StageLayout *stage = &backend->layout.stages[s];

	if (!backend->dout[s] && !cells(backend, &backend->dout[s], backend->options.batch_most, size))
		return false;
	if (stage->shares_gradient)
		backend->dout[stage->other] = backend->dout[s];
	return true;
}

/* Gradients of outputs: in a chain two places take turns; where it branches they wait for each other. */
static bool
allocate_douts(Backend *backend)
{
	const size_t batch = backend->options.batch_most, count = backend->layout.stage_count;
	const bool is_chain = backend->layout.is_chain;
	size_t most = 0, dense = 0;

	backend->dout = engine_piece(backend, count * sizeof *backend->dout);
	for (size_t s = 0; s < count; s++) {
		const StageLayout *stage = &backend->layout.stages[s];
		most = larger(most, dout_size(backend, stage));
		if (stage->kind == MAIN_DENSE && stage->adds_from)
			dense = larger(dense, dout_size(backend, &backend->layout.stages[stage->from]));
	}
	for (size_t s = count; backend->dout && s--;) {
		if (is_chain && s + 2 < count)
			backend->dout[s] = backend->dout[s + 2];
		else if (!allocate_dout(backend, s, is_chain ? most : dout_size(backend, &backend->layout.stages[s])))
			return false;
	}
	return backend->dout && cells(backend, &backend->din, batch, dense);
}

static bool
allocate_training(Backend *backend)
{
	const size_t batch = backend->options.batch_most, cell = backend->kernels->cell;
	const StageLayout *stages = backend->layout.stages;

	if (first_is_possible(backend) && !first_allocate(backend))
		return false;
	for (size_t s = 0; s < backend->layout.stage_count; s++)
		if (!allocate_stage(backend, s))
			return false;
	return allocate_douts(backend) &&
	       (stages->kind == MAIN_PATCHES ||
		cells(backend, &backend->input, batch * plane_image(&stages->in), cell)) &&
	       allocate_weights(backend);
}

/* ---- threads ---- */

/* What any thread needs for one or two images at a time. */
static bool
allocate_scratch(Backend *backend, Scratch *scratch)
{
	const StageLayout *stages = backend->layout.stages;
	const size_t word = sizeof(float), input = plane_image(&stages->in) + CHANNEL_ALIGN;
	size_t z = 0, dilated = 0;
	bool ok = true;

	for (size_t s = 0; s < backend->layout.stage_count; s++) {
		z = larger(z, larger(plane_image(&stages[s].y), plane_image(&stages[s].in)));
		if (stages[s].dilation > 1 && backend->options.is_training)
			dilated = larger(dilated, plane_image(&stages[s].dy));
	}
	if (stages->kind == MAIN_PATCHES) {
		const size_t row = (size_t)stages->window.out_w * input_patch_lanes(stages);
		ok = cells(backend, &scratch->patches, input_band(stages) * row + CHANNEL_ALIGN, word) &&
		     cells(backend, &scratch->patches_half, input_band(stages) * row + CHANNEL_ALIGN, sizeof(uint16_t)) &&
		     cells(backend, &scratch->picture, input_picture_units(stages), word) &&
		     cells(backend, &scratch->picture_half, input_picture_units(stages), sizeof(uint16_t)) &&
		     cells(backend, &scratch->pictures, input_picture_units(stages), word);
	}
	for (int i = 0; i < 2 && ok; i++)
		ok = floats(backend, &scratch->y[i], z) && floats(backend, &scratch->out[i], z) &&
		     floats(backend, &scratch->input[i], input);
	if (ok && !backend->layout.is_chain)
		ok = floats(backend, &scratch->other, z) && cells(backend, &scratch->din, 2 * z, word);
	if (ok && stages->kind == MAIN_PATCHES && backend->options.is_training)
		ok = cells(backend, &scratch->dy, 2 * plane_image(&stages->y), word);
	return ok && floats(backend, &scratch->z, z) && floats(backend, &scratch->dz, z) &&
	       cells(backend, &scratch->dilated, dilated, backend->kernels->cell) &&
	       cells(backend, &scratch->panel, (size_t)backend->options.batch_most * PANEL_LANES, word) &&
	       floats(backend, &scratch->panel_gradient, (size_t)PANEL_LANES * backend->kernels->block);
}

static bool
allocate_infer(Backend *backend, Scratch *scratch)
{
	const KernelTable *kernels = backend->folded.kernels;
	const NetLayout *layout = &backend->folded.layout;
	const size_t flat = first_flat(layout), word = sizeof(float), few = backend->folded.few;
	size_t y = 0;

	scratch->infer = engine_piece(backend, layout->stage_count * sizeof *scratch->infer);
	scratch->infer_cells = engine_piece(backend, layout->stage_count * sizeof *scratch->infer_cells);
	scratch->infer_bare = engine_piece(backend, layout->stage_count * sizeof *scratch->infer_bare);
	scratch->ranges = engine_piece(backend, layout->stage_count * 2 * sizeof *scratch->ranges);
	if (!scratch->infer || !scratch->infer_cells || !scratch->infer_bare || !scratch->ranges ||
	    !winograd_scratch(backend, scratch) || !columns_scratch(backend, scratch))
		return false;
	for (size_t s = 0; s < layout->stage_count; s++) {
		const size_t images = s + 1 >= flat ? INFER_IMAGES : few;
		const size_t cell = stage_kernels(kernels, &layout->stages[s])->cell;
		y = larger(y, (s >= flat ? INFER_IMAGES : few) * plane_image(&layout->stages[s].y));
		if (!cells(backend, &scratch->infer[s], images * plane_image(&layout->stages[s].out), cell))
			return false;
		scratch->infer_cells[s] = scratch->infer[s];
		if (cell != kernels->cell && !cells(backend, &scratch->infer_cells[s],
						    images * plane_image(&layout->stages[s].out), kernels->cell))
			return false;
		if (layout->stages[s].has_bare && !cells(backend, &scratch->infer_bare[s],
							 images * plane_image(&layout->stages[s].out), kernels->cell))
			return false;
	}
	if (layout->stages->kind == MAIN_ROWS)
		return cells(backend, &scratch->infer_y, y, word) &&
		       cells(backend, &scratch->infer_picture, rows_picture_bytes(layout->stages, kernels->cell), 1);
	return cells(backend, &scratch->infer_y, y, word) &&
	       cells(backend, &scratch->infer_in, INFER_IMAGES * plane_image(&layout->stages->in), word);
}

static bool
allocate_threads(Backend *backend)
{
	backend->scratch = engine_piece(backend, backend->threads * sizeof *backend->scratch);
	if (!backend->scratch)
		return false;
	for (int i = 0; i < backend->threads; i++)
		if (!allocate_scratch(backend, &backend->scratch[i]) || !allocate_infer(backend, &backend->scratch[i]))
			return false;
	return true;
}

/* Which stages have a bias for every pixel depends on the ranges. */
static bool
allocate_quantities(Backend *backend)
{
	Folded *folded = &backend->folded;
	size_t taps = 1;
	bool ok = true;

	folded->quantities = engine_piece(backend, folded->layout.stage_count * sizeof *folded->quantities);
	folded->map = engine_piece(backend, folded->layout.stage_count * sizeof *folded->map);
	if (!folded->quantities || !folded->map || !columns_allocate(backend))
		return false;
	quantise_ranges(folded, backend->options.ranges);
	for (size_t s = 0; s < folded->layout.stage_count && ok; s++) {
		const StageLayout *stage = &folded->layout.stages[s];
		taps = larger(taps, (size_t)stage->window.kernel_h * stage->window.kernel_w);
		if (quantise_needs_map(folded, s))
			ok = floats(backend, &folded->map[s], plane_image(&stage->y));
	}
	return ok && doubles(backend, &folded->offsets, taps * folded->layout.block);
}

static bool
allocate_folded(Backend *backend)
{
	Folded *folded = &backend->folded;
	const size_t count = folded->layout.stage_count;
	bool ok = true;

	folded->scale = engine_piece(backend, count * sizeof *folded->scale);
	folded->shift = engine_piece(backend, count * sizeof *folded->shift);
	if (!folded->scale || !folded->shift)
		return false;
	for (size_t s = 0; s < count && ok; s++)
		ok = floats(backend, &folded->scale[s], folded->layout.stages[s].y.lanes) &&
		     floats(backend, &folded->shift[s], folded->layout.stages[s].y.lanes);
	if (ok && folded->layout.stages->kind == MAIN_ROWS) {
		ok = cells(backend, &folded->table, 256 * (size_t)backend->net->input.c, folded->kernels->cell);
		if (ok)
			rows_table(backend->net, folded->kernels, folded->table);
	}
	if (ok && folded->kernels->cell == sizeof(uint8_t))
		ok = allocate_quantities(backend);
	return ok && floats(backend, &folded->weight, folded->layout.packed_count) &&
	       cells(backend, &folded->words, folded->layout.words_count, sizeof(float));
}

static bool
is_early(const Backend *backend, const TensorLayout *tensor)
{
	for (size_t s = 0; s < backend->layout.stage_count; s++)
		if (backend->layout.stages[s].weight == tensor)
			return optimise_is_early(backend, &backend->layout.stages[s]);
	return false;
}

static void
add_ranges(Backend *backend, bool are_early)
{
	const NetLayout *layout = &backend->layout;

	for (size_t i = 0; i < layout->tensor_count; i++) {
		const TensorLayout *tensor = &layout->tensors[i];
		for (size_t at = 0; at < tensor->count && is_early(backend, tensor) == are_early; at += UPDATE_FLOATS)
			backend->update_ranges[backend->update_range_count++] = (UpdateRange){
				.offset = tensor->offset + at,
				.count = tensor->count - at < UPDATE_FLOATS ? tensor->count - at : UPDATE_FLOATS,
				.is_decayed = tensor->is_decayed,
			};
	}
}

/* Those first that a step updates at its end. */
static bool
allocate_ranges(Backend *backend)
{
	const NetLayout *layout = &backend->layout;
	const size_t most = layout->packed_count / UPDATE_FLOATS + layout->tensor_count;

	backend->update_ranges = engine_piece(backend, most * sizeof *backend->update_ranges);
	if (!backend->update_ranges)
		return false;
	add_ranges(backend, false);
	backend->late_range_count = backend->update_range_count;
	add_ranges(backend, true);
	return true;
}

bool
engine_allocate(Backend *backend)
{
	backend->stages = engine_piece(backend, backend->layout.stage_count * sizeof *backend->stages);
	return backend->stages && allocate_vectors(backend) && winograd_allocate(backend) &&
	       allocate_threads(backend) && allocate_folded(backend) &&
	       (!backend->options.is_training || (allocate_training(backend) && allocate_ranges(backend)));
}

void
engine_free(Backend *backend)
{
	engine_free_pieces(backend);
	free(backend->held);
	layout_release(&backend->layout);
	layout_release(&backend->folded.layout);
}
