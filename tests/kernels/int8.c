/* Prediction in bytes: the loop that multiplies against whole-numbered sums, exactly, on every instruction set; whole
 * networks against fp32, and against themselves: one thread or three, alone or in a batch, on any instruction set. */
#include "bench/roof.h"
#include "cpu/cpu.h"
#include "cpu/layout.h"
#include "kernels/guard.h"
#include "unit/check.h"

#include <math.h>

enum { ROUNDS = 150, LANES_MOST = 96 };

static const char *const names[] = { "plain", "avx2", "avxvnni", "avx512vnni", "neon" };
enum { NAMES = sizeof names / sizeof *names };
static const KernelTable *kernels;

/* ---- one job ---- */

/* Bytes, weights and everything that a job reads and writes. */
typedef struct Case {
	Window window;
	uint32_t n, c, out;  /* images, channels */
	uint32_t x_pixel;    /* bytes */
	size_t x_row, x_image;
	Plane y;
	Guarded x, weight, result;
	size_t weight_block, result_size;
	float scale[LANES_MOST], bias[LANES_MOST], *map;
	bool y_is_float, is_raw, is_relu, is_pooled;
} Case;

static int8_t
weight_of(const Case *test, uint32_t o, uint32_t tap, uint32_t k)
{
	const uint32_t block = kernels->block, words = (test->c + 3) / 4, taps = test->window.kernel_h * test->window.kernel_w;
	const size_t word = ((size_t)(o / block * taps + tap) * words + k / 4) * block + o % block;

	return ((const int8_t *)test->weight.data)[word * 4 + k % 4];
}

/* Exactly what four bytes times four bytes, added up, must give. */
static int32_t
expected_sum(const Case *test, uint32_t image, uint32_t y, uint32_t x, uint32_t o)
{
	const Window *win = &test->window;
	int64_t sum = 0;

	for (uint32_t ky = 0; ky < win->kernel_h; ky++)
		for (uint32_t kx = 0; kx < win->kernel_w; kx++) {
			const int64_t iy = (int64_t)y * win->stride + ky - win->pad_top;
			const int64_t ix = (int64_t)x * win->stride + kx - win->pad_left;
			const uint8_t *in = (const uint8_t *)test->x.data + image * test->x_image + iy * (int64_t)test->x_row +
					    (ix + win->pad_left) * test->x_pixel;
			if (iy >= 0 && iy < win->in_h && ix >= 0 && ix < win->in_w)
				for (uint32_t k = 0; k < test->c; k++)
					sum += in[k] * weight_of(test, o, ky * win->kernel_w + kx, k);
		}
	return (int32_t)sum;
}

static int32_t
expected_largest(const Case *test, uint32_t image, uint32_t y, uint32_t x, uint32_t o)
{
	int32_t largest = INT32_MIN;

	for (uint32_t i = 0; i < 4; i++) {
		const int32_t sum = expected_sum(test, image, 2 * y + i / 2, 2 * x + i % 2, o);
		largest = sum > largest ? sum : largest;
	}
	return largest;
}

static bool
equals(const Case *test, uint32_t image, uint32_t y, uint32_t x, uint32_t o, size_t at)
{
	const uint32_t lanes = test->y.lanes;
	const int32_t sum = o >= test->out ? 0 : (test->is_pooled ? expected_largest : expected_sum)(test, image, y, x, o);
	const float bias = test->map ? test->map[((size_t)y * test->y.w + x) * lanes + o] : test->bias[o];
	float value = (float)sum * test->scale[o];

	value = value + bias;
	value = test->is_relu && value < 0 ? 0 : value;
	if (test->is_raw)
		return ((const int32_t *)test->result.data)[at] == sum;
	if (test->y_is_float)
		return ((const float *)test->result.data)[at] == value;
	value = value < 0 ? 0 : value > 255 ? 255 : value;
	return ((const uint8_t *)test->result.data)[at] == (uint8_t)nearbyintf(value);
}

