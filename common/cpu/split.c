/* split.c: one image's work shared by threads. */
#include "cpu/split.h"

enum {
	SPLIT_WORK = 400000, /* products of words: some 3 us of a core, where a run of the team costs 1 */
	BAND_ROWS = 2,	     /* a pool's two rows are not parted */
};

typedef struct Split {
	const KernelTable *kernels;
	const Conv *conv;
	uint32_t blocks, bands;
} Split;

static void
split_task(void *context, size_t task, int thread)
{
	const Split *split = context;
	const uint32_t block = (uint32_t)(task / split->bands), band = (uint32_t)(task % split->bands);
	const uint32_t h = split->conv->window.out_h, pairs = (h + BAND_ROWS - 1) / BAND_ROWS;
	const uint32_t end = (uint32_t)((uint64_t)pairs * (band + 1) / split->bands) * BAND_ROWS;
	Conv conv = *split->conv;

	(void)thread;
	conv.rows_before = (uint32_t)((uint64_t)pairs * band / split->bands) * BAND_ROWS;
	conv.rows_after = end < h ? h - end : 0;
	split->kernels->conv(&conv, block, block + 1);
}

/* Enough pieces for every thread, as few as that takes. */
static uint32_t
bands_of(const Conv *conv, uint32_t blocks, uint32_t threads)
{
	const uint32_t wanted = (threads + blocks - 1) / blocks, most = (conv->window.out_h + BAND_ROWS - 1) / BAND_ROWS;

	return wanted < most ? wanted : most;
}

void
split_conv(Team *team, const KernelTable *kernels, const Conv *conv, uint32_t blocks)
{
	const Window *win = &conv->window;
	const double work = (double)conv->n * win->out_h * win->out_w * win->kernel_h * win->kernel_w * conv->c * conv->lanes;
	const uint32_t threads = team ? (uint32_t)team_threads(team) : 1;
	Split split = { .kernels = kernels, .conv = conv, .blocks = blocks, .bands = bands_of(conv, blocks, threads) };

	if (threads == 1 || work < SPLIT_WORK || blocks * split.bands == 1)
		kernels->conv(conv, 0, blocks);
	else
		team_run(team, (size_t)blocks * split.bands, split_task, &split);
}
