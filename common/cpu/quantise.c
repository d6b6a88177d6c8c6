/* quantise.c: activations as bytes, weights as bytes with a scale for every output channel.
 *
 * A stage's output x is stored as q = x / step + zero, rounded to 0 … 255: from 0 where nothing is negative, else about
 * 128. Its input's x is step q + offset (a pixel's step and offset are the picture's, a channel each), so a sum of products
 * w x is unit * (sum of k q) + unit * sum of k offset / step, with whole numbers k = w step / unit. */
#include "cpu/columns.h"
#include "cpu/fold.h"

#include <math.h>
#include <string.h>

/* |sum| of 255 |k| stays below 2^31 */
#define ABSOLUTE_MOST (0x1p31 / 256)

enum { BLOCK_MOST = 32 }; /* channels, of any instruction set */
enum { WEIGHT_MOST = 127, UNSIGNED_MOST = 255, SIGNED_MOST = 127, SIGNED_ZERO = 128 };

/* ---- steps ---- */

static bool
is_nonnegative(const Folded *folded, size_t s)
{
	const StageLayout *stage = &folded->layout.stages[s];

	if (stage->is_relu)
		return true;
	return stage->from >= 0 && stage->other < 0 && !stage->weight && !stage->stage->bn &&
	       is_nonnegative(folded, (size_t)stage->from);
}

void
quantise_ranges(Folded *folded, const float *ranges)
{
	const size_t last = folded->layout.stage_count - 1;

	for (size_t s = 0; s <= last; s++) {
		const float least = ranges[2 * s], most = ranges[2 * s + 1];
		Quantity *quantity = &folded->quantities[s];
		if (s == last && folded->layout.stages[s].is_flat)
			*quantity = (Quantity){ .step = 1 };
		else if (is_nonnegative(folded, s))
			*quantity = (Quantity){ .step = most / UNSIGNED_MOST };
		else
			*quantity = (Quantity){ .step = fmaxf(most, -least) / SIGNED_MOST, .zero = SIGNED_ZERO };
		if (!(quantity->step > 0))
			quantity->step = 1; /* nothing was ever there */
	}
}

/* Of input channel c: x = step q + offset. */
typedef struct Input {
	double step, offset;
} Input;

static Input
input_of(const Folded *folded, size_t s, uint32_t c)
{
	const Net *net = folded->layout.net;
	const int from = folded->layout.stages[s].from;

	if (from < 0)
		return (Input){ (double)net->scale[c], (double)net->shift[c] };
	const Quantity *before = &folded->quantities[from];
	return (Input){ (double)before->step, -(double)before->step * (double)before->zero };
}

/* What the output of another stage, which is added as it is stored, has too much. */
static double
added_offset(const Folded *folded, size_t s)
{
	const int other = folded->layout.stages[s].other;

	return other < 0 ? 0 : -(double)folded->quantities[other].step * (double)folded->quantities[other].zero;
}

float
quantise_added_step(const Folded *folded, size_t s)
{
	const int other = folded->layout.stages[s].other;

	return (float)((double)folded->quantities[other].step / (double)folded->quantities[s].step);
}

static bool
has_offset(const Folded *folded, size_t s)
{
	const Net *net = folded->layout.net;
	const int from = folded->layout.stages[s].from;

	for (uint32_t c = 0; c < net->input.c && from < 0; c++)
		if (net->shift[c] != 0)
			return true;
	return from >= 0 && folded->quantities[from].zero != 0;
}

static bool
overhangs(const Window *win)
{
	return win->pad_top || win->pad_left || (win->out_h - 1) * win->stride + win->kernel_h > win->in_h ||
	       (win->out_w - 1) * win->stride + win->kernel_w > win->in_w;
}

bool
quantise_needs_map(const Folded *folded, size_t s)
{
	const StageLayout *stage = &folded->layout.stages[s];

	return (stage->kind == MAIN_CONV || stage->kind == MAIN_ROWS) && has_offset(folded, s) && overhangs(&stage->window) &&
	       !stage_has_columns(stage);
}

bool
quantise_is_too_deep(const StageLayout *stage)
{
	return (double)stage->taps * stage->depth > ABSOLUTE_MOST;
}

/* ---- weights ---- */

/* One block of a stage's output channels. */
typedef struct Block {
	const Folded *folded;
	size_t s;
	const StageLayout *stage;
	uint32_t first, lanes; /* channels */
	bool has_columns;
	size_t rows;	       /* of weights, taps x depth */
	const float *from;     /* [rows][block] */
	float *to;
	const float *scale;    /* batch norm's, [lanes] */
	double *unit;	       /* [lanes] */
	double *offsets;       /* [window's taps][block]: what a tap's offsets add, in the output's numbers */
} Block;

