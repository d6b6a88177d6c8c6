/* network.h: what the way forward and the way back share. */
#ifndef FM_GPU_NETWORK_H
#define FM_GPU_NETWORK_H

#include "engine.h"
#include "optimise.h"

/** The weights as they are multiplied: the vector itself, or its copy in 16 bits. */
template <typename Cell>
inline const Cell *
network_weights(const Backend &backend, Vector)
{
	return static_cast<const Cell *>(backend.narrow);
}

template <>
inline const float *
network_weights<float>(const Backend &backend, Vector which)
{
	return backend.vectors[which];
}

/** Make that copy. */
template <typename Cell>
inline void
network_narrow(Backend &backend, Work &work, Vector which)
{
	optimise_narrow(work, static_cast<uint32_t>(backend.net->param_count), backend.vectors[which],
			static_cast<Cell *>(backend.narrow));
}

template <>
inline void
network_narrow<float>(Backend &, Work &, Vector)
{
}

/** A stage's finish for n samples with these numbers. */
Finish network_finish(const StagePlan &plan, uint32_t n, const Record &record, const float *scale, const float *shift);

/** The same in training: batch norm's map of this batch, or the bias. */
Finish network_training_finish(const Backend &backend, const StagePlan &plan, const StepForm &form);

/** Pixels to logits, in the last stage's z; every stage keeps what the way back needs. */
template <typename Cell> void network_forward(Backend &backend, const StepForm &form);

#endif
