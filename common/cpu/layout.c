/* layout.c: a network's plan as the kernels want it. */
#include "cpu/layout.h"

#include <stdlib.h>
#include <string.h>

/* Activations are padded to 16 channels, whatever a block holds: all of those have weights. */
static uint32_t
blocks_of(uint64_t channels, uint32_t block)
{
	return (channels_padded(channels) + block - 1) / block;
}

static uint32_t
positive(int64_t a)
{
	return a > 0 ? (uint32_t)a : 0;
}

/* ---- tensors ---- */

/* conv [out, in, kh, kw] in blocks of out: [block][kh][kw][in][block] */
static void
lay_conv(TensorLayout *tensor, const TensorInfo *info, uint32_t block)
{
	const uint32_t in = info->shape[1], kernel_h = info->shape[2], kernel_w = info->shape[3];

	memcpy(tensor->dims, info->shape, sizeof tensor->dims);
	tensor->strides[0] = block;
	tensor->strides[2] = (size_t)in * block;
	tensor->strides[1] = kernel_w * tensor->strides[2];
	tensor->block_stride = kernel_h * tensor->strides[1];
	tensor->count = blocks_of(info->shape[0], block) * tensor->block_stride;
}

/* dense [out, (c, h, w)]; the input lies as [h][w][lanes] */
static void
lay_dense(TensorLayout *tensor, const TensorInfo *info, const Plane *in, uint32_t c, uint32_t block)
{
	const uint32_t dims[4] = { info->shape[0], c, in->h, in->w };

	memcpy(tensor->dims, dims, sizeof dims);
	tensor->strides[0] = block;
	tensor->strides[2] = (size_t)in->lanes * block;
	tensor->strides[1] = in->w * tensor->strides[2];
	tensor->block_stride = in->h * tensor->strides[1];
	tensor->count = blocks_of(dims[0], block) * tensor->block_stride;
}

/* depthwise [c, 1, kh, kw] as [kh][kw][lanes] */
static void
lay_depthwise(TensorLayout *tensor, const TensorInfo *info, uint32_t block)
{
	const size_t lanes = channels_padded(info->shape[0]);

	memcpy(tensor->dims, info->shape, sizeof tensor->dims);
	tensor->block_stride = block; /* so that channels lie next to each other */
	tensor->strides[2] = lanes;
	tensor->strides[1] = info->shape[3] * lanes;
	tensor->count = info->shape[2] * tensor->strides[1];
}

static void
lay_vector(TensorLayout *tensor, const TensorInfo *info)
{
	const uint32_t dims[4] = { info->shape[0], 1, 1, 1 };

	memcpy(tensor->dims, dims, sizeof dims);
	tensor->block_stride = 0;
	tensor->count = channels_padded(dims[0]);
}

static const StageLayout *
stage_of(const NetLayout *layout, const Layer *layer)
{
	for (size_t s = 0; s < layout->stage_count; s++)
		if (layout->stages[s].stage->main == layer)
			return &layout->stages[s];
	return NULL;
}

static void
lay_tensor(NetLayout *layout, TensorLayout *tensor, const TensorInfo *info)
{
	*tensor = (TensorLayout){ .file = info->offset, .offset = layout->packed_count };
	tensor->is_decayed = tensor_is_decayed(info);
	if (info->rank == 4 && info->layer->kind == LAYER_DEPTHWISE) {
		lay_depthwise(tensor, info, layout->block);
	} else if (info->rank == 4) {
		lay_conv(tensor, info, layout->block);
	} else if (info->rank == 2) {
		const StageLayout *stage = stage_of(layout, info->layer);
		lay_dense(tensor, info, &stage->in, stage->stage->in.c, layout->block);
	} else {
		lay_vector(tensor, info);
	}
	layout->packed_count += tensor->count;
}

static const TensorLayout *
find_tensor(const NetLayout *layout, const Layer *layer, size_t file)
{
	if (layer && file != NO_TENSOR)
		for (size_t i = 0; i < layout->tensor_count; i++)
			if (layout->tensors[i].file == file)
				return &layout->tensors[i];
	return NULL;
}

