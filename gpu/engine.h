/* engine.h: an open backend: the plan with its memory, and what is queued for a step. */
#ifndef FM_GPU_ENGINE_H
#define FM_GPU_ENGINE_H

#include "convolution.h"
#include "direct.h"
#include "finish.h"
#include "first_weight.h"
#include "loss.h"
#include "memory.h"
#include "norm.h"
#include "optimise.h"
#include "picture.h"
#include "plugin.h"
#include "record.h"
#include "work.h"

#include "backend.h"

/** A stage of the plan. Cells: of the backend's kind, but the last stage's y, z and dz are floats. */
struct StagePlan {
	const Stage *stage;
	Shape in, middle; /* what the main layer reads; what it gives, or what it would if there were one */
	bool is_convolution, is_depthwise, is_dense, is_last;
	bool is_copied;	 /* flattened into `flat`, since no dense layer follows whose weights could be permuted */
	bool has_finish; /* z is not y */
	bool is_direct_forward, is_direct_input, is_direct_weight; /* which of direct.h's kernels fit the shape */
	bool is_first_weight;	 /* its windows are few numbers, see first_weight.h */
	bool has_winners;	 /* the convolution finds its pool's winners, see winners.h */
	Convolution convolution;
	uint32_t depth, units;	 /* dense: inputs, outputs */
	size_t weight, bias;	 /* in param; NO_TENSOR */
	Finish finish;		 /* but for n, scale, shift, and dropout's record */
	uint2 drop_key;
	/* in training: */
	const void *x;		 /* [n, in]: what it read, of the stage before, or flat */
	void *flat, *y, *z;	 /* y, z: [n, middle], [n, out] */
	void *argmax;
	void *winners;		 /* [n, out], in the place of y for what has been pooled */
	void *lent;		 /* [n, out]: the derivative by z, or a prediction's z; of a chain's stages in turn in side[0, 1] */
	const void *handed;	 /* the prediction's z */
	bool is_learning;	 /* in this step parameters move, here or in what it reads: else it has no way back */
	bool has_derivative;	 /* some reader has left its part in lent */
	Norm norm;		 /* scale and shift are those of the affine map */
	float *norm_a, *norm_b, *norm_shift; /* [c] */
};

/** One of the two records, its pinned twin, and when either may be written again. */
struct Slot {
	Record device, pinned;
	void *device_memory, *pinned_memory;
	cudaEvent_t copied, used;
};

enum StepKind { STEP_GRADIENT, STEP_UPDATE, STEP_BOTH, STEP_PREDICT };

/** What a graph depends on; everything else lies in the record. */
struct StepForm {
	StepKind kind;
	uint32_t n;
	bool is_held, is_moved;
	int slot;
	Vector which;	 /* STEP_PREDICT */
	uint32_t frozen; /* STEP_BOTH: Hyper's; else 0, since others need the whole gradient */
};

struct StepGraph {
	StepForm form;
	bool is_captured;
	cudaGraphExec_t exec;
};

enum { GRAPHS_MOST = 64 };

struct Backend {
	const BackendHost *host;
	const Net *net;
	BackendOptions options;
	Card card;
	char chosen[64];
	Work work;		  /* what computes */
	Work exact;		  /* the same in fp32 proper: prediction while training */
	cudaStream_t copies;	  /* what comes in */
	Memory memory;
	float loss_scale;	  /* of derivatives: more than 1 keeps fp16 from running out below */
	Normal normal;
	StagePlan *stages;	  /* [net->stage_count] */
	float *vectors[VECTOR_COUNT]; /* device order; NULL: not kept */
	float *gradient;	  /* [param_count + 1] */
	float *batch_bn;	  /* [bn_count] */
	bool is_narrow;		  /* activations and weights have 16 bits */
	void *narrow;		  /* [param_count] the weights so */
	void *input;		  /* [n, input] training */
	bool is_branching;	  /* not every stage reads the one before and nothing else */
	void *side[4];		  /* [n, largest] of scratch: see StagePlan.lent; then y or dy; then copies and sums */
	void *windows;		  /* for convolution.h */
	void *turned;		  /* for direct.h: weights */
	float *slices;		  /* for direct.h: partial derivatives of weights */
	float2 *partial;	  /* partial sums */
	double *sample;		  /* [3, n] */
	float *prob, *prob_pinned; /* [n, classes] */
	float *fold_scale, *fold_shift; /* [channels]: a prediction's affine map */
	DeviceSums *sums, *sums_pinned;
	Run *runs;
	uint32_t run_count;
	Slot slots[2];
	unsigned turn;		  /* of the slots */
	uint8_t *held;		  /* device */
	uint64_t held_rows, held_room;
	StepGraph graphs[GRAPHS_MOST];
	int graph_count;
	void (*gradient_pass)(Backend &, const StepForm &);
	void (*predict_pass)(Backend &, const StepForm &);
};

/** True for the vectors of bn_count floats. */
inline bool
vector_is_bn(Vector vector)
{
	return vector == VECTOR_BN || vector == VECTOR_EMA_BN || vector == VECTOR_BEST_BN;
}

inline size_t
shape_elements(Shape shape)
{
	return static_cast<size_t>(shape.h) * shape.w * shape.c;
}

/** Fill stages' shapes and kernels from the net. @return STATUS_OK, or what can't be computed here after host->fail */
Status plan_make(Backend *backend);

/** Everything on the device, for the plan. @return STATUS_OK; STATUS_DEVICE, STATUS_IO after host->fail */
Status engine_allocate(Backend *backend, const float *param, const float *bn);

/** Queue forward, loss and backward in backend.work: gradient, batch_bn and sums change. */
template <typename Cell> void network_gradient(Backend &backend, const StepForm &form);

/** Queue a prediction into backend.prob. */
template <typename Cell> void network_predict(Backend &backend, const StepForm &form);

/** Send the batch and the rates, then do what `form` says, by graph from the second time on. */
Status step_run(Backend *backend, StepKind kind, const Batch *batch, const Hyper *hyper, Vector which);

void step_release(Backend *backend);

#endif
