/* fold.c: weights for prediction, batch norm's scale in them; made once, after a change of the weights. */
#include "cpu/fold.h"
#include "cpu/winograd.h"

#include <math.h>

/* What batch norm or a bias does to the stage's sums, or its input: z = scale x + shift. Where there are weights, the scale
 * goes into them. */
static void
fold_channels(const StageLayout *stage, const float *param, const float *bn, float *scale, float *shift)
{
	const Layer *layer = stage->stage->bn;

	for (uint32_t c = 0; c < stage->channels; c++) {
		const double bias = stage->bias ? (double)param[stage->bias->offset + c] : 0;
		double factor = 1, sum = bias;
		if (layer) {
			factor = (double)param[stage->gamma->offset + c] /
				 sqrt((double)bn[layer->variance + c] + BN_EPSILON);
			sum = (double)param[stage->beta->offset + c] + (bias - (double)bn[layer->mean + c]) * factor;
		}
		scale[c] = (float)factor;
		shift[c] = (float)sum;
	}
}

static void
fold_depthwise(Folded *folded, const StageLayout *stage, const float *param, const float *scale)
{
	const float *from = param + stage->weight->offset;
	float *to = folded->weight + stage->weight->offset;
	const uint32_t lanes = stage->y.lanes;

	for (size_t i = 0; i < stage->weight->count; i++)
		to[i] = i % lanes < stage->channels ? from[i] * scale[i % lanes] : 0;
}

static void
fold_weights(Folded *folded, size_t s, const float *param, const float *scale)
{
	const StageLayout *stage = &folded->layout.stages[s];
	const uint32_t block = folded->layout.block;
	const size_t rows = stage->weight->block_stride / block;
	const float *from = param + stage->weight->offset;
	float *to = folded->weight + stage->weight->offset;

	for (uint32_t first = 0; first < stage->channels; first += block)
		for (size_t row = 0; row < rows; row++, from += block, to += block)
			for (uint32_t i = 0; i < block && first + i < stage->channels; i++)
				to[i] = from[i] * scale[first + i];
}

/* Weights take the scale with them. */
static void
fold_floats(Folded *folded, size_t s, const float *param)
{
	const StageLayout *stage = &folded->layout.stages[s];

	if (!stage->weight)
		return;
	if (stage->kind == MAIN_DEPTHWISE)
		fold_depthwise(folded, stage, param, folded->scale[s]);
	else
		fold_weights(folded, s, param, folded->scale[s]);
	for (uint32_t c = 0; c < stage->channels; c++)
		folded->scale[s][c] = 1;
}

static void
fold_stage(Folded *folded, size_t s, const float *param, const float *bn)
{
	const StageLayout *stage = &folded->layout.stages[s];

	fold_channels(stage, param, bn, folded->scale[s], folded->shift[s]);
	if (folded->quantities)
		quantise_stage(folded, s, param);
	else
		fold_floats(folded, s, param);
	if (folded->winograd[s])
		winograd_weights(folded, s);
	if (folded->winograd[s] || (folded->quantities && stage_has_columns(stage)))
		return;
	if (!stage->weight || stage->kind == MAIN_DEPTHWISE)
		return;
	for (size_t i = 0; i < layout_units(stage, folded->layout.block); i++) {
		const Unit unit = layout_unit(stage, folded->layout.block, i);
		layout_words(stage, folded->kernels, &unit, folded->weight, folded->words, NULL);
	}
}

void
fold(Backend *backend, Vector which)
{
	Folded *folded = &backend->folded;
	const float *param = backend->vectors[which];
	const float *bn = backend->vectors[which == VECTOR_EMA	  ? VECTOR_EMA_BN
					   : which == VECTOR_BEST ? VECTOR_BEST_BN
								  : VECTOR_BN];

	if (folded->version == backend->version && folded->vector == which)
		return;
	for (size_t s = 0; s < folded->layout.stage_count; s++)
		fold_stage(folded, s, param, bn);
	folded->version = backend->version;
	folded->vector = which;
}
