#include "export/graph.h"

#include "net/shape.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double bn_epsilon = 1e-3;

size_t
layer_weight_count(const Layer *layer)
{
	size_t window = layer->kind == LAYER_CONV ? (size_t)layer->kernel_h * layer->kernel_w : 1;

	return window * layer->in.c * layer->units;
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

static bool
can_fold(const Graph *graph, const Step *step)
{
	const Step *before = graph->count ? &graph->steps[graph->count - 1] : NULL;

	return step->layer->kind == LAYER_BN && before && !before->folded &&
	       (before->layer->kind == LAYER_CONV || before->layer->kind == LAYER_DENSE);
}

static Status
add_steps(Graph *graph, bool fold)
{
	const Net *net = &graph->model->net;
	Status status = STATUS_OK;

	for (size_t i = 0; i < net->layer_count && status >= 0; i++) {
		Step step = step_of(&net->layers[i], graph->model);

		if (!is_needed(step.layer))
			continue;
		if (fold && can_fold(graph, &step))
			status = fold_into(&graph->steps[graph->count - 1], &step);
		else
			graph->steps[graph->count++] = step;
	}
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
