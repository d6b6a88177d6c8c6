/* export/graph.h: a trained net as the steps that a prediction takes: what only training needs is gone. */
#ifndef FM_EXPORT_GRAPH_H
#define FM_EXPORT_GRAPH_H

#include "net/model.h"
#include "status.h"

/** Instead of a step's index: the pixels. */
#define STEP_PIXELS SIZE_MAX

/**
 * One step: conv, depthwise, bn, relu, a pool, flatten, dense or residual (which adds). Weights are laid out as in the model file; those of a step that has
 * none are NULL, and so is the bias of a layer without one.
 */
typedef struct Step {
	const Layer *layer;
	size_t from;		       /* the step whose output it reads, or STEP_PIXELS */
	size_t other;		       /* residual: the second of the two that are added, likewise */
	size_t last;		       /* the last step that reads its output; of the last step itself the count of steps */
	const float *weight, *bias;    /* bn: gamma, beta */
	const float *mean, *variance;  /* bn */
	float *folded;		       /* owned: the weights and bias into which batch norm went; or NULL */
} Step;

/** graph_init, graph_release; borrows the model. After the last step comes softmax(x / temperature). */
typedef struct Graph {
	const Model *model;
	double temperature;
	size_t count;
	Step *steps;	  /* each after what it reads */
	size_t end;	  /* the step whose output are the logits, or STEP_PIXELS */
	size_t pixels_last; /* the last step that reads the pixels */
} Graph;

/**
 * @param fold  put a batch norm into the conv, depthwise or dense layer right before it, if nobody else reads that
 * @return STATUS_OK; STATUS_INPUT for a model that can't be used, STATUS_IO without memory; nothing is held then
 */
MUST_CHECK Status graph_init(Graph *graph, const Model *model, bool fold);

void graph_release(Graph *graph);

/** bn, relu and residual make their output where their input lies, or a copy of it. */
bool step_works_in_place(const Step *step);

/** Floats of a layer's weight. */
size_t layer_weight_count(const Layer *layer);

/** bn as y = x * scale + shift. @param scale, shift  out, [channels] */
void step_affine(const Step *bn, float *scale, float *shift);

#endif
