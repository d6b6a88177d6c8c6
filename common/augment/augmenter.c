/* augmenter.c: the sampler and, for every thread, a warp. */
#include "augment/augment.h"

#include <stdlib.h>

Status
augmenter_open(Augmenter *augmenter, const Sampler *sampler, Fill fill, uint8_t fill_value, const About *about, int threads)
{
	Status status = STATUS_OK;

	*augmenter = (Augmenter){ .sampler = *sampler };
	augmenter->picture_size = (size_t)about->height * about->width * about->channels;
	augmenter->team = team_open(threads);
	augmenter->warps = calloc((size_t)threads, sizeof *augmenter->warps);
	if (!augmenter->team || !augmenter->warps)
		status = fail(STATUS_IO, "no memory for %d threads, or not so many are allowed", threads);
	while (augmenter->threads < threads && status == STATUS_OK) {
		status = warp_init(&augmenter->warps[augmenter->threads], fill, fill_value, about->height, about->width,
				   about->channels);
		augmenter->threads += status == STATUS_OK;
	}
	if (status != STATUS_OK)
		augmenter_close(augmenter);
	return status;
}

void
augmenter_make(Augmenter *augmenter, int thread, uint32_t epoch, uint64_t id, const uint8_t *from, uint8_t *to)
{
	Transform transform;

	sampler_draw(&augmenter->sampler, epoch, id, &transform);
	warp_apply(&augmenter->warps[thread], &transform, from, to);
}

const char *
augmenter_name(const Augmenter *augmenter)
{
	return warp_name(&augmenter->warps[0]);
}

uint64_t
augmenter_share(const Augmenter *augmenter)
{
	enum { BYTES = 1 << 15 }; /* some ten microseconds of warping, well above what waking a thread costs */

	return augmenter->picture_size < BYTES ? BYTES / augmenter->picture_size : 1;
}

void
augmenter_close(Augmenter *augmenter)
{
	for (int i = 0; i < augmenter->threads; i++)
		warp_release(&augmenter->warps[i]);
	free(augmenter->warps);
	team_close(augmenter->team);
	*augmenter = (Augmenter){ 0 };
}