static bool
lay_tensors(NetLayout *layout)
{
	const Net *net = layout->net;

	layout->tensors = calloc(net->tensor_count + 1, sizeof *layout->tensors);
	if (!layout->tensors)
		return false;
	for (size_t i = 0; i < net->tensor_count; i++)
		if (net->tensors[i].vector == NET_PARAM)
			lay_tensor(layout, &layout->tensors[layout->tensor_count++], &net->tensors[i]);
	for (size_t s = 0; s < layout->stage_count; s++) {
		StageLayout *stage = &layout->stages[s];
		const Layer *main = stage->stage->main, *bn = stage->stage->bn;
		stage->weight = find_tensor(layout, main, main ? main->weight : NO_TENSOR);
		stage->bias = find_tensor(layout, main, main ? main->bias : NO_TENSOR);
		stage->gamma = find_tensor(layout, bn, bn ? bn->weight : NO_TENSOR);
		stage->beta = find_tensor(layout, bn, bn ? bn->bias : NO_TENSOR);
	}
	return true;
}

/* ---- stages ---- */

static bool
is_convolution(MainKind kind)
{
	return kind == MAIN_CONV || kind == MAIN_PATCHES || kind == MAIN_ROWS;
}

static MainKind
main_kind(const Stage *stage, const StageLayout *before, bool is_prediction)
{
	const bool turns_flat = stage->in.is_flat && (!before || !before->is_flat);

	if (!stage->main) /* the first flat stage turns cells into floats */
		return stage->is_flattened || turns_flat ? MAIN_FLATTEN : MAIN_NONE;
	if (stage->main->kind == LAYER_DENSE)
		return MAIN_DENSE;
	if (stage->main->kind == LAYER_DEPTHWISE)
		return MAIN_DEPTHWISE;
	if (stage->from >= 0)
		return MAIN_CONV;
	return is_prediction ? MAIN_ROWS : MAIN_PATCHES;
}

static void
lay_window(StageLayout *stage)
{
	const Layer *conv = stage->stage->main;

	stage->window = (Window){
		.in_h = conv->in.h, .in_w = conv->in.w, .out_h = conv->out.h, .out_w = conv->out.w,
		.kernel_h = conv->kernel_h, .kernel_w = conv->kernel_w, .stride = conv->stride,
		.pad_top = conv->pad_top, .pad_left = conv->pad_left,
	};
	if (stage->kind == MAIN_DEPTHWISE) /* has no words */
		return;
	stage->taps = conv->kernel_h * conv->kernel_w;
	stage->depth = conv->in.c;
	if (stage->kind == MAIN_PATCHES) {
		stage->depth *= stage->taps;
		stage->taps = 1;
	}
	if (stage->kind == MAIN_ROWS) {
		stage->depth *= conv->kernel_w;
		stage->taps = conv->kernel_h;
	}
}

static void
lay_pool(StageLayout *stage, const Layer *pool)
{
	stage->has_pool = pool != NULL;
	stage->is_fused = stage->is_flat || !stage->stage->dropout;
	if (!pool)
		return;
	stage->pool = (Pool){
		.kind = pool->kind == LAYER_MAXPOOL ? POOL_MAX : POOL_AVERAGE,
		.in_h = pool->in.h, .in_w = pool->in.w, .out_h = pool->out.h, .out_w = pool->out.w,
		.kernel_h = pool->kernel_h, .kernel_w = pool->kernel_w, .stride = pool->stride,
		.lanes = stage->y.lanes,
	};
	if (stage->pool.kind != POOL_MAX || pool->kernel_h != pool->stride || pool->kernel_w != pool->stride)
		stage->is_fused = false;
}

/* A sum of two that are stored alike, and nothing but ReLU after it. */
static void
lay_sum(StageLayout *stage, const StageLayout *other)
{
	const Stage *plan = stage->stage;

	if (other)
		stage->is_fused = !plan->pool && !plan->dropout && stage->is_flat == other->is_flat;
}

static void
lay_forward(StageLayout *stage, const StageLayout *before, bool is_prediction)
{
	const Stage *plan = stage->stage;
	const Layer *main = plan->main;

	stage->kind = main_kind(plan, before, is_prediction);
	stage->is_flat = plan->in.is_flat || stage->kind == MAIN_DENSE || stage->kind == MAIN_FLATTEN;
	stage->in = before ? before->out : (Plane){ .h = plan->in.h, .w = plan->in.w, .lanes = channels_padded(plan->in.c) };
	if (is_convolution(stage->kind) || stage->kind == MAIN_DEPTHWISE)
		lay_window(stage);
	stage->y = (Plane){ .h = stage->in.h, .w = stage->in.w, .lanes = stage->in.lanes };
	stage->channels = plan->in.c;
	if (main || stage->kind == MAIN_FLATTEN) {
		stage->channels = main ? main->out.c : plan->in.h * plan->in.w * plan->in.c;
		stage->y = (Plane){ .h = 1, .w = 1, .lanes = channels_padded(stage->channels) };
	}
	if (is_convolution(stage->kind) || stage->kind == MAIN_DEPTHWISE) {
		stage->y.h = main->out.h;
		stage->y.w = main->out.w;
	}
	stage->is_relu = plan->relu != NULL;
	lay_pool(stage, plan->pool);
	stage->out = stage->y;
	if (plan->pool) {
		stage->out.h = plan->pool->out.h;
		stage->out.w = plan->pool->out.w;
	}
}

