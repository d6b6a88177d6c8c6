/* cpu/kernels/wgrad.h: gradient of a convolution's or dense layer's weights.
 *
 * One tile is a tap, 2 vectors of output channels and TILE_CHANNELS input channels; its sums stay in registers over all
 * pixels of a few images, whose slices of x and dy stay in the first-level cache from tap to tap. */
#ifndef FM_CPU_KERNELS_WGRAD_H
#define FM_CPU_KERNELS_WGRAD_H

#include "cpu/kernels.h"
#include "cpu/kernels/simd.h"

enum { WGRAD_PIXELS = 196 }; /* so many pixels of dy and x fit into 32 KB; whole images, at least one */

/* The output pixels whose tap lies inside the picture: begin <= i < end. */
typedef struct Span {
	uint32_t begin, end;
} Span;

static Span
span_of_tap(uint32_t out, uint32_t in, uint32_t tap, uint32_t pad, uint32_t stride)
{
	if (stride == 1) { /* a division takes as long as some pixels */
		const uint32_t first = tap < pad ? pad - tap : 0, last = in + pad > tap ? in + pad - tap : 0, end = last < out ? last : out;
		return (Span){first < end ? first : end, end};
	}
	uint32_t begin = tap < pad ? (pad - tap + stride - 1) / stride : 0;
	uint32_t end = in + pad > tap ? (in + pad - tap - 1) / stride + 1 : 0;
	end = end < out ? end : out;
	return (Span){begin < end ? begin : end, end};
}

typedef struct WgradTile {
	const float *x, *dy; /* of the first image: x at the tap of output pixel (0, 0), which may lie outside */
	float *dw;
	Span rows, columns;
	uint32_t images;
	bool is_added;
} WgradTile;

INLINE void
wgrad_tile(const Wgrad *job, const WgradTile *tile, const int vectors, const int channels)
{
	Vec sums[8][2];
#define BEGIN(i)                                                                                                       \
	if (i < channels) {                                                                                            \
		sums[i][0] = tile->is_added ? vec_load(tile->dw + i * BLOCK) : vec_zero();                             \
		sums[i][1] = tile->is_added ? vec_load(tile->dw + i * BLOCK + LANES) : vec_zero();                     \
	}
	REPEAT_8(BEGIN)
#undef BEGIN
	const size_t x_step = job->window.stride * job->x.pixel, x_row = job->window.stride * job->x.row;
	for (uint32_t image = 0; image < tile->images; image++)
		for (uint32_t row = tile->rows.begin; row < tile->rows.end; row++) {
			const float *x = tile->x + image * job->x.image + row * x_row + tile->columns.begin * x_step;
			const float *dy = tile->dy + image * job->dy.image + row * job->dy.row +
					  tile->columns.begin * job->dy.pixel;
			for (uint32_t left = tile->columns.end - tile->columns.begin; left; left--) {
				FORGET(x);
				Vec d0 = vec_load(dy), d1 = vectors == 2 ? vec_load(dy + LANES) : d0;
#define MULTIPLY(i)                                                                                                    \
	if (i < channels) {                                                                                            \
		Vec b = vec_set(x[i]);                                                                                 \
		sums[i][0] = vec_dot(d0, b, sums[i][0]);                                                               \
		if (vectors == 2)                                                                                      \
			sums[i][1] = vec_dot(d1, b, sums[i][1]);                                                       \
	}
				REPEAT_8(MULTIPLY)
#undef MULTIPLY
				x += x_step;
				dy += job->dy.pixel;
			}
		}
#define END(i)                                                                                                         \
	if (i < channels) {                                                                                            \
		vec_store(tile->dw + i * BLOCK, sums[i][0]);                                                           \
		if (vectors == 2)                                                                                      \
			vec_store(tile->dw + i * BLOCK + LANES, sums[i][1]);                                           \
	}
	REPEAT_8(END)
#undef END
}

typedef void WgradKernel(const Wgrad *job, const WgradTile *tile);

#define WGRAD_TILE(vectors, channels)                                                                                  \
	static void wgrad_tile_##vectors##_##channels(const Wgrad *job, const WgradTile *tile)                         \
	{                                                                                                              \
		wgrad_tile(job, tile, vectors, channels);                                                              \
	}
#define WGRAD_TILES(channels) WGRAD_TILE(1, channels) WGRAD_TILE(2, channels)
#define WGRAD_NAMES(channels) {wgrad_tile_1_##channels, wgrad_tile_2_##channels}