/* A dense layer or a convolution with its halo; or, pooled, windows read from a picture. */
static void
case_shape(Case *test)
{
	Window *win = &test->window;

	*win = (Window){ .in_h = 1 + noise(12), .in_w = 1 + noise(30), .kernel_h = 1 + noise(4), .kernel_w = 1 + noise(4),
			 .stride = 1 + noise(2) };
	test->n = 1 + noise(4);
	test->c = 1 + noise(70);
	test->out = 1 + noise(70);
	test->is_pooled = noise(3) == 0;
	if (test->is_pooled) {
		*win = (Window){ .out_h = 2 + noise(9), .out_w = 2 + noise(30), .kernel_h = 1 + noise(5), .kernel_w = 1,
				 .stride = 1 + noise(2) };
		win->in_h = (win->out_h - 1) * win->stride + win->kernel_h;
		win->in_w = (win->out_w - 1) * win->stride + 1;
	} else {
		win->pad_top = noise(win->kernel_h);
		win->pad_left = noise(win->kernel_w);
		win->out_h = 1 + (win->in_h + win->pad_top - 1) / win->stride;
		win->out_w = 1 + (win->in_w + win->pad_left - 1) / win->stride;
	}
}

/* Pixels of x: whole words of 16 channels and a halo, or bytes that lie anywhere. */
static void
case_x(Case *test)
{
	const Window *win = &test->window;
	const uint32_t right = (win->out_w - 1) * win->stride + win->kernel_w;
	const uint32_t width = right > win->pad_left + win->in_w ? right : win->pad_left + win->in_w;
	size_t size;

	test->x_pixel = test->is_pooled ? 1 + noise(5) : channels_padded(test->c);
	test->x_row = test->is_pooled ? ((size_t)(width - 1) * test->x_pixel + (test->c + 3) / 4 * 4 + 3) / 4 * 4
				      : (size_t)width * test->x_pixel;
	test->x_image = (win->in_h * test->x_row + 15) / 16 * 16;
	size = test->n * test->x_image;
	test->x = guarded(size);
	for (size_t i = 0; i < size; i++)
		((uint8_t *)test->x.data)[i] = noise(4) ? (uint8_t)noise(256) : 255;
	for (size_t i = 0; i < size && !test->is_pooled; i++) { /* the halo is zero, so are channels that are none */
		const size_t column = i % test->x_image % test->x_row / test->x_pixel;
		if (column < win->pad_left || column >= win->pad_left + win->in_w || i % test->x_pixel >= test->c)
			((uint8_t *)test->x.data)[i] = 0;
	}
}

static void
case_weight(Case *test)
{
	const uint32_t block = kernels->block, taps = test->window.kernel_h * test->window.kernel_w, words = (test->c + 3) / 4;
	const uint32_t blocks = (test->y.lanes + block - 1) / block;
	float *rows = malloc((size_t)test->c * block * sizeof *rows);

	test->weight_block = (size_t)taps * words * block;
	test->weight = guarded(blocks * test->weight_block * sizeof(float));
	for (uint32_t part = 0; part < blocks * taps; part++) {
		for (uint32_t i = 0; i < test->c * block; i++)
			rows[i] = part / taps * block + i % block >= test->out ? 0 : noise(3) ? (float)noise(255) - 127 : 127;
		kernels->pack(rows, test->c, (char *)test->weight.data + (size_t)part * words * block * sizeof(float));
	}
	free(rows);
}

