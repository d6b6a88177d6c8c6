/* The kernels of a first convolution whose result is not stored, against plain sums in double: random shapes, guard
 * pages, everything written poisoned before. With --bench: their share of the roof. */
#include "bench/roof.h"
#include "cpu/kernels.h"
#include "kernels/guard.h"
#include "unit/check.h"

#include <math.h>

enum { ROUNDS = 60, SLACK = 64 };

static const KernelTable *kernels;

/* One image and what surrounds it. */
typedef struct Case {
	First shape;
	uint32_t channels; /* of the convolution */
	size_t cells;	   /* of the pictures */
	uint8_t *pixels[2];
	float *weight;	   /* [kernel_h][kernel_w][channels of the picture][channels] */
	float *scale, *shift; /* [lanes] */
} Case;

static uint32_t
per_word(void)
{
	return (uint32_t)(sizeof(float) / kernels->cell);
}

static float *
values(size_t count, float factor)
{
	float *all = malloc(count * sizeof *all);

	for (size_t i = 0; i < count; i++)
		all[i] = noise_value() * factor;
	return all;
}

static void
case_of(Case *test, uint32_t h, uint32_t w, uint32_t c, uint32_t kernel, uint32_t channels, bool is_odd)
{
	First *shape = &test->shape;
	const uint32_t kernel_w = is_odd ? 1 + noise(5) : kernel;

	*test = (Case){ .channels = channels, .shape = {
		.h = h, .w = w, .channels = c, .kernel_h = kernel, .kernel_w = kernel_w, .lanes = (channels + 15) / 16 * 16,
		.pad_top = is_odd ? noise(kernel) : (kernel - 1) / 2, .pad_left = is_odd ? noise(kernel_w) : (kernel_w - 1) / 2,
		.run = (kernel_w * c + per_word() - 1) / per_word(),
	} };
	shape->out_h = is_odd ? h + shape->pad_top - noise(kernel) : h;
	shape->out_w = is_odd ? w + shape->pad_left - noise(kernel_w) : w;
	shape->row = shape->out_w + kernel_w - 1 > shape->pad_left + w ? shape->out_w + kernel_w - 1 : shape->pad_left + w;
	const uint32_t rows = shape->out_h + kernel - 1 > shape->pad_top + h ? shape->out_h + kernel - 1 : shape->pad_top + h;
	shape->plane = shape->row * rows;
	test->cells = shape->plane * c + SLACK;
	for (int i = 0; i < 2; i++) {
		test->pixels[i] = malloc((size_t)h * w * c);
		for (size_t k = 0; k < (size_t)h * w * c; k++)
			test->pixels[i][k] = (uint8_t)noise(256);
	}
	test->weight = values((size_t)kernel * kernel_w * c * channels, 1);
	test->scale = values(shape->lanes, 0.01f);
	test->shift = values(shape->lanes, 1);
}

static void
case_init(Case *test)
{
	if (noise(3) == 0)
		case_of(test, 28, 28, 1, 4, 32, false);
	else
		case_of(test, 9 + noise(40), 7 + noise(90), 1 + noise(4), 1 + noise(9), 1 + noise(70), true);
}

static void
case_release(Case *test)
{
	free(test->pixels[0]);
	free(test->pixels[1]);
	free(test->weight);
	free(test->scale);
	free(test->shift);
}

/* What a tap of an output pixel sees. */
static double
pixel_at(const Case *test, int image, uint32_t y, uint32_t x, uint32_t ky, uint32_t kx, uint32_t c)
{
	const First *shape = &test->shape;
	const int64_t row = (int64_t)y + ky - shape->pad_top, column = (int64_t)x + kx - shape->pad_left;

	if (row < 0 || column < 0 || row >= shape->h || column >= shape->w)
		return 0;
	return test->pixels[image][((size_t)row * shape->w + (size_t)column) * shape->channels + c];
}

static double
expected_y(const Case *test, int image, uint32_t y, uint32_t x, uint32_t o)
{
	const First *shape = &test->shape;
	const float *weight = test->weight + o;
	double sum = 0;

	for (uint32_t ky = 0; ky < shape->kernel_h; ky++)
		for (uint32_t kx = 0; kx < shape->kernel_w; kx++)
			for (uint32_t c = 0; c < shape->channels; c++, weight += test->channels)
				sum += (double)*weight * pixel_at(test, image, y, x, ky, kx, c);
	return sum;
}

