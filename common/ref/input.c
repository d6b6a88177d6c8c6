/* input.c: pixels of a batch, sent along or held, warped where the batch says so. */
#include "ref/state.h"

#include "net/shape.h"
#include "pixel/transform.h"
#include "ref/operations.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

Status
ref_hold(Backend *backend, uint64_t first, uint64_t n, const uint8_t *pixels)
{
	size_t size = shape_size(backend->net->input), bytes;

	if (first > backend->held_rows)
		return backend->host->fail(STATUS_USAGE, "row %" PRIu64 " can't be held before row %" PRIu64, first,
					   backend->held_rows);
	if (first + n > backend->held_rows) {
		uint8_t *held = NULL;

		if (!__builtin_mul_overflow(first + n, size, &bytes))
			held = realloc(backend->held, bytes);
		if (!held)
			return backend->host->fail(STATUS_IO, "no memory to hold %" PRIu64 " pictures of %zu bytes",
						   first + n, size);
		backend->held = held;
		backend->held_rows = first + n;
	}
	memcpy(backend->held + first * size, pixels, n * size);
	return STATUS_OK;
}

/* Sample i of the batch through its transform. */
static void
warp(const Net *net, const Batch *batch, uint64_t i, const uint8_t *from, uint8_t *to)
{
	Shape shape = net->input;
	Transform transform;

	memcpy(transform.affine, batch->affine + 6 * i, sizeof transform.affine);
	memcpy(transform.tone, batch->tone + 2 * i, sizeof transform.tone);
	memcpy(transform.erase, batch->erase + 5 * i, sizeof transform.erase);
	transform_apply(&transform, (Fill)batch->fill, batch->fill_value, shape.h, shape.w, shape.c, from, to);
}

/* Where sample i lies as it was sent or held. @return NULL for a row that is not held */
static const uint8_t *
picture_of(const Backend *backend, const Batch *batch, uint64_t i)
{
	size_t size = shape_size(backend->net->input);

	if (batch->pixels)
		return batch->pixels + i * size;
	return (uint64_t)batch->rows[i] < backend->held_rows ? backend->held + (uint64_t)batch->rows[i] * size : NULL;
}

Status
input_fill(Backend *backend, const Batch *batch)
{
	const Net *net = backend->net;
	size_t size = shape_size(net->input);

	for (uint64_t i = 0; i < batch->n; i++) {
		const uint8_t *picture = picture_of(backend, batch, i);

		if (!picture)
			return backend->host->fail(STATUS_USAGE, "row %" PRId64 " is not held; %" PRIu64 " rows are",
						   batch->rows[i], backend->held_rows);
		if (batch->affine) {
			warp(net, batch, i, picture, backend->warped);
			picture = backend->warped;
		}
		ref_normalise(net, size, picture, backend->network.activation[0] + i * size);
	}
	return STATUS_OK;
}
