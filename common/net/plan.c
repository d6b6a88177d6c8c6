/* plan.c: group layers greedily: each joins the stage whose output it reads as long as the order main, bn, add, relu, pool,
 * dropout holds and nobody else reads what lies between. */
#include "net/plan.h"

#include <stdlib.h>

/* Place of a layer within its stage; 0: it is in none. */
static int
place(LayerKind kind)
{
	switch (kind) {
	case LAYER_CONV:
	case LAYER_DEPTHWISE:
	case LAYER_DENSE:
		return 1;
	case LAYER_BN:
		return 2;
	case LAYER_RESIDUAL:
		return 3;
	case LAYER_RELU:
		return 4;
	case LAYER_MAXPOOL:
	case LAYER_AVGPOOL:
	case LAYER_GLOBALAVGPOOL:
		return 5;
	case LAYER_DROPOUT:
		return 6;
	default:
		return 0;
	}
}

/* What lies after a layer, or before the first. */
typedef struct Point {
	int stage;	   /* that it belongs to; -1: the pixels */
	int place;	   /* of the last layer in that stage; 0: nothing may join it */
	bool is_flattened; /* a flatten waits for the stage that it will belong to */
	uint32_t readers;  /* layers */
	bool is_added;	   /* to what another point holds */
} Point;

typedef struct Planner {
	Net *net;
	Point *points; /* [layers + 1]: the pixels, then after each layer */
} Planner;

static Point *
point_of(const Planner *planner, size_t layer)
{
	return &planner->points[layer == FROM_PIXELS ? 0 : layer + 1];
}

/* A sum is made where the later of its two ends is; the earlier waits in memory. */
static bool
has_second(const Net *net, size_t residual)
{
	return net->layers[residual].second < residual;
}

static size_t
later_end(const Net *net, size_t residual)
{
	return has_second(net, residual) ? net->layers[residual].other : net->layers[residual].from;
}

static size_t
earlier_end(const Net *net, size_t residual)
{
	return has_second(net, residual) ? net->layers[residual].from : net->layers[residual].other;
}

static void
count_readers(Planner *planner)
{
	const Net *net = planner->net;

	for (size_t i = 0; i < net->layer_count; i++) {
		point_of(planner, net->layers[i].from)->readers++;
		if (net->layers[i].kind != LAYER_RESIDUAL)
			continue;
		point_of(planner, net->layers[i].other)->readers++;
		point_of(planner, earlier_end(net, i))->is_added = true;
	}
}

/* A stage that reads what lies at a point. */
static int
open_stage(Planner *planner, const Point *point, Shape in)
{
	Net *net = planner->net;
	Stage *stage = &net->stages[net->stage_count];

	*stage = (Stage){ .from = point->stage, .other = -1, .is_flattened = point->is_flattened, .out = in };
	stage->in = point->stage < 0 ? net->input : net->stages[point->stage].out;
	if (point->stage >= 0)
		net->stages[point->stage].readers++;
	return (int)net->stage_count++;
}

/* Make a point the output of a stage: what several read, and what is added, must lie in memory. */
static void
settle(Planner *planner, Point *point, Shape shape)
{
	if (point->stage < 0 || point->is_flattened)
		point->stage = open_stage(planner, point, shape);
	point->is_flattened = false;
	point->place = 0;
}

static void
join(Planner *planner, Point *point, size_t i)
{
	const Layer *layer = &planner->net->layers[i];
	Stage *stage = &planner->net->stages[point->stage];
	const Layer **member[] = { &stage->main, &stage->bn, &stage->add, &stage->relu, &stage->pool, &stage->dropout };

	point->place = place(layer->kind);
	*member[point->place - 1] = layer;
	stage->out = layer->out;
	if (layer->kind != LAYER_RESIDUAL)
		return;
	stage->other = point_of(planner, earlier_end(planner->net, i))->stage;
	planner->net->stages[stage->other].readers++;
}

static void
plan_layer(Planner *planner, size_t i)
{
	const Net *net = planner->net;
	const Layer *layer = &net->layers[i];
	Point *point = point_of(planner, i), own = *point;

	*point = *point_of(planner, layer->kind == LAYER_RESIDUAL ? later_end(net, i) : layer->from);
	point->readers = own.readers;
	point->is_added = own.is_added;
	if (layer->kind == LAYER_FLATTEN && layer->in.h * layer->in.w > 1)
		point->is_flattened = true;
	else if (layer->kind == LAYER_FLATTEN && point->place)
		net->stages[point->stage].out = layer->out;
	if (!place(layer->kind))
		return;
	if (point->is_flattened || place(layer->kind) <= point->place || !point->place)
		point->stage = open_stage(planner, point, layer->in);
	point->is_flattened = false;
	join(planner, point, i);
}

static void
plan_all(Planner *planner)
{
	const Net *net = planner->net;

	count_readers(planner);
	if (planner->points->readers > 1)
		settle(planner, planner->points, net->input);
	for (size_t i = 0; i < net->layer_count; i++) {
		Point *point = point_of(planner, i);

		plan_layer(planner, i);
		if (point->readers > 1 || point->is_added)
			settle(planner, point, net->layers[i].out);
	}
	/* the last layer's flatten, and that of a net without any stage */
	Point *last = point_of(planner, net->layer_count - 1);
	if (last->stage < 0 || last->is_flattened)
		settle(planner, last, net->layers[net->layer_count - 1].out);
}

Status
net_plan(Net *net)
{
	Planner planner = { .net = net, .points = calloc(net->layer_count + 1, sizeof *planner.points) };

	/* a layer opens a stage at most, and so does what is settled after it */
	net->stages = calloc(2 * (net->layer_count + 1), sizeof *net->stages);
	if (!net->stages || !planner.points) {
		free(planner.points);
		return fail_errno("no memory for %zu layers", net->layer_count);
	}
	planner.points->stage = -1;
	plan_all(&planner);
	free(planner.points);
	return STATUS_OK;
}
