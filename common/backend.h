/* backend.h: the one door between the training loop, or prediction, and whatever computes.
 *
 * A backend sees the whole plan, so it can fuse layers on a CPU and capture a step as one graph on a GPU. It is a table
 * of functions; plug-ins export `const BackendTable *fm_backend(const BackendHost *)`. Functions of one Backend are called
 * from one thread at a time. Every function that can fail records why through host->fail. */
#ifndef FM_BACKEND_H
#define FM_BACKEND_H

#include "net/net.h"
#include "status.h"

#include <stdbool.h>
#include <stdint.h>

enum { FM_BACKEND_ABI = 2 };

typedef struct Backend Backend;

typedef enum Precision { PRECISION_AUTO, PRECISION_FP32, PRECISION_TF32, PRECISION_BF16, PRECISION_FP16, PRECISION_INT8 } Precision;
typedef enum Optimizer { OPTIMIZER_SGD, OPTIMIZER_ADAM, OPTIMIZER_ADAMW } Optimizer;

typedef struct BackendOptions {
	bool is_training;	/* false: predict only; batch norm may be folded, int8 may be used */
	Precision precision;
	uint32_t batch_most;	/* the largest n of any call */
	int threads;
	uint64_t seed;		/* of dropout: purpose "dropout1", … */
	Optimizer optimizer;
	double label_smoothing; /* targets (1 - s) onehot + s / classes */
	double ema_rate;	/* 0: no averages are kept */
	const float *ranges;	/* int8: [stage_count][2], the least and the largest number that each stage puts out */
	float *ranges_seen;	/* fp32, not training: the same, widened by every prediction; NULL: not wanted */
} BackendOptions;

/** Rates that change from step to step. */
typedef struct Hyper {
	uint64_t step;	      /* from 1: Adam's bias correction is 1 - beta^step */
	double rate;
	double beta1;	      /* Adam's first moment, or SGD's momentum */
	double weight_decay;  /* adamw: w -= rate * wd * w; sgd: added to g; on conv and dense weights only */
	uint32_t frozen;      /* stages of the plan, the first: their parameters and moments stay, whatever their gradients; their
			       * averages and running statistics go on. Less than there are stages */
} Hyper;

/** Samples of one step or prediction. */
typedef struct Batch {
	uint64_t n;
	const uint8_t *pixels; /* [n, h, w, c]; NULL: rows says which held ones */
	const int64_t *rows;   /* [n], of what hold() was given */
	const int32_t *affine; /* [n, 6], tone [n, 2], erase [n, 5] as in fm-stream(5)'s lazy form, or NULL */
	const int32_t *tone;
	const int32_t *erase;
	uint8_t fill;	    /* with affine: a Fill of pixel/transform.h, and the value of FILL_CONSTANT */
	uint8_t fill_value;
	const int32_t *label_a; /* [n], 0 … classes - 1 */
	const int32_t *label_b; /* [n], or NULL: the loss is lambda ce(a) + (1 - lambda) ce(b) */
	const float *lambda;	/* [n], with label_b */
	const float *weight;	/* [n], or NULL = all 1 */
	const int64_t *ids;	/* [n]: for dropout */
	uint32_t epoch;		/* for dropout */
} Batch;

/** Sums since the last drain, over samples. */
typedef struct Sums {
	double loss;	/* of weight * cross-entropy */
	double weight;
	double correct; /* predictions equal to label_a, unweighted */
	double n;
	uint64_t bad_step; /* hyper.step of the first non-finite loss; 0: none. After one, updates do nothing */
} Sums;

/** So many steps or gradients there may be between two drains of a backend that has drain_each. */
enum { BACKEND_QUEUE_MOST = 64 };

/** Named vectors, always in the model file's order, whatever the layout inside. Lengths: param_count or bn_count. */
typedef enum Vector {
	VECTOR_PARAM, VECTOR_M, VECTOR_V, VECTOR_EMA, /* param_count; M is SGD's velocity too */
	VECTOR_BN, VECTOR_EMA_BN,		      /* bn_count */
	VECTOR_BEST, VECTOR_BEST_BN,
	VECTOR_COUNT,
} Vector;

