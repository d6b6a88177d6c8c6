#include "export/graph.h"

#include "net/shape.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double bn_epsilon = 1e-3;

size_t
layer_weight_count(const Layer *layer)
{
	size_t window = layer->kind == LAYER_DENSE ? 1 : (size_t)layer->kernel_h * layer->kernel_w;

	return window * layer->units * (layer->kind == LAYER_DEPTHWISE ? 1 : layer->in.c);
}

bool
step_works_in_place(const Step *step)
{
	LayerKind kind = step->layer->kind;

	return kind == LAYER_BN || kind == LAYER_RELU || kind == LAYER_RESIDUAL;
}

static double
bn_scale(const Step *bn, uint32_t c)
{
	return bn->weight[c] / sqrt(bn->variance[c] + bn_epsilon);
}

void
step_affine(const Step *bn, float *scale, float *shift)
{
	for (uint32_t c = 0; c < bn->layer->in.c; c++) {
		scale[c] = (float)bn_scale(bn, c);
		shift[c] = (float)(bn->bias[c] - bn->mean[c] * bn_scale(bn, c));
	}
}

/* Flattening what is flat already changes nothing. */
static bool
is_needed(const Layer *layer)
{
	return layer->kind != LAYER_DROPOUT && layer->kind != LAYER_SOFTMAX && (layer->kind != LAYER_FLATTEN || !layer->in.is_flat);
}

static Step
step_of(const Layer *layer, const Model *model)
{
	Step step = { .layer = layer };

	if (layer->weight != NO_TENSOR)
		step.weight = model->param + layer->weight;
	if (layer->bias != NO_TENSOR)
		step.bias = model->param + layer->bias;
	if (layer->mean != NO_TENSOR) {
		step.mean = model->bn + layer->mean;
		step.variance = model->bn + layer->variance;
	}
	return step;
}

/* w' = w s, b' = (b - mean) s + beta with s = gamma / sqrt(variance + epsilon), in double, for each unit. */
static Status
fold_into(Step *main, const Step *bn)
{
	uint32_t units = main->layer->units;
	size_t count = layer_weight_count(main->layer), row = count / units;
	float *folded = malloc((count + units) * sizeof *folded);

	if (!folded)
		return fail_errno("no memory for the weights of %s", main->layer->name);
	for (uint32_t u = 0; u < units; u++) {
		double scale = bn_scale(bn, u), bias = main->bias ? main->bias[u] : 0;

		for (size_t i = u * row; i < (u + 1) * row; i++)
			folded[i] = (float)(main->weight[i] * scale);
		folded[count + u] = (float)((bias - bn->mean[u]) * scale + bn->bias[u]);
	}
	main->folded = folded;
	main->weight = folded;
	main->bias = folded + count;
	return STATUS_OK;
}

/* Where a layer's value is made: layers that only training needs hand on what they read. */
typedef struct Sources {
	size_t *step;	   /* [layers] */
	uint32_t *readers; /* [layers], other layers */
} Sources;

static size_t
source_of(const Sources *sources, size_t layer)
{
	return layer == FROM_PIXELS ? STEP_PIXELS : sources->step[layer];
}

/* @return the step that batch norm goes into, or NULL */
static Step *
foldable(const Graph *graph, const Sources *sources, const Layer *layer)
{
	size_t from = source_of(sources, layer->from);

	if (layer->kind != LAYER_BN || from == STEP_PIXELS || sources->readers[layer->from] > 1 || graph->steps[from].folded ||
	    !layer_multiplies(graph->steps[from].layer))
		return NULL;
	return &graph->steps[from];
}

static Status
add_step(Graph *graph, Sources *sources, size_t i, bool fold)
{
	const Layer *layer = &graph->model->net.layers[i];
	size_t from = source_of(sources, layer->from);
	Step step = step_of(layer, graph->model), *main = fold ? foldable(graph, sources, layer) : NULL;

	sources->step[i] = from;
	if (!is_needed(layer))
		return STATUS_OK;
	if (main)
		return fold_into(main, &step);
	step.from = from;
	step.other = layer->kind == LAYER_RESIDUAL ? source_of(sources, layer->other) : STEP_PIXELS;
	sources->step[i] = graph->count;
	graph->steps[graph->count++] = step;
	return STATUS_OK;
}

static void
count_readers(const Net *net, Sources *sources)
{
	for (size_t i = 0; i < net->layer_count; i++) {
		const Layer *layer = &net->layers[i];

		if (layer->from != FROM_PIXELS)
			sources->readers[layer->from]++;
		if (layer->kind == LAYER_RESIDUAL && layer->other != FROM_PIXELS)
			sources->readers[layer->other]++;
	}
}

static void
read_by(Graph *graph, size_t step, size_t reader)
{
	if (step == STEP_PIXELS)
		graph->pixels_last = reader;
	else
		graph->steps[step].last = reader;
}

static void
find_last_readers(Graph *graph)
{
	for (size_t i = 0; i < graph->count; i++) {
		read_by(graph, graph->steps[i].from, i);
		if (graph->steps[i].layer->kind == LAYER_RESIDUAL)
			read_by(graph, graph->steps[i].other, i);
	}
	read_by(graph, graph->end, graph->count);
}

static Status
add_steps(Graph *graph, bool fold)
{
	const Net *net = &graph->model->net;
	Sources sources = { .step = calloc(net->layer_count, sizeof *sources.step),
			    .readers = calloc(net->layer_count, sizeof *sources.readers) };
	Status status = STATUS_OK;

	if (!sources.step || !sources.readers)
		status = fail_errno("no memory for %zu layers", net->layer_count);
	else
		count_readers(net, &sources);
	for (size_t i = 0; i < net->layer_count && status >= 0; i++)
		status = add_step(graph, &sources, i, fold);
	if (status >= 0) {
		graph->end = sources.step[net->layer_count - 1];
		find_last_readers(graph);
	}
	free(sources.step);
	free(sources.readers);
	return status;
}

Status
graph_init(Graph *graph, const Model *model, bool fold)
{
	const json_t *temperature = json_object_get(model->calibration, "temperature");

	*graph = (Graph){ .model = model, .temperature = temperature ? json_number_value(temperature) : 1 };
	if (!(graph->temperature > 0 && isfinite(graph->temperature)))
		return fail(STATUS_INPUT, "the model's temperature (fm.calibration) is %g; expected a number above 0",
			    graph->temperature);
	graph->steps = calloc(model->net.layer_count + 1, sizeof *graph->steps);
	Status status = graph->steps ? add_steps(graph, fold) : fail_errno("no memory for %zu layers", model->net.layer_count);
	if (status < 0)
		graph_release(graph);
	return status;
}

void
graph_release(Graph *graph)
{
	for (size_t i = 0; i < graph->count; i++)
		free(graph->steps[i].folded);
	free(graph->steps);
	*graph = (Graph){ 0 };
}
