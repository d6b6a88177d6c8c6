/* optimise.h: one step of the optimiser, of the averages and of batch norm's running statistics. */
#ifndef FM_GPU_OPTIMISE_H
#define FM_GPU_OPTIMISE_H

#include "loss.h"
#include "record.h"
#include "work.h"

/** A run of elements of one tensor: a block's work. */
struct Run {
	uint32_t offset, count; /* elements; count at most RUN_ELEMENTS */
	uint32_t is_decayed;
};

enum { RUN_ELEMENTS = 1024 };

struct Optimise {
	const Head *head;
	const Run *runs;
	uint32_t run_count, param_count, bn_count;
	bool is_sgd;
	bool decays_weight, decays_gradient; /* AdamW; SGD */
	double ema_rate;		     /* 0: no averages */
	const float *gradient;		     /* [param_count + 1], the summed weight last */
	const float *batch_bn;		     /* [bn_count]: what the running statistics move to */
	float *param, *m, *v, *ema;	     /* [param_count] */
	float *bn, *ema_bn;		     /* [bn_count] */
	DeviceSums *sums;		     /* bad_step: set on a weight that is no number; then nothing moves any more */
};

void optimise(Work &work, const Optimise &job);

/** to[i] = from[i] rounded: weights as 16 bits multiply them, derivatives as they are stored. Both on 16 bytes. */
template <typename Cell> void optimise_narrow(Work &work, uint32_t count, const float *from, Cell *to);

#endif
