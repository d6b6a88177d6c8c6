/* loss.h: softmax cross-entropy against smoothed and mixed targets, its derivative, and the sums that people see. */
#ifndef FM_GPU_LOSS_H
#define FM_GPU_LOSS_H

#include "record.h"
#include "work.h"

/** Of one step. */
struct StepSums {
	double loss, weight, correct, n;
};

enum { STEPS_MOST = 64 /* BACKEND_QUEUE_MOST */ };

/** What drain_each() hands out, on the device. */
struct DeviceSums {
	StepSums each[STEPS_MOST]; /* more steps than that are added up in the last */
	uint32_t count;
	unsigned long long bad_step; /* 0: none */
};

struct Loss {
	uint32_t n, classes;
	double smoothing; /* targets (1 - s) onehot + s / classes */
	float scale;	  /* of the derivative: keeps 16 bits from running out below */
	Record record;	  /* labels, lambda, weight */
	const float *logits;
	float *dlogits;
	double *sample;	    /* scratch [3, n]: loss, weight, correct */
	DeviceSums *sums;   /* gets one step more */
	float *total_weight; /* out: the summed weight, or NaN where the loss isn't finite, so that no rank updates */
};

void loss_fill(Work &work, const Loss &loss);

/** prob[n, classes] = softmax(logits) */
void loss_softmax(Work &work, uint32_t n, uint32_t classes, const float *logits, float *prob);

#endif
