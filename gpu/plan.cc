/* plan.cc: from the net's stages to what the kernels need to know of them. */
#include "engine.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* random/philox.h's random_key */
static uint2
key_of(uint64_t seed, const char *purpose)
{
	const uint64_t hash = XXH3_64bits_withSeed(purpose, strlen(purpose), seed);

	return make_uint2(static_cast<uint32_t>(hash), static_cast<uint32_t>(hash >> 32));
}

static Convolution
convolution_of(const Layer *layer)
{
	return Convolution{ layer->in.h,     layer->in.w,     layer->in.c,   layer->out.h,   layer->out.w,   layer->out.c,
			    layer->kernel_h, layer->kernel_w, layer->stride, layer->pad_top, layer->pad_left };
}

static void
plan_window(StagePlan *plan, Shape out)
{
	const Layer *pool = plan->stage->pool;
	Finish *finish = &plan->finish;

	finish->pool = !pool ? POOL_NONE : pool->kind == LAYER_MAXPOOL ? POOL_MAX : POOL_AVERAGE;
	finish->in_h = plan->middle.h;
	finish->in_w = plan->middle.w;
	finish->kernel_h = pool ? pool->kernel_h : 1;
	finish->kernel_w = pool ? pool->kernel_w : 1;
	finish->stride = pool ? pool->stride : 1;
	finish->is_wide = finish->kernel_h * finish->kernel_w > 256;
	finish->c = divisor_of(plan->middle.c);
	finish->out_h = divisor_of(out.h);
	finish->out_w = divisor_of(out.w);
	finish->in_h_divisor = divisor_of(plan->middle.h);
	finish->in_w_divisor = divisor_of(plan->middle.w);
	finish->stride_divisor = divisor_of(finish->stride);
}

static void
plan_drop(StagePlan *plan, uint64_t seed)
{
	const Layer *dropout = plan->stage->dropout;
	Drop *drop = &plan->finish.drop;

	if (!dropout)
		return;
	drop->is_on = true;
	drop->key = key_of(seed, dropout->name);
	drop->threshold = static_cast<uint32_t>(floor(dropout->rate * 4294967296.0));
	drop->scale = static_cast<float>(1 / (1 - dropout->rate));
}

/* 2x2 windows side by side, of which the largest goes on. */
static bool
is_small_pool(const Layer *pool)
{
	return pool && pool->kind == LAYER_MAXPOOL && pool->kernel_h == 2 && pool->kernel_w == 2 && pool->stride == 2;
}

static void
plan_stage(StagePlan *plan, const Stage *stage, bool is_last, bool is_narrow, uint64_t seed)
{
	const Layer *main = stage->main;

	plan->stage = stage;
	plan->is_last = is_last;
	plan->is_convolution = main && main->kind == LAYER_CONV;
	plan->is_depthwise = main && main->kind == LAYER_DEPTHWISE;
	plan->is_dense = main && main->kind == LAYER_DENSE;
	plan->is_copied = stage->is_flattened && !plan->is_dense;
	plan->in = stage->in;
	if (plan->is_copied)
		plan->in = Shape{ 1, 1, stage->in.h * stage->in.w * stage->in.c, true };
	plan->middle = main ? main->out : plan->in;
	plan->weight = main ? main->weight : NO_TENSOR;
	plan->bias = main ? main->bias : NO_TENSOR;
	if (plan->is_convolution) {
		plan->convolution = convolution_of(main);
		plan->is_direct_forward = (!is_last || !is_narrow) && direct_has_forward(plan->convolution, plan->weight);
		plan->has_winners = plan->is_direct_forward && !is_last && !stage->add && is_small_pool(stage->pool) &&
				    direct_has_winners(plan->convolution);
		plan->is_direct_input = direct_has_input(plan->convolution);
		plan->is_direct_weight = direct_has_weight(plan->convolution);
		plan->is_first_weight = first_has_weight(plan->convolution);
	}
	if (plan->is_depthwise)
		plan->convolution = convolution_of(main);
	plan->depth = static_cast<uint32_t>(shape_elements(plan->in));
	plan->units = plan->middle.c;
	plan->finish.has_relu = stage->relu != nullptr;
	plan->has_finish = stage->bn || stage->add || stage->relu || stage->pool || stage->dropout || plan->bias != NO_TENSOR ||
			   (is_last && !main);
	plan_window(plan, stage->pool ? stage->pool->out : plan->middle);
	plan_drop(plan, seed);
}

/* Places are counted in 31 bits. */
static bool
fits(const Backend *backend, Shape shape)
{
	return shape_elements(shape) <= INT32_MAX / backend->options.batch_most;
}

static Status
check_stage(const Backend *backend, const StagePlan *plan)
{
	const BackendHost *host = backend->host;
	const Convolution *conv = &plan->convolution;
	const uint64_t window = static_cast<uint64_t>(conv->kernel_h) * conv->kernel_w * conv->in_c;

	if (!fits(backend, plan->in) || !fits(backend, plan->middle) || !fits(backend, plan->stage->out))
		return host->fail(STATUS_DEVICE, "a batch of %u times %zu numbers is more than 2^31: use a smaller --batch",
				  backend->options.batch_most, shape_elements(plan->middle));
	if (plan->is_convolution && window * conv->out_h * conv->out_w > INT32_MAX)
		return host->fail(STATUS_DEVICE, "%s: one sample's windows are more than 2^31 numbers: use --device cpu",
				  plan->stage->main->name);
	return STATUS_OK;
}

Status
plan_make(Backend *backend)
{
	const Net *net = backend->net;
	const BackendHost *host = backend->host;
	const Stage *last = &net->stages[net->stage_count - 1];

	if (last->out.h * last->out.w != 1 || last->out.c != net->classes)
		return host->fail(STATUS_USAGE, "the last layer gives %ux%ux%u, wanted are %u numbers", last->out.h,
				  last->out.w, last->out.c, net->classes);
	backend->stages = static_cast<StagePlan *>(calloc(net->stage_count, sizeof *backend->stages));
	if (!backend->stages)
		return host->fail(STATUS_IO, "no memory for a network of %zu stages", net->stage_count);
	for (size_t s = 0; s < net->stage_count; s++) {
		plan_stage(&backend->stages[s], &net->stages[s], s + 1 == net->stage_count, backend->is_narrow,
			   backend->options.seed);
		const Status status = check_stage(backend, &backend->stages[s]);
		if (status < 0)
			return status;
	}
	for (size_t s = 0; s < net->stage_count; s++)
		if (net->stages[s].from != static_cast<int>(s) - 1 || net->stages[s].add)
			backend->is_branching = true;
	memcpy(backend->normal.scale, net->scale, sizeof backend->normal.scale);
	memcpy(backend->normal.shift, net->shift, sizeof backend->normal.shift);
	return STATUS_OK;
}