/** What the program lends a backend, so that a plug-in needs none of its symbols. */
typedef struct BackendHost {
	Status (*fail)(Status status, const char *format, ...) PRINTF_LIKE(2, 3);
	int device; /* a plug-in's: the GPU to use, counted as the driver counts those that it shows */
} BackendHost;

/** What a plug-in was compiled by and for, so that the loader can tell whether it will run before it is opened. */
typedef struct BackendCode {
	uint32_t toolkit;    /* as the driver counts versions: 11080 is CUDA 11.8 */
	const char *machine; /* architectures with machine code, "60 70 75": each runs on its own major number, minor or newer */
	const char *ptx;     /* those with PTX: a driver as new as the toolkit translates it for that card and every newer one */
} BackendCode;

typedef struct BackendTable {
	uint32_t abi;  /* FM_BACKEND_ABI */
	uint32_t size; /* sizeof(BackendTable) */
	const char *name; /* "cpu" */

	/**
	 * @param net     outlives the backend
	 * @param param   [param_count], bn [bn_count]: initial values, copied
	 * @return STATUS_OK; STATUS_DEVICE (can't run here), STATUS_USAGE (a precision it has not), STATUS_IO (memory)
	 */
	Status (*open)(Backend **backend, const BackendHost *host, const Net *net, const float *param, const float *bn,
		       const BackendOptions *options);
	void (*close)(Backend *backend);

	/** What was chosen: device, instruction set, precision, as the history's `backend`: "cpu avx512 fp32". */
	const char *(*chosen)(const Backend *backend);

	/** Keep n rows of the data set, first row `first`, for Batch.rows; copied. */
	Status (*hold)(Backend *backend, uint64_t first, uint64_t n, const uint8_t *pixels);

	/** gradient + update, bit for bit; batch statistics of batch norm are used and move the running ones. */
	Status (*step)(Backend *backend, const Batch *batch, const Hyper *hyper);

	/** Leaves the SUM over samples of weighted gradients in one flat vector, the summed weight last. */
	Status (*gradient)(Backend *backend, const Batch *batch);

	/**
	 * Hand out that vector between gradient and update: [param_count + 1] floats; on a CPU in the model file's order.
	 * The only all-reduce point.
	 */
	Status (*reduce)(Backend *backend, Status (*fn)(void *context, float *vector, size_t count, bool is_device), void *context);

	/** Divide the gradient by its summed weight and apply the optimiser; then the averages. */
	Status (*update)(Backend *backend, const Hyper *hyper);

	/** The only call that waits, but for the next: sums since the last call, which are then zero (bad_step stays). */
	Status (*drain)(Backend *backend, Sums *sums);

	/**
	 * The same of each step by itself, so that whoever adds them up gets the same bits whenever he asks. NULL: step() comes back
	 * when the step is done, so nothing is gained by letting several queue.
	 *
	 * @param each  out: [BACKEND_QUEUE_MOST], the oldest first; bad_step is the same in all
	 */
	Status (*drain_each)(Backend *backend, Sums *each, uint32_t *count);

	/**
	 * Probabilities in inference mode, with running statistics.
	 *
	 * @param which  VECTOR_PARAM (with BN), VECTOR_EMA (with EMA_BN), VECTOR_BEST (with BEST_BN)
	 * @param prob   out, [n, classes]: softmax; rows sum to 1 within rounding
	 */
	Status (*predict)(Backend *backend, const Batch *batch, Vector which, float *prob);

	Status (*read)(Backend *backend, Vector vector, float *values);
	Status (*write)(Backend *backend, Vector vector, const float *values);
	/** to = from, inside the backend. */
	Status (*copy)(Backend *backend, Vector to, Vector from);

	const BackendCode *code; /* of a plug-in; NULL: built in */
} BackendTable;

#endif
