/* ref/state.h: what an open reference backend holds. */
#ifndef FM_REF_STATE_H
#define FM_REF_STATE_H

#include "backend.h"
#include "ref/network.h"

struct Backend {
	const BackendHost *host;
	const Net *net;
	BackendOptions options;
	Network network;
	float *vector[VECTOR_COUNT]; /* when predicting only those of param and bn */
	float *gradient;	     /* [param_count + 1]: sum over samples, then the summed weight */
	uint64_t gradient_n;	     /* samples of the last gradient: the rows of its batch statistics */
	double *target;		     /* [classes], of one sample */
	uint8_t *warped;	     /* one picture after its transform */
	uint8_t *held;		     /* rows of the data set */
	uint64_t held_rows;
	Sums sums;
};

/** Floats of a vector. */
size_t vector_count(const Net *net, Vector vector);

/** Pixels of the batch, given or held, as the first activation. @return STATUS_OK, or STATUS_USAGE for a row not held */
MUST_CHECK Status input_fill(Backend *backend, const Batch *batch);

/** See BackendTable. */
Status ref_hold(Backend *backend, uint64_t first, uint64_t n, const uint8_t *pixels);
Status ref_gradient(Backend *backend, const Batch *batch);
Status ref_update(Backend *backend, const Hyper *hyper);

#endif