static void
case_init(Case *test)
{
	memset(test, 0, sizeof *test);
	case_shape(test);
	test->y = (Plane){ .h = test->window.out_h, .w = test->window.out_w, .lanes = channels_padded(test->out) };
	if (test->is_pooled) {
		test->y.h /= 2;
		test->y.w /= 2;
	}
	case_x(test);
	case_weight(test);
	test->is_raw = !test->is_pooled && noise(5) == 0;
	test->y_is_float = test->is_raw || noise(3) == 0;
	test->is_relu = !test->is_raw && noise(2);
	for (uint32_t i = 0; i < test->y.lanes; i++) {
		test->scale[i] = i < test->out ? (float)(1 + noise(1000)) * 1e-5f : 0;
		test->bias[i] = i < test->out ? (float)noise(4000) / 7 - 200 : 0;
	}
	if (!test->is_pooled && !test->is_raw && noise(3) == 0) {
		const size_t count = plane_image(&test->y);
		test->map = malloc(count * sizeof *test->map);
		for (size_t i = 0; i < count; i++)
			test->map[i] = i % test->y.lanes < test->out ? (float)noise(4000) / 7 - 200 : 0;
	}
	test->result_size = test->n * plane_image(&test->y) * (test->y_is_float ? sizeof(float) : 1);
	test->result = guarded(test->result_size);
}

static Conv
case_job(const Case *test)
{
	const size_t cell = test->y_is_float ? sizeof(float) : 1;
	const Conv conv = {
		.window = test->window, .n = test->n, .c = (test->c + 3) / 4, .lanes = test->y.lanes,
		.x = { .data = (char *)test->x.data + (size_t)test->window.pad_left * test->x_pixel, .pixel = test->x_pixel / 4,
		       .row = test->x_row / 4, .image = test->x_image / 4 },
		.x_pixel_bytes = test->is_pooled ? test->x_pixel : 0,
		.y = plane_grid(&test->y, test->result.data, cell, cell), .weight = test->weight.data,
		.weight_block = test->weight_block, .scale = test->is_raw ? NULL : test->scale,
		.bias = test->is_raw ? NULL : test->map ? test->map : test->bias, .bias_pixel = test->map ? test->y.lanes : 0,
		.y_is_float = test->y_is_float, .is_relu = test->is_relu, .is_pooled = test->is_pooled,
	};

	return conv;
}

static void
case_release(Case *test)
{
	guarded_release(&test->x);
	guarded_release(&test->weight);
	guarded_release(&test->result);
	free(test->map);
}

/* What lies beyond the last whole word of a plane is not the job's. */
static void
check_job(const Case *test)
{
	const size_t image = plane_image(&test->y);
	const Conv conv = case_job(test);

	kernels->conv(&conv, 0, (test->y.lanes + kernels->block - 1) / kernels->block);
	for (size_t at = 0; at < test->n * image; at++) {
		const uint32_t o = at % test->y.lanes, x = at / test->y.lanes % test->y.w;
		const uint32_t y = (uint32_t)(at % image / test->y.lanes / test->y.w), i = (uint32_t)(at / image);
		CHECK(equals(test, i, y, x, o, at), "%s: image %u row %u column %u channel %u of %u%s%s%s%s", kernels->name, i, y,
		      x, o, test->out, test->is_pooled ? ", pooled" : "", test->is_raw ? ", raw" : "",
		      test->y_is_float ? ", floats" : "", test->map ? ", map" : "");
	}
}

TEST(sums)
{
	for (int i = 0; i < ROUNDS && check_ok; i++) {
		Case test;
		case_init(&test);
		check_job(&test);
		case_release(&test);
	}
}

/* Bytes alone, of windows of 1 to 4. */
TEST(pools)
{
	for (int i = 0; i < ROUNDS && check_ok; i++) {
		const uint32_t size = 1 + noise(4), h = size + noise(12), w = size + noise(12), lanes = 16 * (1 + noise(5));
		const Pool pool = { .stride = size, .kernel_h = size, .kernel_w = size };
		Guarded y = guarded((size_t)h * w * lanes), out = guarded((size_t)(h / size) * (w / size) * lanes);
		uint8_t *from = y.data, *to = out.data;
		for (size_t k = 0; k < (size_t)h * w * lanes; k++)
			from[k] = (uint8_t)noise(256);
		kernels->finish(&(Finish){ .pool = &pool, .h = h, .w = w, .lanes = lanes, .y = { from }, .out = { to },
					   .out_row = (size_t)(w / size) * lanes });
		for (size_t at = 0; at < (size_t)(h / size) * (w / size) * lanes; at++) {
			const size_t c = at % lanes, x = at / lanes % (w / size), row = at / lanes / (w / size);
			uint8_t largest = 0;
			for (uint32_t k = 0; k < size * size; k++) {
				const uint8_t here = from[((row * size + k / size) * w + x * size + k % size) * lanes + c];
				largest = here > largest ? here : largest;
			}
			CHECK(to[at] == largest, "%s: %u, not %u", kernels->name, to[at], largest);
		}
		guarded_release(&y);
		guarded_release(&out);
	}
}