/* [block][kernel_h][run][block], by the kernels' own pack */
static Guarded
lay_weight(const Case *test)
{
	const First *shape = &test->shape;
	const uint32_t block = kernels->block, run = shape->kernel_w * shape->channels;
	const uint32_t blocks = (shape->lanes + block - 1) / block;
	Guarded memory = guarded((size_t)blocks * shape->kernel_h * shape->run * block * sizeof(float));
	float *rows = calloc((size_t)run * block, sizeof *rows), *to = memory.data;

	for (uint32_t b = 0; b < blocks; b++)
		for (uint32_t ky = 0; ky < shape->kernel_h; ky++, to += (size_t)shape->run * block) {
			for (uint32_t i = 0; i < run * block; i++) {
				const uint32_t o = b * block + i % block;
				rows[i] = o < test->channels ? test->weight[(ky * (size_t)run + i / block) * test->channels + o] : 0;
			}
			kernels->pack(rows, run, to);
		}
	free(rows);
	return memory;
}

/* Frames zero, the rest from the kernel. */
static Guarded
lay_picture(const Case *test, int image, bool is_mixed)
{
	Guarded picture = guarded(test->cells * kernels->cell), other = guarded(test->cells * kernels->cell);

	memset(picture.data, 0, test->cells * kernels->cell);
	memset(other.data, 0, test->cells * kernels->cell);
	kernels->first->pictures(&test->shape, test->pixels[image], is_mixed ? picture.data : other.data,
				 is_mixed || test->shape.channels == 1 ? NULL : picture.data);
	if (is_mixed || test->shape.channels > 1) {
		guarded_release(&other);
		return picture;
	}
	guarded_release(&picture);
	return other;
}

/* Is what is written of window (y, x), channel o, the largest of four, and the winner one that is as large? */
static void
check_window(const Case *test, bool is_relu, int image, uint32_t y, uint32_t x, uint32_t o, float out, uint8_t winner)
{
	const int table = (int)(64 / kernels->cell);
	double z[4], largest = -INFINITY, slack;
	int which = winner / table * 2 + winner % table;

	for (int i = 0; i < 4; i++) {
		const double sum = o < test->channels ? expected_y(test, image, 2 * y + i / 2, 2 * x + i % 2, o) : 0;
		z[i] = sum * (double)test->scale[o] + (double)test->shift[o];
		largest = z[i] > largest ? z[i] : largest;
	}
	slack = 1e-4 * (fabs(largest) + 1);
	const double wanted = is_relu && largest < 0 ? 0 : largest;
	CHECK(fabs((double)out - wanted) <= slack + (kernels->cell == 2 ? fabs(wanted) * 0x1p-8 : 0),
	      "%s: %g, not %g: image %d row %u column %u channel %u", kernels->name, (double)out, wanted, image, y, x, o);
	if (winner == 255) {
		CHECK(is_relu && largest <= slack, "%s: no winner where %g is largest", kernels->name, largest);
		return;
	}
	CHECK(which < 4 && winner % table < 2, "%s: winner %u", kernels->name, winner);
	CHECK(which >= 4 || z[which] >= largest - slack, "%s: %g won, not %g", kernels->name, which < 4 ? z[which] : 0, largest);
}

