/* The two loops that multiply, conv and wgrad, against plain sums in double: random windows, odd sizes, guard pages. */
#include "bench/roof.h"
#include "cpu/layout.h"
#include "kernels/guard.h"
#include "unit/check.h"

#include <math.h>

enum { ROUNDS = 120 };

static const KernelTable *kernels;

/* A convolution of n images with everything that it reads and writes. */
typedef struct Case {
	Window window;
	uint32_t n, c, out; /* channels */
	Plane in, y;
	float *x, *weight, *dy; /* [n][h][w][c], [out][kh][kw][c], [n][h][w][out], without padding */
} Case;

static float *
values(size_t count)
{
	float *all = malloc(count * sizeof *all);

	for (size_t i = 0; i < count; i++)
		all[i] = noise_value();
	return all;
}

static void
case_init(Case *test)
{
	Window win = { .in_h = 1 + noise(17), .in_w = 1 + noise(30), .kernel_h = 1 + noise(5), .kernel_w = 1 + noise(5),
		       .stride = 1 + noise(3) };

	if (noise(3) == 0) /* the hot ones */
		win = (Window){ .in_h = 7, .in_w = noise(2) ? 7 : 14, .kernel_h = 3, .kernel_w = 3, .stride = 1 };
	const bool is_single = noise(6) == 0; /* a dense layer of one picture */
	if (is_single)
		win = (Window){ .in_h = 1, .in_w = 1, .kernel_h = 1, .kernel_w = 1, .stride = 1 };
	win.pad_top = noise(win.kernel_h);
	win.pad_left = noise(win.kernel_w);
	win.out_h = (win.in_h + win.pad_top + noise(win.kernel_h)) / win.stride;
	win.out_w = (win.in_w + win.pad_left + noise(win.kernel_w)) / win.stride;
	win.out_h = win.out_h ? win.out_h : 1;
	win.out_w = win.out_w ? win.out_w : 1;
	*test = (Case){ .window = win, .n = is_single ? 1 : 1 + noise(4), .c = 1 + noise(40), .out = 1 + noise(70) };
	const int64_t last = (int64_t)(win.out_w - 1) * win.stride + win.kernel_w - 1 - win.pad_left;
	test->in = (Plane){ .h = win.in_h, .w = win.in_w, .lanes = channels_padded(test->c), .left = win.pad_left,
			    .right = last > win.in_w - 1 ? (uint32_t)(last - (win.in_w - 1)) : 0 };
	test->y = (Plane){ .h = win.out_h, .w = win.out_w, .lanes = channels_padded(test->out) };
	test->x = values((size_t)test->n * win.in_h * win.in_w * test->c);
	test->weight = values((size_t)test->out * win.kernel_h * win.kernel_w * test->c);
	test->dy = values((size_t)test->n * win.out_h * win.out_w * test->out);
}

static void
case_release(Case *test)
{
	free(test->x);
	free(test->weight);
	free(test->dy);
}

static uint32_t
per_word(void)
{
	return (uint32_t)(sizeof(float) / kernels->cell);
}

/* Values to cells of a plane, its padding zeroed; or, paired, to words of two images. */
static Guarded
lay(const float *from, const Plane *plane, uint32_t n, uint32_t c, bool is_paired)
{
	const size_t cell = kernels->cell, image = plane_image(plane);
	const uint32_t half = is_paired ? per_word() : 1;
	Guarded memory = guarded((is_paired ? (n + half - 1) / half * half : n) * image * cell);

	memset(memory.data, 0, (is_paired ? (n + half - 1) / half * half : n) * image * cell);
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t y = 0; y < plane->h; y++)
			for (uint32_t x = 0; x < plane->w; x++)
				for (uint32_t k = 0; k < c; k++) {
					size_t at = y * plane_row(plane) + (size_t)(plane->left + x) * plane->lanes + k;
					at = half == 2 ? (i / 2 * image + at) * 2 + i % 2 : i * image + at;
					cell_put(memory.data, at, cell, *from++);
				}
	return memory;
}