/* ---- whole networks ---- */

enum { CLASSES = 5, IMAGES = 40, FLOATS = IMAGES * CLASSES };

typedef struct NetCase {
	const char *text;
	Shape input;
	float shift; /* of pixels: not 0, so that the padding isn't a pixel of 0 */
} NetCase;

#define PICTURE(...) { __VA_ARGS__, false }

/* Odd sizes, negative inputs of padded convolutions, stages without weights, every kind of pool. */
static const NetCase nets[] = {
	{ "conv 8 3x3 same, bn, relu, maxpool 2, conv 20 3x3 same, bn, relu, maxpool 2, flatten, dense 24, bn, relu, "
	  "dropout 0.35, dense classes, softmax", PICTURE(14, 14, 1), 0 },
	{ "conv 33 4x4 same, bn, relu, maxpool 2, conv 17 5x5 same, bn, relu, flatten, dense classes", PICTURE(9, 11, 3), -0.5f },
	{ "conv 5 3x3 stride 2 same, relu, conv 18 3x3 stride 2 same, bn, conv 7 2x3 stride 3, relu, globalavgpool, dense classes",
	  PICTURE(21, 17, 2), 0 },
	{ "conv 16 1x1, bn, avgpool 3 stride 2, conv 40 3x3 same, maxpool 3 stride 1, dropout 0.5, flatten, bn, dense classes",
	  PICTURE(12, 13, 4), 0.25f },
	{ "flatten, dense 19, relu, dense classes", PICTURE(5, 7, 3), -0.5f },
	{ "bn, relu, maxpool 2, conv 12 3x3 same, bn, conv 9 3x3 same, flatten, dense classes", PICTURE(7, 6, 3), -0.3f },
	{ "conv 34 7x7 same, bn, relu, conv 5 3x3 same, globalavgpool", PICTURE(9, 8, 1), 0 },
	{ "flatten, bn, dense 30, dense classes", PICTURE(6, 6, 3), 0.1f },
	{ "small", PICTURE(13, 11, 1), 0 },
	/* sums with and without ReLU, of what has halos and what has none, of pixels, before pools, of flat stages */
	{ "residual(conv 3 5x5 same, bn | ), residual(maxpool 3 stride 1 | conv 3 3x3, bn, residual(bn, relu | bn)), relu, "
	  "maxpool 2, residual(bn, relu, conv 19 3x3 same | conv 19 1x1), avgpool 2, flatten, dense classes", PICTURE(10, 11, 3), -0.2f },
	{ "conv 6 3x3, bn, residual(flatten, dense 20, bn, relu | globalavgpool, dense 20), relu, residual(dense 30, bn, relu, "
	  "dense 20, bn | ), residual(relu | ), residual(flatten | ), dense classes", PICTURE(6, 7, 1), 0.1f },
	{ "conv 18 3x3 same, bn, relu, depthwise 3x3 stride 2 same nobias, bn, relu, conv 24 1x1, bn, depthwise 2x5, relu, "
	  "depthwise 5x5 same, maxpool 2, flatten, dense classes", PICTURE(14, 13, 2), 0 },
	{ "conv 35 3x3, bn, depthwise 3x3 same, bn, relu, depthwise 2x3 same, avgpool 2, residual(depthwise 3x3 same nobias, bn | "
	  "depthwise 1x3 same), relu, globalavgpool, dense classes", PICTURE(11, 8, 1), 0.1f },
	{ "conv 20 3x3, bn, residual(bn, relu, conv 20 3x3 same | ), residual(conv 20 3x3 same, bn | ), globalavgpool, dense classes",
	  PICTURE(9, 8, 2), -0.1f },
};