static void
check_forward(const Case *test, uint32_t n)
{
	const First *shape = &test->shape;
	const uint32_t h = shape->out_h / 2, w = shape->out_w / 2, left = noise(2), right = noise(2);
	const size_t row = (size_t)(left + w + right) * shape->lanes, cell = kernels->cell, count = h * row;
	Guarded mixed[2] = { lay_picture(test, 0, true), lay_picture(test, 1, true) }, weight = lay_weight(test);
	Guarded out[2] = { guarded(count * cell), guarded(count * cell) }, pairs = guarded(count * sizeof(float));
	Guarded winner[2] = { guarded((size_t)h * w * shape->lanes), guarded((size_t)h * w * shape->lanes) };
	const size_t first = (size_t)left * shape->lanes;
	FirstForward job = {
		.shape = *shape, .n = n, .mixed = { mixed[0].data, mixed[1].data }, .weight = weight.data,
		.affine = { .scale = test->scale, .shift = test->shift, .is_relu = noise(2) },
		.out = { (char *)out[0].data + first * cell, (char *)out[1].data + first * cell }, .out_row = row,
		.winner = { winner[0].data, winner[1].data },
		.pairs = cell == 2 && noise(2) ? (float *)pairs.data + first : NULL,
	};

	memset(winner[0].data, 77, (size_t)h * w * shape->lanes);
	memset(winner[1].data, 77, (size_t)h * w * shape->lanes);
	kernels->first->forward(&job);
	for (size_t at = 0; at < count; at++) {
		const uint32_t y = at / row, o = at % shape->lanes, x = at % row / shape->lanes - left;
		if (x >= w) {
			CHECK(isnan(cell_value(out[0].data, at, cell)), "%s: a halo was written", kernels->name);
			continue;
		}
		for (uint32_t i = 0; i < n; i++)
			check_window(test, job.affine.is_relu, i, y, x, o, cell_value(out[i].data, at, cell),
				     ((uint8_t *)winner[i].data)[((size_t)y * w + x) * shape->lanes + o]);
		if (job.pairs)
			CHECK(((uint16_t *)pairs.data)[2 * at] == ((uint16_t *)out[0].data)[at] &&
				      ((uint16_t *)pairs.data)[2 * at + 1] == (n == 2 ? ((uint16_t *)out[1].data)[at] : 0),
			      "%s: pairs", kernels->name);
	}
	for (int i = 0; i < 2; i++) {
		guarded_release(&mixed[i]);
		guarded_release(&out[i]);
		guarded_release(&winner[i]);
	}
	guarded_release(&weight);
	guarded_release(&pairs);
}

/* ---- products of pixels ---- */

static int64_t
sum_of_lanes(const int32_t *lanes)
{
	int64_t sum = 0;

	for (int i = 0; i < 16; i++)
		sum += lanes[i];
	return sum;
}

/* The rows of a class, whose own numbers count from the padding's first. */
static int64_t
expected_product(const Case *test, uint32_t class, uint32_t dy, uint32_t i, uint32_t j, bool is_alone)
{
	const First *shape = &test->shape;
	const uint32_t edge = shape->kernel_h - 1, c = shape->channels;
	const uint32_t begin = class <= edge ? class : shape->out_h + class - edge - 1;
	const uint32_t end = class == edge ? shape->out_h : begin + 1;
	double sum = 0;

	for (uint32_t u = begin; u < end; u++)
		for (uint32_t x = 0; x < shape->out_w; x++)
			sum += pixel_at(test, 0, u, x, 0, i / c, i % c) *
			       (is_alone ? 1 : pixel_at(test, 0, u, x, dy, j / c, j % c));
	return (int64_t)sum;
}

static void
check_gram(const Case *test)
{
	const First *shape = &test->shape;
	const uint32_t taps = shape->kernel_w * shape->channels, classes = 2 * shape->kernel_h - 1;
	const size_t products = (size_t)classes * shape->kernel_h * taps * taps * 16, pixels = (size_t)classes * taps * 16;
	Guarded planes = guarded(test->cells * sizeof(int16_t)), product = guarded(products * 4), pixel = guarded(pixels * 4);
	const int32_t *at = product.data;

	if (shape->out_h < shape->kernel_h)
		return;
	memset(planes.data, 0, test->cells * sizeof(int16_t));
	memset(product.data, 0, products * 4);
	memset(pixel.data, 0, pixels * 4);
	kernels->first->shorts(shape, test->pixels[0], planes.data);
	for (int times = 0; times < 2; times++)
		kernels->first->gram(shape, planes.data, product.data, pixel.data);
	for (uint32_t class = 0; class < classes; class++)
		for (uint32_t dy = 0; dy < shape->kernel_h; dy++)
			for (uint32_t i = 0; i < taps; i++)
				for (uint32_t j = 0; j < taps; j++, at += 16)
					if ((dy || i <= j) && noise(9) == 0)
						CHECK(sum_of_lanes(at) == 2 * expected_product(test, class, dy, i, j, false),
						      "%s: class %u, %u rows apart, taps %u and %u: %lld", kernels->name, class,
						      dy, i, j, (long long)sum_of_lanes(at));
	for (uint32_t i = 0; i < classes * taps; i++)
		CHECK(sum_of_lanes((int32_t *)pixel.data + (size_t)i * 16) ==
			      2 * expected_product(test, i / taps, 0, i % taps, 0, true), "%s: pixels of tap %u", kernels->name, i);
	guarded_release(&planes);
	guarded_release(&product);
	guarded_release(&pixel);
}

/* ---- backward ---- */

