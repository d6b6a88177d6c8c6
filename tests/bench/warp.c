/* warp.c: pictures a second of processor time, with the preset's transforms; FM_CPU says with what. */
#include "augment/sampler.h"
#include "pixel/warp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PICTURES = 512, RUNS = 7, BYTES_A_RUN = 20000000 };

static double
processor_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* What warping lies between: pictures, and a transform for each. */
typedef struct Work {
	size_t size, rounds;
	uint8_t *from, *to;
	Transform transforms[PICTURES];
} Work;

static Status
work_init(Work *work, uint32_t h, uint32_t w, uint32_t c)
{
	const Ranges ranges = { .rotation = 10, .zoom = 0.1, .shift = 0.1, .shear = 0.1 };
	Sampler sampler;
	Status status = sampler_init(&sampler, &ranges, 1, h, w);

	work->size = (size_t)h * w * c;
	work->rounds = 1 + BYTES_A_RUN / work->size / PICTURES;
	work->from = calloc(PICTURES, work->size);
	work->to = calloc(PICTURES, work->size);
	if (!work->from || !work->to)
		return fail_errno("memory for pictures");
	for (size_t i = 0; status == STATUS_OK && i < PICTURES; i++)
		sampler_draw(&sampler, 0, i, &work->transforms[i]);
	return status;
}

static double
one_run(Warp *warp, const Work *work)
{
	double begin = processor_seconds();

	for (size_t round = 0; round < work->rounds; round++)
		for (size_t i = 0; i < PICTURES; i++)
			warp_apply(warp, &work->transforms[i], work->from + i * work->size, work->to + i * work->size);
	return processor_seconds() - begin;
}

static Status
bench(uint32_t h, uint32_t w, uint32_t c)
{
	static Work work;
	Warp warp;
	double best = 1e9;
	Status status = warp_init(&warp, FILL_NEAREST, 0, h, w, c);

	if (status != STATUS_OK)
		return status;
	status = work_init(&work, h, w, c);
	for (int run = 0; status == STATUS_OK && run < RUNS; run++) {
		double seconds = one_run(&warp, &work);

		best = seconds < best ? seconds : best;
	}
	if (status == STATUS_OK)
		printf("  %-6s %3ux%3ux%u %12.0f pictures/s\n", warp_name(&warp), h, w, c,
		       (double)(work.rounds * PICTURES) / best);
	free(work.from);
	free(work.to);
	warp_release(&warp);
	return status;
}

int
main(void)
{
	static const uint32_t shapes[][3] = { { 28, 28, 1 }, { 32, 32, 3 }, { 224, 224, 1 }, { 224, 224, 3 } };

	for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
		if (bench(shapes[i][0], shapes[i][1], shapes[i][2]) != STATUS_OK) {
			fprintf(stderr, "warp: %s\n", status_message());
			return 1;
		}
	return 0;
}
