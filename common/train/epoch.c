/* epoch.c: steps of an epoch. */
#include "train/epoch.h"

#include <stdbool.h>

static bool
is_last_joined(uint64_t samples, uint32_t batch)
{
	return batch > 1 && samples > 1 && samples % batch == 1;
}

uint64_t
epoch_steps(uint64_t samples, uint32_t batch)
{
	return samples / batch + (samples % batch && !is_last_joined(samples, batch));
}

uint32_t
epoch_step_size(uint64_t samples, uint32_t batch, uint64_t done)
{
	uint64_t left = samples - done;

	if (is_last_joined(samples, batch) && left == (uint64_t)batch + 1)
		return batch + 1;
	return left < batch ? (uint32_t)left : batch;
}

uint32_t
epoch_step_most(uint64_t samples, uint32_t batch)
{
	if (is_last_joined(samples, batch))
		return batch + 1;
	return samples < batch ? (uint32_t)samples : batch;
}