/* What every winner's tap sees times d, [taps][channels], and d alone. */
static void
expected_back(const Case *test, const void *d, const uint8_t *winner, double *taps, double *total)
{
	const First *shape = &test->shape;
	const uint32_t w = shape->out_w / 2, run = shape->kernel_w * shape->channels, table = (uint32_t)(64 / kernels->cell);

	for (size_t at = 0; at < (size_t)(shape->out_h / 2) * w * shape->lanes; at++) {
		const uint32_t o = at % shape->lanes, x = (uint32_t)(at / shape->lanes % w), y = (uint32_t)(at / shape->lanes / w);
		const double value = (double)cell_value(d, at, kernels->cell);
		if (winner[at] == 255)
			continue;
		total[o] += value;
		for (uint32_t t = 0; t < shape->kernel_h * run; t++)
			taps[t * shape->lanes + o] += value * pixel_at(test, 0, 2 * y + winner[at] / table, 2 * x + winner[at] % table,
								       t / run, t % run / shape->channels, t % shape->channels);
	}
}

static void
check_back(const Case *test)
{
	const First *shape = &test->shape;
	const size_t windows = (size_t)(shape->out_h / 2) * (shape->out_w / 2) * shape->lanes, cell = kernels->cell;
	const size_t taps = (size_t)shape->kernel_h * shape->kernel_w * shape->channels * shape->lanes;
	const uint8_t places[] = { 0, 1, (uint8_t)(64 / cell), (uint8_t)(64 / cell + 1), 255 };
	Guarded planes = lay_picture(test, 0, false), d = guarded(windows * cell), winner = guarded(windows);
	Guarded found = guarded(taps * sizeof(float)), total = guarded(shape->lanes * sizeof(float));
	const size_t scratch_size = kernels->first->scratch(shape) / 64 * 64;
	Guarded scratch = guarded(scratch_size);
	double *wanted = calloc(taps, sizeof *wanted), *wanted_total = calloc(shape->lanes, sizeof *wanted_total);

	for (size_t i = 0; i < windows; i++) {
		cell_put(d.data, i, cell, noise_value());
		((uint8_t *)winner.data)[i] = places[noise(5)];
	}
	memset(found.data, 0, taps * sizeof(float));
	memset(total.data, 0, shape->lanes * sizeof(float));
	for (int times = 0; times < 2; times++) {
		kernels->first->back(&(FirstBack){ .shape = *shape, .planes = planes.data, .dout = d.data,
						   .winner = winner.data, .scratch = scratch.data, .taps = found.data,
						   .total = total.data });
		expected_back(test, d.data, winner.data, wanted, wanted_total);
	}
	for (size_t i = 0; i < taps; i++)
		CHECK(fabs((double)((float *)found.data)[i] - wanted[i]) <= 1e-5 * (fabs(wanted[i]) + 255 * 20), "%s: %g, not %g",
		      kernels->name, (double)((float *)found.data)[i], wanted[i]);
	for (size_t i = 0; i < shape->lanes; i++)
		CHECK(fabs((double)((float *)total.data)[i] - wanted_total[i]) <= 1e-3, "%s: %g in all, not %g", kernels->name,
		      (double)((float *)total.data)[i], wanted_total[i]);
	free(wanted);
	free(wanted_total);
	guarded_release(&planes);
	guarded_release(&d);
	guarded_release(&winner);
	guarded_release(&found);
	guarded_release(&total);
	guarded_release(&scratch);
}

TEST(forward)
{
	for (int i = 0; i < ROUNDS && check_ok; i++) {
		Case test;
		case_init(&test);
		check_forward(&test, 1 + noise(2));
		case_release(&test);
	}
}

TEST(gram)
{
	for (int i = 0; i < ROUNDS / 2 && check_ok; i++) {
		Case test;
		case_init(&test);
		check_gram(&test);
		case_release(&test);
	}
}

TEST(back)
{
	for (int i = 0; i < ROUNDS && check_ok; i++) {
		Case test;
		case_init(&test);
		check_back(&test);
		case_release(&test);
	}
}

/* ---- with --bench: microseconds an image, and the share of the roof that the convolution's products would take ---- */

typedef struct Hot {
	const char *name;
	uint32_t side, c, kernel, channels;
} Hot;

static const Hot hot[] = { { "28x28x1, 4x4 to 32", 28, 1, 4, 32 }, { "32x32x3, 4x4 to 32", 32, 3, 4, 32 },
			   { "64x64x1, 3x3 to 32", 64, 1, 3, 32 } };