/* [block][kernel row][kernel column][c by words][block], by the kernels' own pack. */
static Guarded
lay_weight(const Case *test, size_t *block_words)
{
	const uint32_t block = kernels->block, taps = test->window.kernel_h * test->window.kernel_w;
	const uint32_t blocks = (test->y.lanes + block - 1) / block, words = (test->c + per_word() - 1) / per_word();
	Guarded memory = guarded((size_t)blocks * taps * words * block * sizeof(float));
	float *rows = calloc((size_t)test->c * block, sizeof *rows);

	*block_words = (size_t)taps * words * block;
	for (uint32_t part = 0; part < blocks * taps; part++) {
		for (uint32_t k = 0; k < test->c; k++)
			for (uint32_t i = 0; i < block; i++) {
				const uint32_t o = part / taps * block + i;
				rows[k * block + i] = o < test->out ? test->weight[((size_t)o * taps + part % taps) * test->c + k] : 0;
			}
		kernels->pack(rows, test->c, (float *)memory.data + (size_t)part * words * block);
	}
	free(rows);
	return memory;
}

/* @return the input pixel of an output pixel's tap, or NULL where that lies outside */
static const float *
input_at(const Case *test, uint32_t image, uint32_t y, uint32_t x, uint32_t ky, uint32_t kx)
{
	const Window *win = &test->window;
	const int64_t iy = (int64_t)y * win->stride + ky - win->pad_top, ix = (int64_t)x * win->stride + kx - win->pad_left;

	if (iy < 0 || ix < 0 || iy >= win->in_h || ix >= win->in_w)
		return NULL;
	return test->x + ((image * win->in_h + (size_t)iy) * win->in_w + (size_t)ix) * test->c;
}

static double
expected_y(const Case *test, uint32_t image, uint32_t y, uint32_t x, uint32_t o)
{
	const Window *win = &test->window;
	double sum = 0;

	for (uint32_t ky = 0; ky < win->kernel_h; ky++)
		for (uint32_t kx = 0; kx < win->kernel_w; kx++) {
			const float *in = input_at(test, image, y, x, ky, kx);
			const float *w = test->weight + ((o * win->kernel_h + ky) * (size_t)win->kernel_w + kx) * test->c;
			for (uint32_t k = 0; in && k < test->c; k++)
				sum += (double)in[k] * (double)w[k];
		}
	return sum;
}

static void
check_conv(const Case *test, bool y_is_float)
{
	size_t weight_block;
	const size_t cell = y_is_float ? sizeof(float) : kernels->cell, image = plane_image(&test->y);
	const double rounding = cell == sizeof(float) ? 1e-5 : 0x1p-8;
	Guarded x = lay(test->x, &test->in, test->n, test->c, false), weight = lay_weight(test, &weight_block);
	Guarded y = guarded(test->n * image * cell);
	float bias[80];
	const bool is_relu = noise(2);

	for (int i = 0; i < 80; i++)
		bias[i] = i < (int)test->out ? noise_value() : 0;
	const Conv conv = {
		.window = test->window, .n = test->n, .c = (test->c + per_word() - 1) / per_word(), .lanes = test->y.lanes,
		.x = plane_grid(&test->in, x.data, kernels->cell, sizeof(float)), .y = plane_grid(&test->y, y.data, cell, cell),
		.weight = weight.data, .weight_block = weight_block, .bias = bias, .y_is_float = y_is_float,
		.is_relu = is_relu,
	};
	kernels->conv(&conv, 0, (test->y.lanes + kernels->block - 1) / kernels->block);
	for (size_t at = 0; at < test->n * image; at++) {
		const uint32_t o = at % test->y.lanes, column = at / test->y.lanes % test->y.w;
		const uint32_t row = (uint32_t)(at / test->y.lanes / test->y.w % test->y.h), i = (uint32_t)(at / image);
		double wanted = o < test->out ? expected_y(test, i, row, column, o) + (double)bias[o] : 0;
		wanted = is_relu && wanted < 0 ? 0 : wanted;
		const double error = fabs((double)cell_value(y.data, at, cell) - wanted);
		CHECK(error <= rounding * (fabs(wanted) + 1), "%s: %g, not %g, image %u row %u column %u channel %u of %u",
		      kernels->name, (double)cell_value(y.data, at, cell), wanted, i, row, column, o, test->out);
	}
	guarded_release(&x);
	guarded_release(&weight);
	guarded_release(&y);
}

