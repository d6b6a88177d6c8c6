/* plan.c: group layers greedily: each joins the stage before it as long as the order main, bn, relu, pool, dropout holds. */
#include "net/plan.h"

#include <stdlib.h>

/* Place of a layer within its stage; 0: it is in none. */
static int
place(LayerKind kind)
{
	switch (kind) {
	case LAYER_CONV:
	case LAYER_DENSE:
		return 1;
	case LAYER_BN:
		return 2;
	case LAYER_RELU:
		return 3;
	case LAYER_MAXPOOL:
	case LAYER_AVGPOOL:
	case LAYER_GLOBALAVGPOOL:
		return 4;
	case LAYER_DROPOUT:
		return 5;
	default:
		return 0;
	}
}

static Stage *
open_stage(Net *net, bool is_flattened)
{
	size_t i = net->stage_count++;
	Stage *stage = &net->stages[i];

	*stage = (Stage){ .from = (int)i - 1, .is_flattened = is_flattened };
	stage->in = i ? stage[-1].out : net->input;
	stage->out = stage->in;
	return stage;
}

static void
join(Stage *stage, const Layer *layer)
{
	const Layer **member[] = { &stage->main, &stage->bn, &stage->relu, &stage->pool, &stage->dropout };

	*member[place(layer->kind) - 1] = layer;
	stage->out = layer->out;
}

Status
net_plan(Net *net)
{
	bool is_flattened = false; /* a flatten waits for the stage that it belongs to */
	int last = 0;		   /* place of the last layer in the open stage */
	Stage *stage = NULL;

	net->stages = calloc(net->layer_count + 1, sizeof *net->stages);
	if (!net->stages)
		return fail_errno("no memory for %zu layers", net->layer_count);
	for (size_t i = 0; i < net->layer_count; i++) {
		const Layer *layer = &net->layers[i];

		if (layer->kind == LAYER_FLATTEN && layer->in.h * layer->in.w > 1)
			is_flattened = true;
		else if (layer->kind == LAYER_FLATTEN && stage && !is_flattened)
			stage->out = layer->out;
		if (!place(layer->kind))
			continue;
		if (!stage || is_flattened || place(layer->kind) <= last)
			stage = open_stage(net, is_flattened);
		join(stage, layer);
		last = place(layer->kind);
		is_flattened = false;
	}
	if (is_flattened || !stage)
		open_stage(net, is_flattened)->out = net->layers[net->layer_count - 1].out;
	return STATUS_OK;
}
