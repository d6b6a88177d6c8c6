/* winograd.c: 3x3 convolutions of a prediction in floats by Winograd's F(4x4, 3x3). Tiles of 4x4 outputs become 36 points, a
 * point is a product of matrices, [tiles][channels] x [channels][outputs], which `conv` does, and 36 points become outputs. */
#include "cpu/winograd.h"

#include <math.h>

enum {
	TILES = 32,	       /* at once: points of 32 channels take 150 KB, in and out */
	TILES_WANTED = 28,     /* so many share a read of the weights, which are four times those of direct sums */
	FEW_BYTES = 1 << 20,   /* of a stage's outputs of the images that go together */
	POINT_GAP = 16,	       /* floats: points that lie 4,096 bytes apart would meet in one set of the cache */
	SPLIT_PRODUCTS = 400000, /* as a direct convolution's, see split.c */
};

static size_t
larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

static uint32_t
tiles_of(const Window *win)
{
	return ((win->out_h + WINOGRAD_OUT - 1) / WINOGRAD_OUT) * ((win->out_w + WINOGRAD_OUT - 1) / WINOGRAD_OUT);
}

/* Taps of a row or column of outputs that lie inside the picture, of 3 an output. */
static uint64_t
taps_inside(uint32_t in, uint32_t out, uint32_t pad)
{
	uint64_t count = 0;

	for (uint32_t i = 0; i < out; i++)
		for (uint32_t k = 0; k < 3; k++)
			count += i + k >= pad && i + k - pad < in;
	return count;
}

/* Where it saves two products of five; what becomes of pixels and points costs something, too. */
bool
winograd_suits(const StageLayout *stage, const KernelTable *kernels)
{
	const Window *win = &stage->window;

	if (!kernels->winograd || stage->kind != MAIN_CONV || win->kernel_h != 3 || win->kernel_w != 3 || win->stride != 1)
		return false;
	return taps_inside(win->in_h, win->out_h, win->pad_top) * taps_inside(win->in_w, win->out_w, win->pad_left) * 3 >=
	       (uint64_t)tiles_of(win) * WINOGRAD_POINTS * 5;
}

bool
winograd_can_pool(const StageLayout *stage)
{
	return stage->is_fused && stage->other < 0 && stage->has_pool && stage->pool.stride == 2;
}

/* ---- memory ---- */

/* Enough for the stage with the fewest tiles, but no more than stay in the cache. */
static uint32_t
images_at_once(const Folded *folded)
{
	size_t wanted = INFER_PAIR, most = 1;

	for (size_t s = 0; s < folded->layout.stage_count; s++) {
		const StageLayout *stage = &folded->layout.stages[s];
		most = larger(most, plane_image(&stage->out) * sizeof(float));
		if (winograd_suits(stage, folded->kernels))
			wanted = larger(wanted, (TILES_WANTED + tiles_of(&stage->window) - 1) / tiles_of(&stage->window));
	}
	while (wanted > INFER_PAIR && wanted * most > FEW_BYTES)
		wanted--;
	wanted = (wanted + INFER_PAIR - 1) / INFER_PAIR * INFER_PAIR;
	return wanted < INFER_IMAGES ? (uint32_t)wanted : INFER_IMAGES;
}

bool
winograd_allocate(Backend *backend)
{
	Folded *folded = &backend->folded;
	const size_t count = folded->layout.stage_count;

	folded->few = images_at_once(folded);
	folded->winograd = engine_piece(backend, count * sizeof *folded->winograd);
	for (size_t s = 0; folded->winograd && s < count; s++) {
		const StageLayout *stage = &folded->layout.stages[s];
		const size_t block = (size_t)WINOGRAD_POINTS * stage->depth * folded->layout.block;
		if (!winograd_suits(stage, folded->kernels))
			continue;
		folded->winograd[s] = engine_piece(backend, stage->blocks * block * sizeof(float));
		if (!folded->winograd[s])
			return false;
	}
	return folded->winograd != NULL;
}

/* floats from one point to the next */
static size_t
point_of(uint32_t tiles, uint32_t lanes)
{
	return (size_t)tiles * lanes + POINT_GAP;
}

bool
winograd_scratch(Backend *backend, Scratch *scratch)
{
	const Folded *folded = &backend->folded;
	size_t lanes = 0;

	for (size_t s = 0; s < folded->layout.stage_count; s++)
		if (folded->winograd[s])
			lanes = larger(lanes, folded->layout.stages[s].in.lanes);
	if (!lanes)
		return true;
	scratch->winograd_in = engine_piece(backend, WINOGRAD_POINTS * point_of(TILES, (uint32_t)lanes) * sizeof(float));
	scratch->winograd_out = engine_piece(backend, WINOGRAD_POINTS * point_of(TILES, folded->layout.block) * sizeof(float));
	scratch->winograd_zeros = engine_piece(backend, lanes * sizeof(float));
	return scratch->winograd_in && scratch->winograd_out && scratch->winograd_zeros;
}

/* ---- weights ---- */

/* p^i / product of (p - q) over the other points q, of 0, +-a, +-2a, with a = sqrt(1/2); and infinity. */
static void
weights_to_points(double matrix[WINOGRAD_IN][3])
{
	const double root = sqrt(0.5);
	const double rows[WINOGRAD_IN][3] = {
		{ 1, 0, 0 },
		{ -2. / 3, -2. / 3 * root, -1. / 3 },
		{ -2. / 3, 2. / 3 * root, -1. / 3 },
		{ 1. / 6, 1. / 3 * root, 1. / 3 },
		{ 1. / 6, -1. / 3 * root, 1. / 3 },
		{ 0, 0, 1 },
	};

	for (int i = 0; i < WINOGRAD_IN; i++)
		for (int k = 0; k < 3; k++)
			matrix[i][k] = rows[i][k];
}

