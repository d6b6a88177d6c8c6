/* 3x3 convolutions of bytes and bf16 by Winograd's F(2, 3) down their columns: both parts, points and sums, exactly, on every
 * instruction set, with odd sizes and guard pages; bf16's numbers are small whole ones, so that nothing is rounded before the
 * end. tests/kernels/int8 and cpu_net have whole networks. */
#include "bench/roof.h"
#include "cpu/layout.h"
#include "kernels/guard.h"
#include "unit/check.h"

#include <math.h>

enum { ROUNDS = 60, LANES_MOST = 256 };

static const struct {
	const char *name;
	Precision precision;
} tables[] = {
	{ "plain", PRECISION_INT8 }, { "avx2", PRECISION_INT8 }, { "avxvnni", PRECISION_INT8 }, { "avx512vnni", PRECISION_INT8 },
	{ "neon", PRECISION_INT8 },  { "avx512bf16", PRECISION_BF16 },
};
enum { TABLES = sizeof tables / sizeof *tables };
static const KernelTable *kernels;
static bool is_bytes;

typedef struct Case {
	Window window;
	uint32_t c, out; /* channels */
	Plane in, y;
	Guarded x, outside, points, weight, start, result;
	size_t point, weight_block; /* cells; words */
	float scale[LANES_MOST], bias[LANES_MOST];
	bool y_is_float, is_relu;
} Case;

static uint32_t
pairs_of(const Case *test)
{
	return (test->window.out_h + 1) / 2;
}

/* Any bytes; or whole numbers from -8 to 8 in bf16, the upper half of a float. */
static void
fill(Guarded *memory, size_t count)
{
	*memory = guarded(count * kernels->cell);
	for (size_t i = 0; i < count; i++) {
		const float value = (float)noise(17) - 8;
		uint32_t bits;
		memcpy(&bits, &value, sizeof bits);
		if (is_bytes)
			((uint8_t *)memory->data)[i] = noise(4) ? (uint8_t)noise(256) : 255;
		else
			((uint16_t *)memory->data)[i] = (uint16_t)(bits >> 16);
	}
}

/* of a pixel or a weight */
static int
number_at(const void *cells, size_t at, bool is_weight)
{
	const uint32_t bits = is_bytes ? 0 : (uint32_t)((const uint16_t *)cells)[at] << 16;
	float value;

	memcpy(&value, &bits, sizeof value);
	return !is_bytes ? (int)value : is_weight ? ((const int8_t *)cells)[at] : ((const uint8_t *)cells)[at];
}

static uint32_t
words_of(const Case *test)
{
	const uint32_t cells = (uint32_t)(sizeof(float) / kernels->cell);

	return (test->c + cells - 1) / cells;
}

static void
case_memory(Case *test)
{
	const size_t cell = test->y_is_float ? sizeof(float) : kernels->cell;
	const uint32_t blocks = (test->y.lanes + kernels->block - 1) / kernels->block;

	test->point = (size_t)test->window.in_w * test->in.lanes;
	test->weight_block = (size_t)COLUMN_POINTS * 3 * words_of(test) * kernels->block;
	fill(&test->x, plane_image(&test->in));
	fill(&test->outside, test->point);
	fill(&test->weight, blocks * test->weight_block * sizeof(float) / kernels->cell);
	for (size_t i = 0; is_bytes && i < blocks * test->weight_block * 4; i++) /* -128 is none */
		((int8_t *)test->weight.data)[i] = (int8_t)(((int8_t *)test->weight.data)[i] | 1);
	test->points = guarded(pairs_of(test) * COLUMN_POINTS * test->point * kernels->cell);
	test->start = guarded(2 * sizeof(int32_t) * test->window.out_w * test->y.lanes);
	for (size_t i = 0; i < (size_t)2 * test->window.out_w * test->y.lanes; i++)
		((int32_t *)test->start.data)[i] = is_bytes ? (int32_t)noise(200000) - 100000 : 0;
	test->result = guarded(plane_image(&test->y) * cell);
	for (int i = 0; i < LANES_MOST; i++) {
		test->scale[i] = is_bytes ? (float)(1 + noise(1000)) * 1e-6f : 1;
		test->bias[i] = is_bytes ? (float)noise(4000) / 7 - 200 : (float)noise(400) - 200;
	}
}

