/* kept_feed.c: batches of kept samples. */
#include "train/feed.h"

#include "stream/shuffle.h"
#include "train/epoch.h"

#include <inttypes.h>
#include <stdlib.h>

Status
kept_feed_open(KeptFeed *feed, const Kept *kept, uint64_t seed, uint32_t batch, uint64_t epoch, uint64_t step)
{
	*feed = (KeptFeed){
		.kept = kept, .seed = seed, .batch = batch, .epoch = epoch, .used = step * batch,
		.order = reallocarray(NULL, kept->n, sizeof *feed->order), .ids = kept_ids(kept),
	};
	if (!feed->order || !feed->ids) {
		kept_feed_close(feed);
		return fail_errno("memory for the order of %" PRIu64 " samples", kept->n);
	}
	Status status = shuffle_order(seed, (uint32_t)epoch, feed->ids, kept->n, feed->order);
	if (status < 0)
		kept_feed_close(feed);
	return status;
}

static Status
next_epoch(KeptFeed *feed)
{
	feed->epoch++;
	feed->used = 0;
	return shuffle_order(feed->seed, (uint32_t)feed->epoch, feed->ids, feed->kept->n, feed->order);
}

Status
kept_feed_fill(void *context, Slot *slot)
{
	KeptFeed *feed = context;

	Status status = feed->used == feed->kept->n ? next_epoch(feed) : STATUS_OK;

	if (status < 0)
		return status;
	slot->epoch = feed->epoch;
	slot->n = epoch_step_size(feed->kept->n, feed->batch, feed->used);
	kept_gather(feed->kept, feed->order + feed->used, slot->n, slot->pixels, slot->labels, slot->ids);
	for (uint64_t i = 0; slot->rows && i < slot->n; i++)
		slot->rows[i] = (int64_t)feed->order[feed->used + i];
	feed->used += slot->n;
	return 1;
}

void
kept_feed_close(KeptFeed *feed)
{
	free(feed->order);
	free(feed->ids);
	*feed = (KeptFeed){ 0 };
}