/* One input channel of one block: from [3][3], `tap` floats apart, of [block]; to [36], `point` floats apart. */
static void
channel_to_points(double matrix[WINOGRAD_IN][3], const float *from, size_t tap, float *to, size_t point, uint32_t block)
{
	for (uint32_t lane = 0; lane < block; lane++) {
		double middle[WINOGRAD_IN][3];
		for (int i = 0; i < WINOGRAD_IN; i++)
			for (int x = 0; x < 3; x++)
				middle[i][x] = matrix[i][0] * (double)from[(size_t)x * tap + lane] +
					       matrix[i][1] * (double)from[(size_t)(3 + x) * tap + lane] +
					       matrix[i][2] * (double)from[(size_t)(6 + x) * tap + lane];
		for (int i = 0; i < WINOGRAD_IN; i++)
			for (int j = 0; j < WINOGRAD_IN; j++)
				to[(size_t)(i * WINOGRAD_IN + j) * point + lane] =
					(float)(matrix[j][0] * middle[i][0] + matrix[j][1] * middle[i][1] +
						matrix[j][2] * middle[i][2]);
	}
}

void
winograd_weights(const Folded *folded, size_t s)
{
	const StageLayout *stage = &folded->layout.stages[s];
	const uint32_t block = folded->layout.block;
	const size_t tap = (size_t)stage->depth * block;
	double matrix[WINOGRAD_IN][3];

	weights_to_points(matrix);
	for (uint32_t b = 0; b < stage->blocks; b++)
		for (uint32_t c = 0; c < stage->depth; c++)
			channel_to_points(matrix, folded->weight + stage->weight->offset + b * stage->weight->block_stride + c * block,
					  tap, folded->winograd[s] + b * WINOGRAD_POINTS * tap + c * block, tap, block);
}

/* ---- the convolution ---- */

typedef struct Products {
	const MainJob *job;
	Winograd in, out;
	const float *weight;
	Scratch *scratch; /* [threads] */
} Products;

static void
products_block(const Products *products, uint32_t block, Scratch *scratch)
{
	const MainJob *job = products->job;
	const uint32_t lanes = job->kernels->block, first = block * lanes, count = products->in.count;
	const uint32_t rest = job->stage->y.lanes - first, outs = rest < lanes ? rest : lanes;
	const size_t weights = (size_t)job->stage->depth * lanes;
	Winograd out = products->out;
	Conv conv = {
		.window = { .in_h = 1, .in_w = count, .out_h = 1, .out_w = count, .kernel_h = 1, .kernel_w = 1, .stride = 1 },
		.n = 1, .c = job->stage->depth, .lanes = outs, .x = { .data = products->in.points, .pixel = products->in.lanes },
		.y = { .data = scratch->winograd_out, .pixel = outs }, .y_is_float = true,
		.weight = products->weight + block * WINOGRAD_POINTS * weights,
	};

	out.points = scratch->winograd_out;
	out.point = point_of(count, outs);
	out.lanes = outs;
	out.pixels.data = (float *)out.pixels.data + first;
	out.bias = job->bias ? job->bias + first : NULL;
	for (int point = 0; point < WINOGRAD_POINTS; point++) {
		job->kernels->conv(&conv, 0, 1);
		conv.x.data = (float *)conv.x.data + products->in.point;
		conv.y.data = (float *)conv.y.data + out.point;
		conv.weight = (const float *)conv.weight + weights;
	}
	job->kernels->winograd->out(&out);
}

static void
products_task(void *context, size_t block, int thread)
{
	const Products *products = context;

	products_block(products, (uint32_t)block, &products->scratch[thread]);
}

static void
products_tiles(Products *products, uint32_t first, uint32_t end, Scratch *scratch)
{
	const MainJob *job = products->job;
	const uint32_t count = end - first, blocks = job->stage->blocks;
	const double work = (double)count * WINOGRAD_POINTS * job->stage->depth * job->stage->y.lanes;

	products->in.first = products->out.first = first;
	products->in.count = products->out.count = count;
	products->in.point = point_of(count, products->in.lanes);
	job->kernels->winograd->in(&products->in);
	if (job->team && work >= SPLIT_PRODUCTS)
		team_run(job->team, blocks, products_task, products);
	else
		for (uint32_t block = 0; block < blocks; block++)
			products_block(products, block, scratch);
}

void
main_winograd(const MainJob *job, const void *in, void *y, const Plane *y_plane, bool is_pooled, uint32_t n, Scratch *scratch)
{
	const StageLayout *stage = job->stage;
	const Folded *folded = &job->backend->folded;
	const uint32_t tiles = n * tiles_of(&stage->window), parts = (tiles + TILES - 1) / TILES;
	Products products = {
		.job = job,
		.in = { .window = stage->window, .lanes = stage->in.lanes, .points = scratch->winograd_in,
			.pixels = plane_grid(&stage->in, in, sizeof(float), sizeof(float)), .zeros = scratch->winograd_zeros },
		.out = { .window = stage->window, .pixels = plane_grid(y_plane, y, sizeof(float), sizeof(float)),
			 .is_relu = job->is_relu, .is_pooled = is_pooled },
		.weight = folded->winograd[stage - folded->layout.stages],
		.scratch = job->backend->scratch,
	};

	for (uint32_t i = 0; i < parts; i++)
		products_tiles(&products, (uint32_t)((uint64_t)tiles * i / parts), (uint32_t)((uint64_t)tiles * (i + 1) / parts),
			       scratch);
}