/* ---- windows read from a picture where pixels are less than a word, pooled or not ---- */

typedef struct Picture {
	uint32_t c, h, w, pitch; /* channels, pixels, words of a row */
	Guarded memory;
	float *values; /* [h][w][c] */
} Picture;

static Picture
picture_init(uint32_t h, uint32_t w, uint32_t c)
{
	const size_t cell = kernels->cell;
	Picture picture = { .c = c, .h = h, .w = w, .pitch = (uint32_t)((w * c * cell + 3) / 4),
			    .values = values((size_t)h * w * c) };

	picture.memory = guarded((size_t)h * picture.pitch * 4 + 4); /* a last word may reach half a word beyond */
	memset(picture.memory.data, 0, (size_t)h * picture.pitch * 4 + 4);
	for (uint32_t y = 0; y < h; y++)
		for (uint32_t x = 0; x < w * c; x++)
			cell_put((char *)picture.memory.data + (size_t)y * picture.pitch * 4, x, cell,
				 picture.values[(size_t)y * w * c + x]);
	return picture;
}

/* the sum of one window, weight [out][kernel_h][kernel_w c] */
static double
window_sum(const Picture *picture, const Case *test, uint32_t y, uint32_t x, uint32_t o)
{
	const Window *win = &test->window;
	double sum = 0;

	for (uint32_t ky = 0; ky < win->kernel_h; ky++)
		for (uint32_t k = 0; k < test->c; k++)
			sum += (double)picture->values[((size_t)(y * win->stride + ky) * picture->w + x * win->stride) * picture->c + k] *
			       (double)test->weight[((size_t)o * win->kernel_h + ky) * test->c + k];
	return sum;
}

static double
window_largest(const Picture *picture, const Case *test, uint32_t y, uint32_t x, uint32_t o)
{
	return fmax(fmax(window_sum(picture, test, y, x, o), window_sum(picture, test, y, x + 1, o)),
		    fmax(window_sum(picture, test, y + 1, x, o), window_sum(picture, test, y + 1, x + 1, o)));
}

static void
check_rows(bool is_pooled)
{
	const uint32_t c = 1 + noise(4), kernel_w = 1 + noise(5), step = is_pooled ? 2 : 1;
	Case test = {
		.window = { .out_h = step + noise(9), .out_w = step + noise(32), .kernel_h = 1 + noise(5), .kernel_w = 1,
			    .stride = 1 + noise(2) },
		.n = 1, .c = kernel_w * c, .out = 1 + noise(70),
	};
	Window *win = &test.window;
	win->in_h = (win->out_h - 1) * win->stride + win->kernel_h;
	win->in_w = (win->out_w - 1) * win->stride + kernel_w;
	test.y = (Plane){ .h = win->out_h / step, .w = win->out_w / step, .lanes = channels_padded(test.out) };
	test.weight = values((size_t)test.out * win->kernel_h * test.c);

	size_t weight_block;
	Picture picture = picture_init(win->in_h, win->in_w, c);
	Guarded weight = lay_weight(&test, &weight_block), y = guarded(plane_image(&test.y) * kernels->cell);
	const Conv conv = {
		.window = *win, .n = 1, .c = (test.c + per_word() - 1) / per_word(), .lanes = test.y.lanes,
		.x = { .data = picture.memory.data, .row = picture.pitch }, .x_pixel_bytes = c * kernels->cell,
		.y = plane_grid(&test.y, y.data, kernels->cell, kernels->cell), .weight = weight.data,
		.weight_block = weight_block, .is_pooled = is_pooled,
	};
	kernels->conv(&conv, 0, (test.y.lanes + kernels->block - 1) / kernels->block);
	for (size_t at = 0; at < plane_image(&test.y); at++) {
		const uint32_t o = at % test.y.lanes, x = at / test.y.lanes % test.y.w, row = (uint32_t)(at / test.y.lanes / test.y.w);
		const double wanted = o >= test.out ? 0 : is_pooled ? window_largest(&picture, &test, 2 * row, 2 * x, o)
								    : window_sum(&picture, &test, row, x, o);
		const double found = (double)cell_value(y.data, at, kernels->cell);
		CHECK(fabs(found - wanted) <= (kernels->cell == 4 ? 1e-5 : 0x1p-8) * (fabs(wanted) + 1),
		      "%s: %g, not %g, row %u column %u channel %u", kernels->name, found, wanted, row, x, o);
	}
	guarded_release(&picture.memory);
	guarded_release(&weight);
	guarded_release(&y);
	free(picture.values);
	free(test.weight);
}

