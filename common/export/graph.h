/* export/graph.h: a trained net as the steps that a prediction takes: what only training needs is gone. */
#ifndef FM_EXPORT_GRAPH_H
#define FM_EXPORT_GRAPH_H

#include "net/model.h"
#include "status.h"

/**
 * One step: conv, bn, relu, a pool, flatten or dense. Weights are laid out as in the model file; those of a step that has
 * none are NULL, and so is the bias of a layer without one.
 */
typedef struct Step {
	const Layer *layer;
	const float *weight, *bias;    /* bn: gamma, beta */
	const float *mean, *variance;  /* bn */
	float *folded;		       /* owned: the weights and bias into which batch norm went; or NULL */
} Step;

/** graph_init, graph_release; borrows the model. After the last step comes softmax(x / temperature). */
typedef struct Graph {
	const Model *model;
	double temperature;
	size_t count;
	Step *steps;
} Graph;

/**
 * @param fold  put a batch norm into the conv or dense layer right before it
 * @return STATUS_OK; STATUS_INPUT for a model that can't be used, STATUS_IO without memory; nothing is held then
 */
MUST_CHECK Status graph_init(Graph *graph, const Model *model, bool fold);

void graph_release(Graph *graph);

/** Floats of a layer's weight. */
size_t layer_weight_count(const Layer *layer);

/** bn as y = x * scale + shift. @param scale, shift  out, [channels] */
void step_affine(const Step *bn, float *scale, float *shift);

#endif