WGRAD_TILES(1) WGRAD_TILES(2) WGRAD_TILES(3) WGRAD_TILES(4) WGRAD_TILES(5)
#if TILE_CHANNELS >= 6
WGRAD_TILES(6)
#endif
#if TILE_CHANNELS >= 8
WGRAD_TILES(7) WGRAD_TILES(8)
#endif

static WgradKernel *const wgrad_tiles[TILE_CHANNELS][2] = {
	WGRAD_NAMES(1), WGRAD_NAMES(2), WGRAD_NAMES(3), WGRAD_NAMES(4), WGRAD_NAMES(5),
#if TILE_CHANNELS >= 6
	WGRAD_NAMES(6),
#endif
#if TILE_CHANNELS >= 8
	WGRAD_NAMES(7), WGRAD_NAMES(8),
#endif
};

/* All taps of some input channels and one block of output channels, over a few images. */
static void
wgrad_taps(const Wgrad *job, WgradTile *tile, uint32_t image, uint32_t block, uint32_t channel, uint32_t channels)
{
	const Window *win = &job->window;
	const int vectors = job->lanes - block * BLOCK >= BLOCK ? 2 : 1;
	const float *x = (const float *)job->x.data + image * job->x.image + channel;
	tile->dy = (const float *)job->dy.data + image * job->dy.image + block * BLOCK;
	for (uint32_t ky = 0; ky < win->kernel_h; ky++) {
		tile->rows = span_of_tap(win->out_h, win->in_h, ky, win->pad_top, win->stride);
		for (uint32_t kx = 0; kx < win->kernel_w; kx++) {
			tile->columns = span_of_tap(win->out_w, win->in_w, kx, win->pad_left, win->stride);
			tile->x = x + ((int64_t)ky - win->pad_top) * (int64_t)job->x.row +
				  ((int64_t)kx - win->pad_left) * (int64_t)job->x.pixel;
			tile->dw = job->dweight + block * job->weight_block +
				   (((size_t)ky * win->kernel_w + kx) * job->c + channel) * BLOCK;
			wgrad_tiles[channels - 1][vectors - 1](job, tile);
		}
	}
}

/* Some input channels of a dense layer and one block: there is one tap, whose pixels are all images. Few channels are asked for at
 * once, so that what is looked up for taps elsewhere would take as long as some images. */
static void
wgrad_dense(const Wgrad *job, uint32_t block)
{
	const int vectors = job->lanes - block * BLOCK >= BLOCK ? 2 : 1;
	WgradTile tile = {
		.dy = (const float *)job->dy.data + block * BLOCK, .rows = {0, 1}, .columns = {0, job->window.out_w}, .images = 1,
		.is_added = job->is_added,
	};
	for (uint32_t i = 0; i < job->c; i += TILE_CHANNELS) {
		const uint32_t channels = job->c - i < TILE_CHANNELS ? job->c - i : TILE_CHANNELS;
		tile.x = (const float *)job->x.data + i;
		tile.dw = job->dweight + block * job->weight_block + (size_t)i * BLOCK;
		wgrad_tiles[channels - 1][vectors - 1](job, &tile);
	}
}

static bool
is_dense(const Wgrad *job)
{
	const Window *win = &job->window;
	return job->n == 1 && win->in_h == 1 && win->kernel_h == 1 && win->kernel_w == 1 && win->in_w == win->out_w && win->stride == 1;
}

static void
wgrad(const Wgrad *job, uint32_t first_block, uint32_t end_block)
{
	if (is_dense(job)) {
		for (uint32_t block = first_block; block < end_block; block++)
			wgrad_dense(job, block);
		return;
	}
	const uint32_t pixels = job->window.out_h * job->window.out_w;
	const uint32_t step = pixels < WGRAD_PIXELS ? WGRAD_PIXELS / pixels : 1;
	const uint32_t chunks = (job->c + TILE_CHANNELS - 1) / TILE_CHANNELS;
	for (uint32_t image = 0; image < job->n; image += step) {
		WgradTile tile = {
			.images = job->n - image < step ? job->n - image : step,
			.is_added = job->is_added || image,
		};
		for (uint32_t block = first_block; block < end_block; block++)
			for (uint32_t i = 0, begin = 0, end; i < chunks; i++, begin = end) {
				end = (uint64_t)job->c * (i + 1) / chunks;
				wgrad_taps(job, &tile, image, block, begin, end - begin);
			}
	}
}

#endif
