/* 3x3 convolutions by Winograd's F(4x4, 3x3), both ends of them, against plain sums in double: random windows, odd sizes,
 * guard pages. What lies between, the products, is plain here; tests/kernels/cpu_net has the whole. */
#include "bench/roof.h"
#include "cpu/layout.h"
#include "kernels/guard.h"
#include "unit/check.h"

#include <math.h>

enum { ROUNDS = 60 };

static const KernelTable *kernels;

typedef struct Case {
	Window window;
	uint32_t n, c, out; /* images, channels */
	bool is_pooled, is_relu, has_bias;
	float *weight; /* [out][3][3][c] */
	Plane in, y;
	Guarded x, result;
	float bias[64];
} Case;

static void
case_init(Case *test, Window win, uint32_t n, uint32_t c, uint32_t out, bool is_pooled)
{
	*test = (Case){ .window = win, .n = n, .c = c, .out = out, .is_pooled = is_pooled, .is_relu = noise(2), .has_bias = noise(2) };
	test->in = (Plane){ .h = win.in_h, .w = win.in_w, .lanes = channels_padded(c), .left = noise(3), .right = noise(3) };
	test->y = (Plane){ .h = is_pooled ? win.out_h / 2 : win.out_h, .w = is_pooled ? win.out_w / 2 : win.out_w,
			   .lanes = channels_padded(out), .left = noise(2), .right = noise(2) };
	test->x = guarded(n * plane_image(&test->in) * sizeof(float));
	test->result = guarded(n * plane_image(&test->y) * sizeof(float));
	test->weight = malloc((size_t)out * 9 * c * sizeof(float));
	for (size_t i = 0; i < (size_t)out * 9 * c; i++)
		test->weight[i] = noise_value();
	for (int i = 0; i < 64; i++)
		test->bias[i] = noise_value();
	/* the halo stays NaN: it must not be read for what it holds */
	for (uint32_t row = 0; row < n * win.in_h; row++)
		for (uint32_t at = 0; at < win.in_w * test->in.lanes; at++)
			((float *)test->x.data)[row / win.in_h * plane_image(&test->in) + row % win.in_h * plane_row(&test->in) +
						test->in.left * test->in.lanes + at] = at % test->in.lanes < c ? noise_value() : 0;
}

static void
case_release(Case *test)
{
	guarded_release(&test->x);
	guarded_release(&test->result);
	free(test->weight);
}

/* ---- by plain sums ---- */

static double
sum_at(const Case *test, uint32_t image, int64_t y, int64_t x, uint32_t o)
{
	const Window *win = &test->window;
	double sum = 0;

	for (int64_t tap = 0; tap < 9; tap++) {
		const int64_t iy = y + tap / 3 - win->pad_top, ix = x + tap % 3 - win->pad_left;
		if (iy < 0 || ix < 0 || iy >= win->in_h || ix >= win->in_w)
			continue;
		const float *in = (float *)test->x.data + image * plane_image(&test->in) + (size_t)iy * plane_row(&test->in) +
				  (test->in.left + (size_t)ix) * test->in.lanes;
		for (uint32_t k = 0; k < test->c; k++)
			sum += (double)in[k] * (double)test->weight[(o * 9 + (size_t)tap) * test->c + k];
	}
	return sum;
}

static double
expected(const Case *test, uint32_t image, uint32_t y, uint32_t x, uint32_t o)
{
	double value = test->is_pooled ? -INFINITY : sum_at(test, image, y, x, o);

	for (uint32_t i = 0; test->is_pooled && i < 4; i++)
		value = fmax(value, sum_at(test, image, 2 * y + i / 2, 2 * x + i % 2, o));
	value += test->has_bias ? (double)test->bias[o] : 0;
	return test->is_relu ? fmax(value, 0) : value;
}

/* ---- by points ---- */

/* A weight's part in a point, from the definition: the polynomials' values at 0, +-sqrt(1/2), +-sqrt(2) and infinity. */
static double
weight_at(const Case *test, int point, uint32_t o, uint32_t k)
{
	static const double at[5] = { 0, 0.70710678118654752440, -0.70710678118654752440, 1.4142135623730950488, -1.4142135623730950488 };
	double row[2][3], sum = 0;

	for (int side = 0; side < 2; side++) {
		const int i = side == 0 ? point / WINOGRAD_IN : point % WINOGRAD_IN;
		for (int tap = 0; tap < 3; tap++) {
			row[side][tap] = i == 5 ? tap == 2 : pow(at[i], tap);
			for (int j = 0; i < 5 && j < 5; j++)
				row[side][tap] /= j == i ? 1 : at[i] - at[j];
		}
	}
	for (int tap = 0; tap < 9; tap++)
		sum += row[0][tap / 3] * row[1][tap % 3] * (double)test->weight[(o * 9 + (size_t)tap) * test->c + k];
	return sum;
}