/* of the window; a dense layer has one */
static uint32_t
taps_of(const StageLayout *stage)
{
	return stage->kind == MAIN_ROWS ? stage->window.kernel_h * stage->window.kernel_w : stage->taps;
}

/* of row `row` of the weights, [taps][depth] */
static uint32_t
tap_of(const StageLayout *stage, size_t row)
{
	return (uint32_t)(row / (stage->kind == MAIN_ROWS ? stage->stage->in.c : stage->depth));
}

static Input
input_of_row(const Block *b, size_t row)
{
	if (b->has_columns) /* halved; its zeros are taken from where sums begin */
		return (Input){ 2 * input_of(b->folded, b->s, 0).step, 0 };
	return input_of(b->folded, b->s, b->stage->from >= 0 ? 0 : (uint32_t)(row % b->folded->layout.net->input.c));
}

/* As fine as 8 bits allow, and coarse enough that no sum can leave 32 bits: rounding adds at most 1/2 a weight. */
static void
find_units(const Block *b, double *largest, double *absolute)
{
	const size_t rows = b->rows, block = b->folded->layout.block;
	const double most = b->has_columns ? columns_absolute_most() : ABSOLUTE_MOST;

	for (uint32_t i = 0; i < b->lanes; i++)
		largest[i] = absolute[i] = 0;
	for (size_t row = 0; row < rows; row++) {
		const double step = input_of_row(b, row).step;
		for (uint32_t i = 0; i < b->lanes; i++) {
			const double size = fabs((double)b->from[row * block + i] * step);
			largest[i] = size > largest[i] ? size : largest[i];
			absolute[i] += size;
		}
	}
	for (uint32_t i = 0; i < b->lanes; i++) {
		const double scale = fabs((double)b->scale[i]), room = most - 0.5 * (double)rows;
		b->unit[i] = scale * fmax(largest[i] / WEIGHT_MOST, absolute[i] / room);
		if (!(b->unit[i] > 0 && isfinite(b->unit[i])))
			b->unit[i] = 1;
	}
}

/* To a whole number, ties to even; |a| < 2^51. A call for every weight would be dear. */
static inline double
rounded(double a)
{
	const double shifted = a + 0x1.8p52;

	return shifted - 0x1.8p52;
}

static void
quantise_rows(const Block *b)
{
	const size_t rows = b->rows, block = b->folded->layout.block;
	double factor[BLOCK_MOST];

	for (uint32_t i = 0; i < b->lanes; i++)
		factor[i] = (double)b->scale[i] / b->unit[i];
	for (size_t row = 0; row < rows; row++) {
		const Input input = input_of_row(b, row);
		const size_t tap = tap_of(b->stage, row) * block;
		for (uint32_t i = 0; i < b->lanes; i++) {
			const double weight = (double)b->from[row * block + i];
			const double k = rounded(weight * input.step * factor[i]);
			b->to[row * block + i] = (float)(isfinite(k) ? k : 0);
			if (input.offset != 0)
				b->offsets[tap + i] += input.step != 0 ? b->unit[i] * k * (input.offset / input.step)
							      : (double)b->scale[i] * weight * input.offset;
		}
	}
}

/* ---- from sums to bytes ---- */

/* offsets of the taps that lie inside the picture at one output pixel */
static double
offsets_at(const Block *b, uint32_t y, uint32_t x, uint32_t i)
{
	const Window *win = &b->stage->window;
	double sum = 0;

	for (uint32_t ky = 0; ky < win->kernel_h; ky++) {
		const int64_t iy = (int64_t)y * win->stride + ky - win->pad_top;
		for (uint32_t kx = 0; iy >= 0 && iy < win->in_h && kx < win->kernel_w; kx++) {
			const int64_t ix = (int64_t)x * win->stride + kx - win->pad_left;
			if (ix >= 0 && ix < win->in_w)
				sum += b->offsets[(ky * win->kernel_w + kx) * b->folded->layout.block + i];
		}
	}
	return sum;
}

