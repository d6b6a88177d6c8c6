/* input.c: pixels of a batch, sent along or held. */
#include "ref/state.h"

#include "net/shape.h"
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

Status
input_fill(Backend *backend, const Batch *batch)
{
	const Net *net = backend->net;
	size_t size = shape_size(net->input);

	if (batch->affine)
		return backend->host->fail(STATUS_USAGE, "the ref backend takes no transforms yet");
	for (uint64_t i = 0; i < batch->n; i++) {
		const uint8_t *from = batch->pixels ? batch->pixels + i * size : NULL;

		if (!from && (uint64_t)batch->rows[i] >= backend->held_rows)
			return backend->host->fail(STATUS_USAGE, "row %" PRId64 " is not held; %" PRIu64 " rows are",
						   batch->rows[i], backend->held_rows);
		if (!from)
			from = backend->held + (uint64_t)batch->rows[i] * size;
		ref_normalise(net, size, from, backend->network.activation[0] + i * size);
	}
	return STATUS_OK;
}