enum { NETS = sizeof nets / sizeof *nets };

typedef struct Model {
	Net net;
	float *param, *bn, *ranges;
	uint8_t *pixels;
} Model;

static void
predict(const Model *model, Precision precision, int threads, float *prob)
{
	const size_t image = (size_t)model->net.input.h * model->net.input.w * model->net.input.c;
	const BackendOptions options = {
		.precision = precision, .batch_most = IMAGES, .threads = threads,
		.ranges = precision == PRECISION_INT8 ? model->ranges : NULL,
		.ranges_seen = precision == PRECISION_FP32 ? model->ranges : NULL,
	};
	Backend *backend;

	if (cpu_backend.open(&backend, device_host(), &model->net, model->param, model->bn, &options) < 0) {
		printf("# %s\n", status_message());
		exit(1);
	}
	if (threads == 1) { /* one by one, and the rest at once */
		for (int i = 0; i < 3; i++)
			cpu_backend.predict(backend, &(Batch){ .n = 1, .pixels = model->pixels + i * image }, VECTOR_PARAM,
					    prob + i * CLASSES);
		cpu_backend.predict(backend, &(Batch){ .n = IMAGES - 3, .pixels = model->pixels + 3 * image }, VECTOR_PARAM,
				    prob + 3 * CLASSES);
	} else {
		cpu_backend.predict(backend, &(Batch){ .n = IMAGES, .pixels = model->pixels }, VECTOR_PARAM, prob);
	}
	cpu_backend.close(backend);
}

static void
model_init(Model *model, const NetCase *test)
{
	const size_t pixels = (size_t)IMAGES * test->input.h * test->input.w * test->input.c;

	if (net_init(&model->net, test->text, test->input, CLASSES) < 0) {
		printf("# %s\n", status_message());
		exit(1);
	}
	for (uint32_t c = 0; c < test->input.c; c++) {
		model->net.scale[c] = 1.0f / (float)(200 + 20 * c);
		model->net.shift[c] = test->shift * (float)(1 + c);
	}
	model->param = calloc(model->net.param_count, sizeof(float));
	model->bn = calloc(model->net.bn_count + 1, sizeof(float));
	model->ranges = calloc(2 * model->net.stage_count, sizeof(float));
	model->pixels = malloc(pixels);
	net_initialise(&model->net, 7, model->param, model->bn);
	for (size_t i = 0; i < model->net.param_count; i++)
		model->param[i] += (float)noise(1000) * 1e-4f - 0.05f;
	for (size_t i = 0; i < model->net.bn_count; i++)
		model->bn[i] += (float)noise(1000) * 1e-4f;
	for (size_t i = 0; i < pixels; i++)
		model->pixels[i] = (uint8_t)noise(256);
}

static void
model_release(Model *model)
{
	net_release(&model->net);
	free(model->param);
	free(model->bn);
	free(model->ranges);
	free(model->pixels);
}

/* Under every instruction set the bits of plain C, for any threads and batch. */
static void
check_net(const NetCase *test)
{
	float exact[FLOATS], plain[FLOATS], found[FLOATS];
	double difference = 0;
	Model model;

	model_init(&model, test);
	setenv("FM_CPU", "plain", 1);
	predict(&model, PRECISION_FP32, 2, exact);
	predict(&model, PRECISION_INT8, 1, plain);
	for (int i = 0; i < FLOATS; i++) {
		CHECK(isfinite(plain[i]), "%s: %g", test->text, (double)plain[i]);
		difference += fabs((double)plain[i] - (double)exact[i]) / FLOATS;
	}
	CHECK(difference <= 0.01, "%s: probabilities differ by %g in the mean", test->text, difference);
	for (int i = 0; i < NAMES; i++) {
		if (!kernels_named_int8(names[i]))
			continue;
		memset(found, 0xff, sizeof found);
		predict(&model, PRECISION_INT8, 3, found);
		CHECK(!memcmp(found, plain, sizeof found), "%s: %s differs from plain", test->text, names[i]);
	}
	model_release(&model);
}