static void
case_init(Case *test)
{
	Window *win = &test->window;

	memset(test, 0, sizeof *test);
	*win = (Window){ .in_h = 1 + noise(13), .in_w = 1 + noise(31), .kernel_h = 3, .kernel_w = 3, .stride = 1 };
	win->pad_top = win->in_h > 1 ? noise(2) : 1;
	win->pad_left = win->in_w > 1 ? noise(2) : 1;
	win->out_h = win->in_h + win->pad_top - 1 - (win->in_h + win->pad_top > 2 ? noise(2) : 0);
	win->out_w = win->in_w + win->pad_left - 1 - (win->in_w + win->pad_left > 2 ? noise(2) : 0);
	test->c = 1 + noise(70);
	test->out = 1 + noise(70);
	test->in = (Plane){ .h = win->in_h, .w = win->in_w, .lanes = channels_padded(test->c), .left = noise(3), .right = noise(3) };
	test->y = (Plane){ .h = win->out_h, .w = win->out_w, .lanes = channels_padded(test->out), .left = noise(2), .right = noise(2) };
	test->y_is_float = is_bytes && noise(3) == 0;
	test->is_relu = noise(2);
	case_memory(test);
}

static void
case_release(Case *test)
{
	guarded_release(&test->x);
	guarded_release(&test->outside);
	guarded_release(&test->points);
	guarded_release(&test->weight);
	guarded_release(&test->start);
	guarded_release(&test->result);
}

static Columns
points_of(const Case *test)
{
	return (Columns){
		.window = test->window, .lanes = test->in.lanes, .outside = test->outside.data, .points = test->points.data,
		.x = plane_grid(&test->in, test->x.data, kernels->cell, kernels->cell),
	};
}

static void
do_points(const Case *test)
{
	const Columns job = points_of(test);

	kernels->columns(&job);
}

static Conv
case_conv(const Case *test)
{
	const size_t cell = test->y_is_float ? sizeof(float) : kernels->cell, cells = sizeof(float) / kernels->cell;
	const size_t row = test->point / cells;

	return (Conv){
		.window = test->window, .n = 1, .c = words_of(test), .lanes = test->y.lanes, .has_points = true,
		.x = { test->points.data, test->in.lanes / cells, row, pairs_of(test) * COLUMN_POINTS * row },
		.y = plane_grid(&test->y, test->result.data, cell, cell), .weight = test->weight.data,
		.weight_block = test->weight_block, .scale = is_bytes ? test->scale : NULL, .bias = test->bias, .start = test->start.data,
		.y_is_float = test->y_is_float, .is_relu = test->is_relu,
	};
}

/* ---- what is to be expected ---- */

static int
pixel_at(const Case *test, int64_t row, size_t at)
{
	if (row < 0 || row >= test->window.in_h)
		return number_at(test->outside.data, at, false);
	return number_at(test->x.data, test->in.left * test->in.lanes + (size_t)row * plane_row(&test->in) + at, false);
}

/* A difference as a point has it. */
static int
difference(int a, int b)
{
	return is_bytes ? (a - b + 256) / 2 : a - b;
}

/* Point of a pair of rows at one place of a row, by the definition. */
static int
point_at(const Case *test, uint32_t pair, int point, size_t at)
{
	const int64_t top = 2 * (int64_t)pair - test->window.pad_top;
	const int a = pixel_at(test, top, at), b = pixel_at(test, top + 1, at);
	const int c = pixel_at(test, top + 2, at), d = pixel_at(test, top + 3, at);
	const int points[COLUMN_POINTS] = { is_bytes ? (b + c + 1) / 2 : b + c, difference(c, b), difference(a, c), difference(b, d) };

	return points[point];
}

