/* moved.c: a batch's pictures through their transforms, all threads at once, before a step or a prediction reads them. */
#include "cpu/moved.h"

#include "pixel/warp.h"

#include <stdlib.h>
#include <string.h>

struct Moved {
	Warp *warps;	 /* [threads]; zeroed: not open */
	uint8_t *pixels; /* [batch_most, h, w, c] */
};

typedef struct MoveJob {
	const Backend *backend;
	const Batch *batch;
} MoveJob;

static void
move_slice(void *context, size_t slice, int thread)
{
	const MoveJob *job = context;
	const Batch *batch = job->batch;
	const Moved *moved = job->backend->moved;
	const Slice images = slice_of(batch->n, SLICES, (uint32_t)slice);
	const Shape *input = &job->backend->net->input;
	const size_t size = (size_t)input->h * input->w * input->c;
	Transform transform;

	for (uint32_t i = images.begin; i < images.end; i++) {
		memcpy(transform.affine, batch->affine + 6 * (size_t)i, sizeof transform.affine);
		memcpy(transform.tone, batch->tone + 2 * (size_t)i, sizeof transform.tone);
		memcpy(transform.erase, batch->erase + 5 * (size_t)i, sizeof transform.erase);
		warp_apply(&moved->warps[thread], &transform, batch_pixels(job->backend, batch, i), moved->pixels + i * size);
	}
}

/* Of a batch that fills otherwise than the one before, too. */
static Status
open_warps(const Backend *backend, const Batch *batch)
{
	const Shape *input = &backend->net->input;
	Warp *warps = backend->moved->warps;
	Status status = STATUS_OK;

	for (int t = 0; t < backend->threads && status >= 0; t++) {
		if (warps[t].machinery && warps[t].fill == (Fill)batch->fill && warps[t].value == batch->fill_value)
			continue;
		warp_release(&warps[t]);
		status = warp_init(&warps[t], (Fill)batch->fill, batch->fill_value, input->h, input->w, input->c);
	}
	return status < 0 ? backend->host->fail(status, "can't warp pictures: %s", status_message()) : STATUS_OK;
}

static Status
open_moved(Backend *backend)
{
	const Shape *input = &backend->net->input;

	if (backend->moved)
		return STATUS_OK;
	backend->moved = calloc(1, sizeof *backend->moved);
	if (backend->moved) {
		backend->moved->warps = calloc((size_t)backend->threads, sizeof(Warp));
		backend->moved->pixels = calloc(backend->options.batch_most, (size_t)input->h * input->w * input->c);
	}
	if (backend->moved && backend->moved->warps && backend->moved->pixels)
		return STATUS_OK;
	moved_close(backend);
	return backend->host->fail(STATUS_IO, "no memory for a batch of %u: use a smaller one", backend->options.batch_most);
}

Status
moved_batch(Backend *backend, const Batch *batch, Batch *still)
{
	MoveJob job = { backend, batch };
	Status status;

	*still = *batch;
	if (!batch->affine)
		return STATUS_OK;
	status = open_moved(backend);
	if (status >= 0)
		status = open_warps(backend, batch);
	if (status < 0)
		return status;
	team_run(backend->team, SLICES, move_slice, &job);
	still->pixels = backend->moved->pixels;
	still->rows = NULL;
	still->affine = still->tone = still->erase = NULL;
	return STATUS_OK;
}

void
moved_close(Backend *backend)
{
	Moved *moved = backend->moved;

	for (int t = 0; moved && moved->warps && t < backend->threads; t++)
		warp_release(&moved->warps[t]);
	if (moved) {
		free(moved->warps);
		free(moved->pixels);
	}
	free(moved);
	backend->moved = NULL;
}