static double
expected_dweight(const Case *test, uint32_t o, uint32_t ky, uint32_t kx, uint32_t k)
{
	double sum = 0;

	for (uint32_t i = 0; i < test->n; i++)
		for (uint32_t y = 0; y < test->y.h; y++)
			for (uint32_t x = 0; x < test->y.w; x++) {
				const float *in = input_at(test, i, y, x, ky, kx);
				if (in)
					sum += (double)in[k] * (double)test->dy[((i * test->y.h + y) * (size_t)test->y.w + x) * test->out + o];
			}
	return sum;
}

static void
check_wgrad(const Case *test)
{
	const uint32_t block = kernels->block, blocks = (test->y.lanes + block - 1) / block;
	const uint32_t taps = test->window.kernel_h * test->window.kernel_w, half = per_word();
	const bool is_added = noise(2);
	Guarded x = lay(test->x, &test->in, test->n, test->c, true), dy = lay(test->dy, &test->y, test->n, test->out, true);
	Guarded dw = guarded((size_t)blocks * taps * test->c * block * sizeof(float));
	const Wgrad job = {
		.window = test->window, .n = (test->n + half - 1) / half, .c = test->c, .lanes = test->y.lanes,
		.x = plane_grid(&test->in, x.data, sizeof(float), sizeof(float)),
		.dy = plane_grid(&test->y, dy.data, sizeof(float), sizeof(float)), .dweight = dw.data,
		.weight_block = (size_t)taps * test->c * block, .is_added = is_added,
	};

	for (size_t i = 0; is_added && i < (size_t)blocks * taps * test->c * block; i++)
		((float *)dw.data)[i] = 1;
	kernels->wgrad(&job, 0, blocks);
	for (uint32_t o = 0; o < test->out; o++)
		for (uint32_t tap = 0; tap < taps; tap++)
			for (uint32_t k = 0; k < test->c; k++) {
				const size_t at = ((size_t)(o / block * taps + tap) * test->c + k) * block + o % block;
				const double found = (double)((float *)dw.data)[at];
				const double wanted = is_added + expected_dweight(test, o, tap / test->window.kernel_w,
										   tap % test->window.kernel_w, k);
				CHECK(fabs(found - wanted) <= 1e-5 * (fabs(wanted) + 10), "%s: %g, not %g", kernels->name, found,
				      wanted);
			}
	guarded_release(&x);
	guarded_release(&dy);
	guarded_release(&dw);
}

TEST(conv)
{
	for (int i = 0; i < ROUNDS && check_ok; i++) {
		Case test;
		case_init(&test);
		check_conv(&test, i % 2);
		case_release(&test);
	}
}

TEST(rows)
{
	for (int i = 0; i < ROUNDS && check_ok; i++)
		check_rows(i % 2);
}

TEST(wgrad)
{
	for (int i = 0; i < ROUNDS && check_ok; i++) {
		Case test;
		case_init(&test);
		check_wgrad(&test);
		case_release(&test);
	}
}

/* ---- with --bench: shares of the machine's roof, taken in turns ---- */

typedef struct Hot {
	const char *name;
	uint32_t h, w, c, out, kernel, n;
} Hot;

static const Hot hot[] = {
	{ "14x14 32 to 64, 3x3", 14, 14, 32, 64, 3, 8 }, { "14x14 64 to 32, 3x3", 14, 14, 64, 32, 3, 8 },
	{ "7x7 64 to 128, 3x3", 7, 7, 64, 128, 3, 8 },	 { "7x7 128 to 64, 3x3", 7, 7, 128, 64, 3, 8 },
	{ "28x28 16 to 32, 1x1", 28, 28, 16, 32, 1, 4 }, { "dense 448 to 128, 128 images", 1, 128, 448, 128, 1, 1 },
	{ "16x16 48 to 96, 5x5", 16, 16, 48, 96, 5, 4 },
};