TEST(networks)
{
	for (int i = 0; i < NETS && check_ok; i++)
		check_net(&nets[i]);
}

/* ---- with --bench: shares of the machine's roof, taken in turns ---- */

typedef struct Hot {
	const char *name;
	uint32_t h, w, c, out, kernel, n;
} Hot;

static const Hot hot[] = {
	{ "28x28 1 to 32, 4x4, pooled", 28, 28, 4, 32, 0, 1 }, { "32x32 3 to 32, 4x4, pooled", 32, 32, 12, 32, 0, 1 },
	{ "14x14 32 to 64, 3x3", 14, 14, 32, 64, 3, 8 },
	{ "7x7 64 to 128, 3x3", 7, 7, 64, 128, 3, 8 }, { "dense 1792 to 128, 32 images", 1, 32, 1792, 128, 1, 1 },
	{ "16x16 48 to 96, 5x5", 16, 16, 48, 96, 5, 4 },
};

/* The first layer's rows are read where they lie: kernel 0 is one of four rows of c bytes. */
static void
case_hot(Case *test, const Hot *h)
{
	const uint32_t pad = h->kernel / 2;

	memset(test, 0, sizeof *test);
	test->window = (Window){ h->h, h->w, h->h, h->w, h->kernel, h->kernel, 1, pad, pad };
	test->is_pooled = !h->kernel;
	if (test->is_pooled)
		test->window = (Window){ h->h + 3, h->w, h->h, h->w, 4, 1, 1, 0, 0 };
	test->n = h->n;
	test->c = h->c;
	test->out = h->out;
	test->y = (Plane){ .h = h->h, .w = h->w, .lanes = h->out };
	test->x_pixel = test->is_pooled ? h->c / 4 : h->c;
	test->x_row = (h->w + 2 * pad + (test->is_pooled ? 4 : 0)) * test->x_pixel;
	test->x_image = test->window.in_h * test->x_row;
	test->x = guarded(test->n * test->x_image);
	test->result = guarded(test->n * plane_image(&test->y));
	case_weight(test);
}

static int
by_value(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Shares count all products, those with padding included, which are left out: more than 1 is possible. */
static void
bench_hot(const Hot *h)
{
	enum { TURNS = 15 };
	const double work = 2.0 * h->n * h->h * h->w * h->c * h->out * (h->kernel ? h->kernel * h->kernel : 4);
	double share[TURNS];
	Case test;

	case_hot(&test, h);
	const Conv conv = case_job(&test);
	for (int i = 0; i < TURNS; i++) {
		const double roof = roof_flops(1, ROOF_INT8), begin = roof_now();
		int repeats = 0;
		do {
			kernels->conv(&conv, 0, (test.y.lanes + kernels->block - 1) / kernels->block);
			repeats++;
		} while (roof_now() - begin < 0.005);
		share[i] = work * repeats / (roof_now() - begin) / roof;
	}
	qsort(share, TURNS, sizeof *share, by_value);
	printf("%-10s %-28s conv %.3f of the roof\n", kernels->name, h->name, share[TURNS / 2]);
	case_release(&test);
}

int
main(int argc, char **argv)
{
	const bool is_bench = argc > 1 && !strcmp(argv[1], "--bench");

	roof_clock = CLOCK_PROCESS_CPUTIME_ID;
	for (int i = 0; i < NAMES; i++) {
		kernels = kernels_named_int8(names[i]);
		if (!kernels) {
			printf("# not on this machine: %s\n", status_message());
			continue;
		}
		for (size_t h = 0; h < sizeof hot / sizeof *hot && is_bench; h++)
			bench_hot(&hot[h]);
		if (is_bench)
			continue;
		printf("# %s\n", kernels->name);
		RUN(sums);
		RUN(pools);
	}
	if (!is_bench)
		RUN(networks);
	return check_done();
}