/* What a convolution reads beyond its input's left and right edge must be there, and zero; wide enough for all readers. */
static void
lay_halo(const StageLayout *stage, Plane *out)
{
	const Window *win = &stage->window;
	int64_t last = (int64_t)(win->out_w - 1) * win->stride + win->kernel_w - 1 - win->pad_left;
	uint32_t right = positive(last - (win->in_w - 1));

	if (out->left < win->pad_left)
		out->left = win->pad_left;
	if (out->right < right)
		out->right = right;
}

/* When all halos are known: what each stage reads, and who wants it without halo. */
static void
lay_inputs(NetLayout *layout)
{
	for (size_t s = 0; s < layout->stage_count; s++) {
		StageLayout *stage = &layout->stages[s], *from = stage->from < 0 ? NULL : &layout->stages[stage->from];

		if (!from)
			continue;
		if (stage->kind == MAIN_CONV) {
			stage->in = from->out;
		} else if (plane_has_halo(&from->out)) {
			stage->in = plane_bare(&from->out);
			from->has_bare = true;
		}
	}
}

/* Going back runs from the last stage to the first: who comes later there adds to what is there. */
static void
lay_order_back(NetLayout *layout)
{
	for (size_t s = layout->stage_count; s--;) {
		StageLayout *stage = &layout->stages[s];

		for (size_t later = s + 1; later < layout->stage_count; later++) {
			const StageLayout *other = &layout->stages[later];
			stage->adds_from |= stage->from >= 0 && (other->from == stage->from || other->other == stage->from);
			stage->adds_other |= stage->other >= 0 && (other->from == stage->other || other->other == stage->other);
		}
		stage->adds_from |= stage->other >= 0 && stage->other == stage->from; /* the sum's share comes first */
		stage->shares_gradient = stage->other >= 0 && stage->is_fused && !stage->adds_other;
	}
}

static void
lay_back(StageLayout *stage)
{
	const Window *win = &stage->window;

	stage->dy = stage->y;
	stage->dilation = 1;
	if (stage->kind != MAIN_CONV)
		return;
	stage->dilation = win->stride;
	stage->dy.h = (win->out_h - 1) * win->stride + 1;
	stage->dy.w = (win->out_w - 1) * win->stride + 1;
	stage->dy.left = win->kernel_w - 1 - win->pad_left;
	stage->dy.right = positive((int64_t)win->in_w + win->pad_left - stage->dy.w);
	stage->back_window = (Window){
		.in_h = stage->dy.h, .in_w = stage->dy.w, .out_h = win->in_h, .out_w = win->in_w,
		.kernel_h = win->kernel_h, .kernel_w = win->kernel_w, .stride = 1,
		.pad_top = win->kernel_h - 1 - win->pad_top, .pad_left = win->kernel_w - 1 - win->pad_left,
	};
}

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

/* By columns where that saves a sixth of the products at least, and windows reach no further than one column beyond the
 * picture: from the shape and the kernels alone. */
static uint32_t
taps_of(const Window *win, uint32_t depth, const KernelTable *kernels)
{
	enum { DEPTH_MOST = 1 << 18 }; /* sums of bytes stay below 2^31, see quantise.c */
	const uint32_t taps = win->kernel_h * win->kernel_w;
	const uint32_t rows = win->out_h / 2 * COLUMN_POINTS + win->out_h % 2 * (COLUMN_POINTS - 1);

	if (!kernels->columns || win->kernel_h != 3 || win->kernel_w != 3 || win->stride != 1 || win->pad_left > 1 ||
	    win->out_w + 2 - win->pad_left > win->in_w + 1 || depth > DEPTH_MOST)
		return taps;
	return rows * 6 <= direct_rows(win) * 5 ? COLUMN_TAPS : taps;
}