/* Tiles first … end of one block of outputs. */
static void
do_tiles(const Case *test, uint32_t first, uint32_t end, uint32_t block)
{
	const uint32_t count = end - first, in_lanes = test->in.lanes, begin = block * kernels->block;
	const uint32_t rest = test->y.lanes - begin, lanes = rest < kernels->block ? rest : kernels->block;
	const size_t in_point = (size_t)count * in_lanes, out_point = (size_t)count * lanes;
	Guarded in = guarded(WINOGRAD_POINTS * in_point * sizeof(float)), out = guarded(WINOGRAD_POINTS * out_point * sizeof(float));
	Guarded zeros = guarded(in_lanes * sizeof(float));
	float bias[64] = { 0 };
	Winograd job = { .window = test->window, .first = first, .count = count, .lanes = in_lanes,
			 .pixels = plane_grid(&test->in, test->x.data, 4, 4), .points = in.data, .point = in_point, .zeros = zeros.data };

	memset(zeros.data, 0, in_lanes * sizeof(float));
	kernels->winograd->in(&job);
	for (size_t at = 0; at < WINOGRAD_POINTS * out_point; at++) {
		const size_t point = at / out_point, tile = at / lanes % count, o = begin + at % lanes;
		double sum = 0;
		for (uint32_t k = 0; k < test->c && o < test->out; k++)
			sum += weight_at(test, (int)point, (uint32_t)o, k) *
			       (double)((float *)in.data)[point * in_point + tile * in_lanes + k];
		((float *)out.data)[at] = (float)sum;
	}
	for (uint32_t i = 0; i < lanes; i++)
		bias[i] = begin + i < test->out ? test->bias[begin + i] : 0;
	job.pixels = plane_grid(&test->y, (float *)test->result.data + begin, 4, 4);
	job.lanes = lanes;
	job.points = out.data;
	job.point = out_point;
	job.bias = test->has_bias ? bias : NULL;
	job.is_relu = test->is_relu;
	job.is_pooled = test->is_pooled;
	kernels->winograd->out(&job);
	guarded_release(&in);
	guarded_release(&out);
	guarded_release(&zeros);
}

static void
check_result(const Case *test)
{
	const size_t image = plane_image(&test->y), row = plane_row(&test->y);
	const double size = 1 + sqrt(9 * test->c); /* of a sum, about: errors are of what is added up */

	for (size_t at = 0; at < test->n * image; at++) {
		const uint32_t i = (uint32_t)(at / image), y = (uint32_t)(at % image / row), o = at % image % row % test->y.lanes;
		const uint32_t x = (uint32_t)(at % image % row / test->y.lanes);
		const float found = ((float *)test->result.data)[at];
		if (y >= test->y.h || x < test->y.left || x >= test->y.left + test->y.w) {
			CHECK(isnan(found), "%s: wrote beside the picture, row %u column %u", kernels->name, y, x);
			continue;
		}
		const double wanted = o < test->out ? expected(test, i, y, x - test->y.left, o) : 0;
		CHECK(fabs((double)found - wanted) <= 2e-6 * (fabs(wanted) + size), "%s: %g, not %g, image %u row %u column %u channel %u",
		      kernels->name, (double)found, wanted, i, y, x - test->y.left, o);
	}
}

static Window
random_window(void)
{
	Window win = { .in_h = 1 + noise(15), .in_w = 1 + noise(15), .kernel_h = 3, .kernel_w = 3, .stride = 1,
		       .pad_top = noise(3), .pad_left = noise(3) };

	win.out_h = win.in_h + win.pad_top + noise(3);
	win.out_w = win.in_w + win.pad_left + noise(3);
	win.out_h = win.out_h > 2 ? win.out_h - 2 : 1;
	win.out_w = win.out_w > 2 ? win.out_w - 2 : 1;
	return win;
}

TEST(winograd)
{
	for (int round = 0; round < ROUNDS && check_ok; round++) {
		Case test;
		const Window win = random_window();
		const uint32_t n = 1 + noise(3), each = (win.out_h + 3) / 4 * ((win.out_w + 3) / 4), tiles = n * each;
		case_init(&test, win, n, 1 + noise(20), 1 + noise(40), round % 2 && win.out_h > 1 && win.out_w > 1);
		const uint32_t parted = noise(tiles + 1);
		for (uint32_t block = 0; block * kernels->block < test.y.lanes; block++) {
			do_tiles(&test, 0, parted, block);
			do_tiles(&test, parted, tiles, block);
		}
		check_result(&test);
		case_release(&test);
	}
}

int
main(void)
{
	for (int i = 0; i < KERNEL_NAMES; i++) {
		kernels = kernels_named(kernel_names[i]);
		if (!kernels) {
			printf("# not on this machine: %s\n", status_message());
			continue;
		}
		printf("# %s\n", kernels->name);
		if (kernels->winograd)
			RUN(winograd);
	}
	return check_done();
}