static int64_t
products_of(const Case *test, uint32_t pair, int point, uint32_t x, uint32_t o)
{
	const uint32_t block = kernels->block, words = words_of(test), cells = (uint32_t)(sizeof(float) / kernels->cell);
	int64_t sum = 0;

	for (uint32_t kx = 0; kx < 3; kx++) {
		const int64_t ix = (int64_t)x + kx - test->window.pad_left;
		for (uint32_t k = 0; ix >= 0 && ix < test->window.in_w && k < words * cells; k++) {
			const size_t row = ((size_t)point * 3 + kx) * words + k / cells;
			const size_t word = o / block * test->weight_block + row * block + o % block;
			sum += number_at(test->weight.data, word * cells + k % cells, true) *
			       point_at(test, pair, point, (size_t)ix * test->in.lanes + k);
		}
	}
	return sum;
}

/* To bf16, ties to even. */
static uint16_t
rounded_half(float value)
{
	uint32_t bits;

	memcpy(&bits, &value, sizeof bits);
	return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static int64_t
sum_at(const Case *test, uint32_t y, uint32_t x, uint32_t o)
{
	const int32_t *start = (const int32_t *)test->start.data + (size_t)x * test->y.lanes + o;
	const int64_t p = start[0] + products_of(test, y / 2, 0, x, o);
	const int64_t q = start[(size_t)test->window.out_w * test->y.lanes] + products_of(test, y / 2, 1, x, o);

	return y % 2 ? p - q + products_of(test, y / 2, 3, x, o) : p + q + products_of(test, y / 2, 2, x, o);
}

static bool
equals(const Case *test, uint32_t y, uint32_t x, uint32_t o, size_t at)
{
	float value = (float)sum_at(test, y, x, o) * test->scale[o];

	value = value + test->bias[o];
	value = test->is_relu && value < 0 ? 0 : value;
	if (!is_bytes)
		return ((const uint16_t *)test->result.data)[at] == rounded_half(value);
	if (test->y_is_float)
		return ((const float *)test->result.data)[at] == value;
	value = value < 0 ? 0 : value > 255 ? 255 : value;
	return ((const uint8_t *)test->result.data)[at] == (uint8_t)nearbyintf(value);
}

/* Two rows at a time by somebody else, as threads share a picture. */
static void
do_sums(const Case *test)
{
	const uint32_t blocks = (test->y.lanes + kernels->block - 1) / kernels->block, part = 2 * noise(pairs_of(test) + 1);
	Conv conv = case_conv(test);

	conv.rows_after = part < conv.window.out_h ? conv.window.out_h - part : 0;
	kernels->conv(&conv, 0, blocks);
	conv.rows_before = part < conv.window.out_h ? part : conv.window.out_h;
	conv.rows_after = 0;
	kernels->conv(&conv, 0, blocks);
}

static void
check_points(const Case *test)
{
	size_t place = 0;

	do_points(test);
	for (uint32_t pair = 0; pair < pairs_of(test); pair++)
		for (int point = 0; point < COLUMN_POINTS; point++)
			for (size_t at = 0; at < test->point; at++, place++) {
				const int found = number_at(test->points.data, place, false);
				CHECK(found == point_at(test, pair, point, at), "%s: pair %u point %d cell %zu: %d, not %d",
				      kernels->name, pair, point, at, found, point_at(test, pair, point, at));
			}
}

static void
check_sums(const Case *test)
{
	do_sums(test);
	for (uint32_t y = 0; y < test->y.h; y++)
		for (uint32_t x = 0; x < test->y.w; x++)
			for (uint32_t o = 0; o < test->y.lanes; o++) {
				const size_t at = y * plane_row(&test->y) + (x + test->y.left) * test->y.lanes + o;
				CHECK(equals(test, y, x, o, at), "%s: row %u of %u column %u of %u channel %u of %u", kernels->name, y,
				      test->y.h, x, test->y.w, o, test->out);
			}
}

/* The sum and the difference alone, side by side. */
static void
check_two(Case *test)
{
	const size_t count = pairs_of(test) * 2 * test->point;
	Columns job = points_of(test);
	Guarded two = guarded(count * kernels->cell);

	job.has_two = true;
	job.points = two.data;
	kernels->columns(&job);
	for (size_t at = 0; at < count; at++) {
		const uint32_t pair = (uint32_t)(at / 2 / test->point);
		const int point = (int)(at / test->point % 2), found = number_at(two.data, at, false);
		CHECK(found == point_at(test, pair, point, at % test->point), "%s: pair %u point %d of two: %d", kernels->name, pair,
		      point, found);
	}
	guarded_release(&two);
}

/* What batch norm wants to know of everything that is written. */
static void
check_moments(const Case *test)
{
	double sum[LANES_MOST] = { 0 }, square[LANES_MOST] = { 0 };
	Conv conv = case_conv(test);

	conv.sum = sum;
	conv.square = square;
	kernels->conv(&conv, 0, (test->y.lanes + kernels->block - 1) / kernels->block);
	for (uint32_t o = 0; o < test->y.lanes; o++) {
		double total = 0, squares = 0;
		for (uint32_t at = 0; at < test->y.h * test->y.w; at++) {
			const double value = (double)sum_at(test, at / test->y.w, at % test->y.w, o);
			total += value;
			squares += value * value;
		}
		CHECK(fabs(sum[o] - total) <= 1e-4 * (1 + sqrt(squares * test->y.h * test->y.w)), "%s: channel %u: sum %g, not %g",
		      kernels->name, o, sum[o], total);
		CHECK(fabs(square[o] - squares) <= 1e-4 * (1 + squares), "%s: channel %u: squares %g, not %g", kernels->name, o,
		      square[o], squares);
	}
}

TEST(columns)
{
	for (int i = 0; i < ROUNDS && check_ok; i++) {
		Case test;
		case_init(&test);
		check_points(&test);
		check_sums(&test);
		if (!is_bytes) {
			check_two(&test);
			check_moments(&test);
		}
		case_release(&test);
	}
}

/* ---- with --bench: shares of the machine's roof, taken in turns; products of direct sums are counted ---- */

static const struct Hot {
	uint32_t size, c, out;
} hot[] = { { 14, 32, 64 }, { 7, 64, 128 }, { 28, 16, 16 }, { 14, 32, 32 }, { 8, 256, 256 } };

static double
seconds_of(const Case *test, bool with_sums)
{
	enum { REPEATS = 500 };
	const Conv conv = case_conv(test);
	const double begin = roof_now();

	for (int i = 0; i < REPEATS; i++) {
		do_points(test);
		if (with_sums)
			kernels->conv(&conv, 0, (test->y.lanes + kernels->block - 1) / kernels->block);
	}
	return (roof_now() - begin) / REPEATS;
}

static void
bench_hot(const struct Hot *h)
{
	enum { TURNS = 15 };
	const double work = 2.0 * h->size * h->size * h->c * h->out * 9;
	double share = 0, points = 0;
	Case test = { .window = { h->size, h->size, h->size, h->size, 3, 3, 1, 1, 1 }, .c = h->c, .out = h->out };

	test.in = (Plane){ .h = h->size, .w = h->size, .lanes = h->c, .left = 1, .right = 1 };
	test.y = (Plane){ .h = h->size, .w = h->size, .lanes = h->out };
	case_memory(&test);
	for (int i = 0; i < TURNS; i++) {
		const double roof = roof_flops(1, is_bytes ? ROOF_INT8 : ROOF_BF16), took = seconds_of(&test, true);
		share += work / took / roof / TURNS;
		points += seconds_of(&test, false) / took / TURNS;
	}
	printf("%-10s %ux%u %u to %u: %.3f of the roof, points take %.3f of it\n", kernels->name, h->size, h->size, h->c, h->out,
	       share, points);
	case_release(&test);
}

int
main(int argc, char **argv)
{
	const bool is_bench = argc > 1 && !strcmp(argv[1], "--bench");

	roof_clock = CLOCK_PROCESS_CPUTIME_ID;
	for (int i = 0; i < TABLES; i++) {
		setenv("FM_CPU", tables[i].name, 1);
		kernels = cpu_kernels(device_host(), tables[i].precision, false);
		if (!kernels) {
			printf("# not on this machine: %s\n", status_message());
			continue;
		}
		is_bytes = kernels->cell == 1;
		for (size_t h = 0; h < sizeof hot / sizeof *hot && is_bench; h++)
			bench_hot(&hot[h]);
		if (is_bench)
			continue;
		printf("# %s\n", kernels->name);
		RUN(columns);
	}
	return is_bench ? 0 : check_done();
}
