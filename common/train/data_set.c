/* data_set.c: a lazy stream's samples, from where they were kept. */
#include "train/data_set.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

Status
data_set_open(DataSet *set, const About *stream, Kept *kept)
{
	*set = (DataSet){ .kept = kept };
	return warp_init(&set->warp, stream->fill, stream->fill_value, stream->height, stream->width, stream->channels);
}

static Status
make_room(DataSet *set, uint64_t n)
{
	if (n <= set->room)
		return STATUS_OK;
	free(set->at);
	free(set->labels);
	free(set->ids);
	set->room = 0;
	set->at = reallocarray(NULL, n, sizeof *set->at);
	set->labels = reallocarray(NULL, n, sizeof *set->labels);
	set->ids = reallocarray(NULL, n, sizeof *set->ids);
	if (!set->at || !set->labels || !set->ids)
		return fail_errno("memory for a record of %" PRIu64 " samples", n);
	set->room = n;
	return STATUS_OK;
}

Status
data_set_rows(DataSet *set, const Record *record, Rows *rows)
{
	Status status = make_room(set, record->n);

	if (status < 0)
		return status;
	set->lazy = lazy_rows(record);
	for (uint64_t i = 0; i < record->n; i++)
		set->at[i] = (uint64_t)set->lazy.rows[i] - set->holdout;
	kept_gather(set->kept, set->at, record->n, NULL, set->labels, set->ids);
	*rows = (Rows){ .n = record->n, .picture_size = set->kept->picture_size, .labels = set->labels, .ids = set->ids };
	for (uint64_t i = 0; i < record->n; i++)
		rows->unlabelled += set->labels[i] < 0;
	return STATUS_OK;
}

static void
copy_transform(const Transform *transform, Slot *slot)
{
	memcpy(slot->affine + 6 * slot->n, transform->affine, sizeof transform->affine);
	memcpy(slot->tone + 2 * slot->n, transform->tone, sizeof transform->tone);
	memcpy(slot->erase + 5 * slot->n, transform->erase, sizeof transform->erase);
}

void
data_set_take(DataSet *set, uint64_t i, Slot *slot)
{
	const Transform transform = lazy_transform(&set->lazy, i);
	const size_t size = set->kept->picture_size;
	const uint8_t *picture;

	if (slot->affine)
		copy_transform(&transform, slot);
	if (slot->rows) {
		slot->rows[slot->n] = (int64_t)set->at[i];
		return;
	}
	picture = kept_picture(set->kept, set->at[i]);
	if (slot->affine)
		memcpy(slot->pixels + slot->n * size, picture, size);
	else
		warp_apply(&set->warp, &transform, picture, slot->pixels + slot->n * size);
}