/* Words of both directions. Going back, outputs are the inputs: a convolution's channels, all of a dense layer's. */
static void
lay_words(NetLayout *layout, StageLayout *stage, const KernelTable *kernels)
{
	const bool is_conv = stage->kind == MAIN_CONV && stage->from >= 0;
	const uint32_t block = layout->block, per_word = layout->per_word;

	stage->blocks = blocks_of(stage->y.lanes, block);
	if (!stage->taps)
		return;
	stage->depth_words = (stage->depth + per_word - 1) / per_word;
	stage->words = layout->words_count;
	stage->word_taps = is_conv ? taps_of(&stage->window, stage->depth, kernels) : stage->taps;
	stage->words_block = (size_t)stage->word_taps * stage->depth_words * block;
	layout->words_count += stage->blocks * stage->words_block;
	stage->has_back = stage->stage->from >= 0 && !layout->is_prediction;
	if (!stage->has_back)
		return;
	stage->back_words = layout->back_count;
	stage->back_taps = is_conv ? taps_of(&stage->back_window, stage->channels, kernels) : stage->taps;
	stage->back_block = (size_t)stage->back_taps * ((stage->channels + per_word - 1) / per_word) * block;
	stage->back_blocks = blocks_of(stage->depth, block);
	layout->back_count += stage->back_blocks * stage->back_block;
}

static void
lay_stages(NetLayout *layout, const KernelTable *kernels)
{
	const Net *net = layout->net;

	layout->is_chain = true;
	for (size_t s = 0; s < net->stage_count; s++) {
		StageLayout *stage = &layout->stages[s];
		stage->stage = &net->stages[s];
		stage->from = stage->stage->from;
		stage->other = stage->stage->add ? stage->stage->other : -1;
		layout->is_chain = layout->is_chain && stage->from == (int)s - 1 && stage->other < 0;
		StageLayout *from = stage->from < 0 ? NULL : &layout->stages[stage->from];
		lay_forward(stage, from, layout->is_prediction);
		lay_sum(stage, stage->other < 0 ? NULL : &layout->stages[stage->other]);
		if (stage->kind == MAIN_CONV)
			lay_halo(stage, &from->out);
		if (stage->kind == MAIN_DENSE && !from)
			stage->in.lanes = stage->stage->in.c; /* pixels as they come; the image is padded, not the pixel */
		if (stage->kind == MAIN_DENSE) {
			stage->taps = 1;
			stage->depth = stage->in.h * stage->in.w * stage->in.lanes;
		}
		lay_back(stage);
		lay_words(layout, stage, kernels);
	}
	lay_inputs(layout);
	lay_order_back(layout);
}

bool
layout_init(NetLayout *layout, const Net *net, const KernelTable *kernels, bool is_prediction)
{
	*layout = (NetLayout){
		.net = net, .block = kernels->block, .per_word = (uint32_t)(sizeof(float) / kernels->cell),
		.is_prediction = is_prediction, .stage_count = net->stage_count,
	};
	layout->stages = calloc(net->stage_count, sizeof *layout->stages);
	if (!layout->stages)
		return false;
	lay_stages(layout, kernels);
	return lay_tensors(layout);
}

void
layout_release(NetLayout *layout)
{
	free(layout->stages);
	free(layout->tensors);
	*layout = (NetLayout){ 0 };
}

/* ---- packing ---- */

static size_t
packed_index(const TensorLayout *tensor, uint32_t block, uint32_t o)
{
	if (!tensor->block_stride)
		return tensor->offset + o;
	return tensor->offset + o / block * tensor->block_stride + o % block;
}

/* Walk one tensor in the model file's order. */
static void
copy_tensor(const TensorLayout *tensor, uint32_t block, float *file, float *packed, bool to_file)
{
	float *at = file + tensor->file;

	for (uint32_t o = 0; o < tensor->dims[0]; o++) {
		float *first = packed + packed_index(tensor, block, o);
		for (uint32_t i = 0; i < tensor->dims[1]; i++)
			for (uint32_t j = 0; j < tensor->dims[2]; j++)
				for (uint32_t k = 0; k < tensor->dims[3]; k++, at++) {
					float *here = first + i * tensor->strides[0] + j * tensor->strides[1] +
						      k * tensor->strides[2];
					if (to_file)
						*at = *here;
					else
						*here = *at;
				}
	}
}

void
layout_pack(const NetLayout *layout, const float *file, float *packed)
{
	memset(packed, 0, layout->packed_count * sizeof *packed);
	for (size_t i = 0; i < layout->tensor_count; i++)
		copy_tensor(&layout->tensors[i], layout->block, (float *)(uintptr_t)file, packed, false);
}

void
layout_unpack(const NetLayout *layout, const float *packed, float *file)
{
	for (size_t i = 0; i < layout->tensor_count; i++)
		copy_tensor(&layout->tensors[i], layout->block, file, (float *)(uintptr_t)packed, true);
}