static void
set_ending(const Block *b, float *scale, float *shift, float *map)
{
	const Quantity *out = &b->folded->quantities[b->s];
	const double inverse = 1 / (double)out->step, zero = (double)out->zero;
	const uint32_t block = b->folded->layout.block, taps = taps_of(b->stage), lanes = b->stage->y.lanes;
	const double added = added_offset(b->folded, b->s);

	for (uint32_t i = 0; i < b->lanes; i++) {
		double sum = (double)shift[i] + added;
		for (uint32_t y = 0; map && y < b->stage->y.h; y++)
			for (uint32_t x = 0; x < b->stage->y.w; x++)
				map[((size_t)y * b->stage->y.w + x) * lanes + i] =
					(float)(((double)shift[i] + added + offsets_at(b, y, x, i)) * inverse + zero);
		for (uint32_t tap = 0; tap < taps; tap++)
			sum += b->offsets[tap * block + i];
		scale[i] = (float)(b->unit[i] * inverse);
		shift[i] = (float)(sum * inverse + zero);
	}
}

static void
quantise_weights(Folded *folded, size_t s, const float *param)
{
	const StageLayout *stage = &folded->layout.stages[s];
	const uint32_t block = folded->layout.block, blocks = (stage->channels + block - 1) / block;
	double unit[BLOCK_MOST], largest[BLOCK_MOST], absolute[BLOCK_MOST];

	for (uint32_t n = 0; n < blocks; n++) {
		const uint32_t first = n * block, left = stage->channels - first;
		const size_t offset = stage->weight->offset + n * stage->weight->block_stride;
		Block b = {
			.folded = folded, .s = s, .stage = stage, .first = first, .lanes = left < block ? left : block,
			.has_columns = stage_has_columns(stage), .rows = (size_t)stage->taps * stage->depth, .from = param + offset,
			.to = folded->weight + offset, .scale = folded->scale[s] + first, .unit = unit, .offsets = folded->offsets,
		};
		if (b.has_columns) {
			columns_weights(folded->kernels->floats, stage, b.from, folded->column_block);
			b.rows = (size_t)COLUMN_TAPS * stage->depth;
			b.from = b.to = folded->column_block;
		}
		memset(folded->offsets, 0, (size_t)taps_of(stage) * block * sizeof *folded->offsets);
		find_units(&b, largest, absolute);
		quantise_rows(&b);
		if (b.has_columns)
			columns_pack(folded, s, n, folded->column_block);
		set_ending(&b, folded->scale[s] + first, folded->shift[s] + first,
			   folded->map[s] ? folded->map[s] + first : NULL);
	}
}

/* Channels of their own have few products, which are floats: of what a byte is above its zero, in steps of the output.
 * scale becomes the zero. */
static void
quantise_depthwise(Folded *folded, size_t s, const float *param)
{
	const StageLayout *stage = &folded->layout.stages[s];
	const Quantity *in = &folded->quantities[stage->from], *out = &folded->quantities[s];
	const double inverse = 1 / (double)out->step, added = added_offset(folded, s);
	const float *from = param + stage->weight->offset;
	float *to = folded->weight + stage->weight->offset, *scale = folded->scale[s], *shift = folded->shift[s];
	const uint32_t lanes = stage->y.lanes;

	for (size_t i = 0; i < stage->weight->count; i++)
		to[i] = i % lanes < stage->channels
				? (float)((double)from[i] * (double)scale[i % lanes] * (double)in->step * inverse)
				: 0;
	for (uint32_t c = 0; c < stage->channels; c++)
		shift[c] = (float)(((double)shift[c] + added) * inverse + (double)out->zero);
	for (uint32_t c = 0; c < lanes; c++)
		scale[c] = in->zero;
}

/* A stage without weights scales its input's bytes to its own. */
static void
quantise_affine(Folded *folded, size_t s)
{
	const StageLayout *stage = &folded->layout.stages[s];
	const Quantity *out = &folded->quantities[s];
	const uint32_t pixels = stage->kind == MAIN_FLATTEN ? stage->in.h * stage->in.w : 1;

	for (uint32_t c = 0; c < stage->channels; c++) {
		const Input input = input_of(folded, s, stage->from >= 0 ? 0 : c / pixels);
		const double scale = (double)folded->scale[s][c], step = (double)out->step;
		const double sum = (double)folded->shift[s][c] + added_offset(folded, s) + scale * input.offset;
		folded->shift[s][c] = (float)(sum / step + (double)out->zero);
		folded->scale[s][c] = (float)(scale * input.step / step);
	}
}

void
quantise_stage(Folded *folded, size_t s, const float *param)
{
	if (folded->layout.stages[s].kind == MAIN_DEPTHWISE)
		quantise_depthwise(folded, s, param);
	else if (folded->layout.stages[s].weight)
		quantise_weights(folded, s, param);
	else
		quantise_affine(folded, s);
}
