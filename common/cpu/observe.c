/* observe.c: the least and the largest of every stage's output. Padding is zero, and 0 is in every range. */
#include "cpu/observe.h"

enum { OBSERVE_CHUNK = 1024 }; /* numbers at once, a multiple of what an image is one of */

static void
widen(float range[2], float value)
{
	if (value < range[0])
		range[0] = value;
	if (value > range[1])
		range[1] = value;
}

void
observe(const Backend *backend, size_t s, const void *out, uint32_t n, Scratch *scratch)
{
	const StageLayout *stage = &backend->folded.layout.stages[s];
	const KernelTable *kernels = stage_kernels(backend->folded.kernels, stage);
	const size_t count = n * plane_image(&stage->out);
	float values[OBSERVE_CHUNK];

	for (size_t begin = 0; backend->options.ranges_seen && begin < count; begin += OBSERVE_CHUNK) {
		const size_t size = count - begin < OBSERVE_CHUNK ? count - begin : OBSERVE_CHUNK;
		kernels->load(size, cells_at(out, begin, kernels->cell), values);
		for (size_t at = 0; at < size; at++)
			widen(scratch->ranges + 2 * s, values[at]);
	}
}

void
observe_finish(Backend *backend)
{
	float *seen = backend->options.ranges_seen;

	for (int thread = 0; seen && thread < backend->threads; thread++)
		for (size_t s = 0; s < backend->folded.layout.stage_count; s++)
			for (int end = 0; end < 2; end++)
				widen(seen + 2 * s, backend->scratch[thread].ranges[2 * s + end]);
}
