/* samples.c: chunks of samples, so that growing never copies what is there. */
#include "metrics/samples.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNK_FLOATS = 1 << 18 };

void
samples_init(Samples *samples, uint32_t classes)
{
	*samples = (Samples){.classes = classes, .rows = CHUNK_FLOATS / classes ? CHUNK_FLOATS / classes : 1};
}

static void
chunk_release(SampleChunk *chunk)
{
	free(chunk->prob);
	free(chunk->label);
	free(chunk->predicted);
}

/* One allocation more for each doubling of the list; chunks themselves stay where they are. */
static Status
add_chunk(Samples *samples)
{
	if (samples->count == samples->room) {
		size_t room = samples->room ? 2 * samples->room : 8;
		SampleChunk *chunks = realloc(samples->chunks, room * sizeof *chunks);
		if (!chunks)
			return fail_errno("keeping %llu samples", (unsigned long long)samples->n);
		samples->chunks = chunks;
		samples->room = room;
	}
	SampleChunk chunk = {
		.prob = malloc(samples->rows * samples->classes * sizeof(float)),
		.label = malloc(samples->rows * sizeof(int32_t)),
		.predicted = malloc(samples->rows * sizeof(int32_t)),
	};
	if (!chunk.prob || !chunk.label || !chunk.predicted) {
		chunk_release(&chunk);
		return fail_errno("keeping %llu samples", (unsigned long long)samples->n);
	}
	samples->chunks[samples->count++] = chunk;
	return STATUS_OK;
}

Status
samples_append(Samples *samples, const float *prob, int32_t label, int32_t predicted)
{
	if (!samples->count || samples->chunks[samples->count - 1].n == samples->rows) {
		Status status = add_chunk(samples);
		if (status < 0)
			return status;
	}
	SampleChunk *chunk = &samples->chunks[samples->count - 1];
	for (uint32_t i = 0; i < samples->classes; i++)
		chunk->prob[i * samples->rows + chunk->n] = prob[i];
	chunk->label[chunk->n] = label;
	chunk->predicted[chunk->n] = predicted;
	chunk->n++;
	samples->n++;
	return STATUS_OK;
}

void
samples_keys(const Samples *samples, uint32_t which, uint32_t *keys)
{
	for (size_t i = 0; i < samples->count; i++) {
		const SampleChunk *chunk = &samples->chunks[i];
		const float *prob = chunk->prob + which * samples->rows;
		for (uint64_t j = 0; j < chunk->n; j++) {
			uint32_t bits;
			memcpy(&bits, &prob[j], sizeof bits);
			/* the sign bit goes: it is set in -0 alone */
			*keys++ = bits << 1 | (chunk->label[j] == (int32_t)which);
		}
	}
}

uint64_t
samples_errors(const Samples *samples, uint32_t *pairs)
{
	uint64_t count = 0;

	for (size_t i = 0; i < samples->count; i++) {
		const SampleChunk *chunk = &samples->chunks[i];
		for (uint64_t j = 0; j < chunk->n; j++)
			if (chunk->label[j] != chunk->predicted[j])
				pairs[count++] = (uint32_t)chunk->label[j] << 16 | (uint32_t)chunk->predicted[j];
	}
	return count;
}

void
samples_release(Samples *samples)
{
	for (size_t i = 0; i < samples->count; i++)
		chunk_release(&samples->chunks[i]);
	free(samples->chunks);
	*samples = (Samples){0};
}