static int
by_value(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The median of some turns, each of a few milliseconds. */
static double
share_of_roof(const Case *test, bool is_wgrad, Guarded *x, Guarded *weight, Guarded *y, double work)
{
	enum { TURNS = 15 };
	double share[TURNS];
	const uint32_t words = (test->c + per_word() - 1) / per_word(), block = kernels->block;
	const uint32_t blocks = (test->y.lanes + block - 1) / block, taps = test->window.kernel_h * test->window.kernel_w;
	const Conv conv = {
		.window = test->window, .n = test->n, .c = words, .lanes = test->y.lanes,
		.x = plane_grid(&test->in, x->data, kernels->cell, 4),
		.y = plane_grid(&test->y, y->data, kernels->cell, kernels->cell), .weight = weight->data,
		.weight_block = (size_t)taps * words * block,
	};
	const Wgrad wgrad = {
		.window = test->window, .n = test->n / per_word() ? test->n / per_word() : 1, .c = test->c,
		.lanes = test->y.lanes, .x = plane_grid(&test->in, x->data, 4, 4), .dy = plane_grid(&test->y, y->data, 4, 4),
		.dweight = weight->data, .weight_block = (size_t)taps * test->c * block,
	};

	for (int i = 0; i < TURNS; i++) {
		const double roof = roof_flops(1, roof_of(kernels->name)), begin = roof_now();
		int repeats = 0;
		do {
			if (is_wgrad)
				kernels->wgrad(&wgrad, 0, blocks);
			else
				kernels->conv(&conv, 0, blocks);
			repeats++;
		} while (roof_now() - begin < 0.005);
		share[i] = work * repeats / (roof_now() - begin) / roof;
	}
	qsort(share, TURNS, sizeof *share, by_value);
	return share[TURNS / 2];
}

/* Shares count all products, those with padding included, which are left out: more than 1 is possible. */
static void
bench(void)
{
	for (size_t i = 0; i < sizeof hot / sizeof *hot; i++) {
		const Hot *h = &hot[i];
		const uint32_t pad = h->kernel / 2;
		Case test = {
			.window = { h->h, h->w, h->h, h->w, h->kernel, h->kernel, 1, pad, pad }, .n = h->n, .c = h->c,
			.out = h->out, .in = { h->h, h->w, h->c, pad, pad }, .y = { h->h, h->w, h->out, 0, 0 },
		};
		Guarded x = guarded(h->n * plane_image(&test.in) * 4), y = guarded(h->n * plane_image(&test.y) * 4);
		Guarded weight = guarded((size_t)h->kernel * h->kernel * h->c * h->out * 4);
		memset(x.data, 0, h->n * plane_image(&test.in) * 4);
		memset(y.data, 0, h->n * plane_image(&test.y) * 4);
		memset(weight.data, 0, (size_t)h->kernel * h->kernel * h->c * h->out * 4);
		const double work = 2.0 * h->n * h->h * h->w * h->kernel * h->kernel * h->c * h->out;
		const uint32_t images = h->n / per_word() ? h->n / per_word() * per_word() : per_word();
		printf("%-10s %-28s conv %.3f of the roof, wgrad %.3f\n", kernels->name, h->name,
		       share_of_roof(&test, false, &x, &weight, &y, work),
		       share_of_roof(&test, true, &x, &weight, &y, work / h->n * images));
		guarded_release(&x);
		guarded_release(&y);
		guarded_release(&weight);
	}
}

int
main(int argc, char **argv)
{
	const bool is_bench = argc > 1 && !strcmp(argv[1], "--bench");

	roof_clock = CLOCK_PROCESS_CPUTIME_ID;
	for (int i = 0; i < KERNEL_NAMES; i++) {
		kernels = kernels_named(kernel_names[i]);
		if (!kernels) {
			printf("# not on this machine: %s\n", status_message());
			continue;
		}
		if (is_bench) {
			bench();
			continue;
		}
		printf("# %s\n", kernels->name);
		RUN(conv);
		RUN(rows);
		RUN(wgrad);
	}
	return check_done();
}