typedef struct Turn {
	const Case *test;
	FirstForward forward;
	FirstBack back;
	void *mixed, *planes;
	int16_t *shorts;
	int32_t *products, *pixels;
} Turn;

static void
turn(const Turn *job, int which)
{
	const First *shape = &job->test->shape;

	if (which == 0) {
		kernels->first->shorts(shape, job->test->pixels[0], job->shorts);
		kernels->first->gram(shape, job->shorts, job->products, job->pixels);
	} else {
		kernels->first->pictures(shape, job->test->pixels[0], job->mixed, which == 1 ? NULL : job->planes);
		if (which == 1)
			kernels->first->forward(&job->forward);
		else
			kernels->first->back(&job->back);
	}
}

static void
bench_shape(const Hot *h)
{
	static const char *const names[] = { "products of pixels", "forward", "backward" };
	Case test;

	case_of(&test, h->side, h->side, h->c, h->kernel, h->channels, false);
	const First *shape = &test.shape;
	const size_t windows = (size_t)(shape->out_h / 2) * (shape->out_w / 2) * shape->lanes;
	const size_t taps = (size_t)shape->kernel_w * shape->channels, classes = 2 * shape->kernel_h - 1;
	Guarded mixed = guarded(test.cells * 4), planes = guarded(test.cells * 4), weight = lay_weight(&test);
	Guarded out = guarded(windows * 4), winner = guarded(windows), sums = guarded(taps * shape->kernel_h * shape->lanes * 4);
	Guarded total = guarded(shape->lanes * 4), scratch = guarded(kernels->first->scratch(shape));
	Guarded products = guarded(classes * shape->kernel_h * taps * taps * 64), pixels = guarded(classes * taps * 64);
	Guarded shorts = guarded(test.cells * 2);
	const Turn job = {
		.test = &test, .mixed = mixed.data, .planes = h->c == 1 ? mixed.data : planes.data, .shorts = shorts.data,
		.products = products.data, .pixels = pixels.data,
		.forward = { .shape = *shape, .n = 1, .mixed = { mixed.data }, .weight = weight.data, .out = { out.data },
			     .affine = { test.scale, test.shift, true }, .winner = { winner.data },
			     .out_row = (size_t)(shape->out_w / 2) * shape->lanes },
		.back = { .shape = *shape, .planes = h->c == 1 ? mixed.data : planes.data, .dout = out.data,
			  .winner = winner.data, .scratch = scratch.data, .taps = sums.data, .total = total.data },
	};
	const double work = 2.0 * shape->out_h * shape->out_w * (double)taps * shape->kernel_h * h->channels;

	memset(mixed.data, 0, test.cells * 4);
	memset(planes.data, 0, test.cells * 4);
	memset(shorts.data, 0, test.cells * 2);
	memset(sums.data, 0, taps * shape->kernel_h * shape->lanes * 4);
	memset(total.data, 0, shape->lanes * 4);
	for (int which = 0; which < 3; which++) {
		double best = INFINITY, roof = 0;
		for (int round = 0; round < 15; round++) {
			const double here = roof_flops(1, kernels->cell == 2), begin = roof_now();
			for (int i = 0; i < 500; i++) {
				turn(&job, 1); /* winners to go back from */
				turn(&job, which);
			}
			const double both = roof_now() - begin, middle = roof_now();
			for (int i = 0; i < 500; i++)
				turn(&job, 1);
			const double time = (both - (roof_now() - middle)) / 500;
			best = time < best ? time : best;
			roof = here > roof ? here : roof;
		}
		printf("%-10s %-20s %-18s %6.2f us, %.2f\n", kernels->name, h->name, names[which], best * 1e6, work / best / roof);
	}
	case_release(&test);
}

int
main(int argc, char **argv)
{
	const bool is_bench = argc > 1 && !strcmp(argv[1], "--bench");

	roof_clock = CLOCK_PROCESS_CPUTIME_ID;
	for (int i = 0; i < KERNEL_NAMES; i++) {
		kernels = kernels_named(kernel_names[i]);
		if (!kernels || !kernels->first) {
			printf("# %s: %s\n", kernel_names[i], kernels ? "has none of these" : status_message());
			continue;
		}
		if (is_bench) {
			for (size_t k = 0; k < sizeof hot / sizeof *hot; k++)
				bench_shape(&hot[k]);
			continue;
		}
		printf("# %s\n", kernels->name);
		RUN(forward);
		RUN(gram);
		RUN(back);
	}
	return check_done();
}
