/* consumed.c: one running XXH3-64 a column, and how their states are written down.
 *
 * A checkpoint outlives the library that made it, so the library's structure is not saved but the five things that
 * XXH3's definition makes of its input: accumulators, total length, stripes in the open block, and the buffer with its
 * fill. Restoring checks the digest, so a library that means something else by them is found out at once. */
#define XXH_STATIC_LINKING_ONLY /* the fields of XXH3_state_t */
#include "train/consumed.h"

#include <string.h>

void
consumed_init(Consumed *consumed, const About *about)
{
	*consumed = (Consumed){ .about = about, .content = content_open(about) };
	for (size_t i = 0; i < about->column_count; i++)
		if (!about->columns[i].is_implied)
			content_hash(consumed->content, i);
}

void
consumed_copy(Consumed *to, const Consumed *from)
{
	to->samples = from->samples;
	content_copy(to->content, from->content);
}

static Tensor
rows_of_tensor(const Tensor *tensor, uint64_t begin, uint64_t end)
{
	size_t width = tensor_row_size(tensor);
	Tensor rows = *tensor;

	rows.shape[0] = end - begin;
	rows.data += begin * width;
	rows.size = (end - begin) * width;
	return rows;
}

void
consumed_add(Consumed *consumed, const Record *record, uint64_t begin, uint64_t end)
{
	for (size_t i = 0; i < consumed->about->column_count; i++) {
		const Column *column = &consumed->about->columns[i];
		const Tensor *tensor = record_find(record, column->name);
		Tensor rows;

		if (!tensor || column->is_implied) /* a record of a lazy stream has the columns of its kind */
			continue;
		rows = rows_of_tensor(tensor, begin, end);
		content_add(consumed->content, i, &rows);
	}
	consumed->samples += end - begin;
}

bool
consumed_has_same_data_set(const Consumed *a, const Consumed *b)
{
	for (size_t i = 0; i < a->about->column_count; i++)
		if (!a->about->columns[i].is_lazy && !a->about->columns[i].is_implied &&
		    hash_value(content_hash(a->content, i)) != hash_value(content_hash(b->content, i)))
			return false;
	return true;
}

size_t
consumed_columns(const Consumed *consumed)
{
	size_t count = 0;

	for (size_t i = 0; i < consumed->about->column_count; i++)
		count += !consumed->about->columns[i].is_implied;
	return count;
}

uint64_t
consumed_content(const Consumed *consumed)
{
	return content_value(consumed->content);
}

/* a state's five parts, in the order they are written */
typedef struct SavedState {
	uint64_t accumulators[8];
	uint64_t length;
	uint64_t stripes;
	uint64_t filled;
	uint8_t buffer[256];
} SavedState;

_Static_assert(sizeof(SavedState) == CONSUMED_STATE_SIZE, "fm-model(5) says so");
_Static_assert(sizeof ((XXH3_state_t *)NULL)->buffer == 256, "XXH3's definition says so");

static void
save_state(const XXH3_state_t *state, uint8_t *bytes)
{
	SavedState saved = { .length = state->totalLen, .stripes = state->nbStripesSoFar, .filled = state->bufferedSize };

	memcpy(saved.accumulators, state->acc, sizeof saved.accumulators);
	memcpy(saved.buffer, state->buffer, sizeof saved.buffer);
	memcpy(bytes, &saved, sizeof saved);
}

void
consumed_save(const Consumed *consumed, uint8_t *bytes)
{
	for (size_t i = 0; i < consumed->about->column_count; i++) {
		if (consumed->about->columns[i].is_implied)
			continue;
		save_state(content_hash(consumed->content, i), bytes);
		bytes += sizeof(SavedState);
	}
}

static Status
restore_state(XXH3_state_t *state, const SavedState *saved)
{
	if (saved->filled > sizeof saved->buffer || saved->stripes > state->nbStripesPerBlock)
		return fail(STATUS_INPUT, "its running content hash is damaged");
	memcpy(state->acc, saved->accumulators, sizeof saved->accumulators);
	memcpy(state->buffer, saved->buffer, sizeof saved->buffer);
	state->totalLen = saved->length;
	state->nbStripesSoFar = saved->stripes;
	state->bufferedSize = (XXH32_hash_t)saved->filled;
	return STATUS_OK;
}

Status
consumed_restore(Consumed *consumed, const uint8_t *bytes, uint64_t samples, uint64_t content)
{
	Status status = STATUS_OK;

	for (size_t i = 0; status >= 0 && i < consumed->about->column_count; i++) {
		SavedState saved;

		if (consumed->about->columns[i].is_implied)
			continue;
		memcpy(&saved, bytes, sizeof saved);
		bytes += sizeof saved;
		XXH3_64bits_reset(content_hash(consumed->content, i));
		status = restore_state(content_hash(consumed->content, i), &saved);
	}
	if (status < 0)
		return status;
	consumed->samples = samples;
	if (consumed_content(consumed) != content)
		return fail(STATUS_INPUT, "its running content hash can't be taken up by this version of libxxhash; "
			    "send the input again from its start, without --start-epoch");
	return STATUS_OK;
}

void
consumed_release(Consumed *consumed)
{
	content_close(consumed->content);
	*consumed = (Consumed){ 0 };
}
