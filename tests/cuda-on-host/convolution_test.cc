/* Every kernel that convolves, against the reference: numbers that 16 bits and TF32 hold, so that only sums round. */
#include "compare.h"
#include "direct.h"
#include "first_weight.h"
#include "norm.h"
#include "patch_weight.h"
#include "product.h"

extern "C" {
Status layer_infer(Layer *layer); /* net/shape.h is C alone */
}

struct Case {
	uint32_t n;
	Shape in;
	uint32_t units, kernel_h, kernel_w, stride;
	bool is_same;
};

static Shape
shape(uint32_t h, uint32_t w, uint32_t c)
{
	return Shape{ h, w, c, false };
}

/* Less and more than a tile of pixels and of channels, depths that end within a step, strides, padding on one side. */
static const Case cases[] = {
	{ 3, shape(7, 6, 16), 64, 3, 3, 1, true },    { 5, shape(6, 5, 32), 36, 3, 3, 1, true },
	{ 2, shape(9, 8, 1), 32, 4, 4, 1, true },     { 2, shape(9, 11, 24), 72, 3, 2, 2, false },
	{ 1, shape(5, 5, 8), 8, 5, 5, 1, false },     { 7, shape(5, 4, 40), 132, 1, 1, 1, true },
	{ 4, shape(6, 6, 3), 12, 3, 3, 2, true },     { 5, shape(6, 10, 16), 64, 3, 3, 1, true },
	{ 3, shape(14, 14, 1), 32, 4, 4, 1, true },   { 2, shape(10, 9, 8), 36, 3, 2, 1, false },
	/* patches: pools and none, several tiles and chunks of channels, one tap, taps to one side, tiles of 48 */
	{ 2, shape(14, 14, 32), 64, 3, 3, 1, true },  { 3, shape(7, 7, 64), 128, 3, 3, 1, true },
	{ 3, shape(6, 10, 48), 96, 3, 3, 1, true },   { 5, shape(5, 7, 128), 40, 1, 1, 1, true },
	{ 3, shape(8, 6, 80), 48, 3, 2, 1, true },    { 9, shape(1, 9, 96), 24, 1, 3, 1, true },
	/* first layers: colours, several steps of depth, several tiles of channels */
	{ 3, shape(8, 10, 3), 40, 3, 3, 1, true },    { 2, shape(9, 7, 2), 72, 5, 5, 1, true },
	/* weights by patches: several slices of several steps, a step that ends early, one row, tiles partly filled, groups of taps */
	{ 5, shape(14, 14, 32), 64, 3, 3, 1, true },  { 3, shape(5, 6, 32), 64, 3, 3, 1, true },
	{ 15, shape(1, 9, 64), 40, 3, 3, 1, true },   { 3, shape(6, 7, 48), 72, 3, 4, 1, true },
	{ 2, shape(9, 6, 32), 64, 5, 5, 1, true },    { 9, shape(8, 9, 16), 32, 3, 3, 1, true },
	/* pictures too wide for a patch by 32 channels, by 16, and for one of the weights' derivative */
	{ 1, shape(2, 260, 64), 16, 3, 3, 1, true },  { 1, shape(2, 600, 32), 32, 3, 3, 1, true },
	/* windows larger than the picture */
	{ 3, shape(3, 3, 16), 64, 5, 5, 1, true },    { 2, shape(3, 4, 32), 36, 7, 5, 2, true },
	/* windows of few numbers: 27, 25, 28, 16, 15 and 12 of them, with columns that end within a block's */
	{ 5, shape(17, 13, 3), 40, 3, 3, 2, true },   { 2, shape(9, 7, 1), 8, 5, 5, 1, true },
	{ 3, shape(5, 12, 2), 24, 2, 7, 1, true },    { 4, shape(8, 6, 4), 72, 2, 2, 1, false },
	{ 1, shape(4, 3, 1), 16, 15, 1, 1, true },    { 3, shape(5, 5, 12), 8, 1, 1, 1, true },
};

static Layer
layer_of(const Case &test)
{
	Layer layer = {};

	layer.kind = LAYER_CONV;
	layer.in = test.in;
	layer.units = test.units;
	layer.kernel_h = test.kernel_h;
	layer.kernel_w = test.kernel_w;
	layer.stride = test.stride;
	layer.is_same = test.is_same;
	if (layer_infer(&layer))
		abort();
	return layer;
}

static Convolution
convolution_of(const Layer &layer)
{
	return Convolution{ layer.in.h,	    layer.in.w,	    layer.in.c,	  layer.out.h,	 layer.out.w,	layer.out.c,
			    layer.kernel_h, layer.kernel_w, layer.stride, layer.pad_top, layer.pad_left };
}

/* [out][in][taps] to [taps][in][out] */
static Floats
turned(const Layer &layer, const Floats &weight)
{
	const size_t taps = layer.kernel_h * layer.kernel_w, in = layer.in.c, out = layer.units;
	Floats values(weight.size());

	for (size_t o = 0; o < out; o++)
		for (size_t c = 0; c < in; c++)
			for (size_t tap = 0; tap < taps; tap++)
				values[(tap * in + c) * out + o] = weight[(o * in + c) * taps + tap];
	return values;
}

static Floats
moments_of(const Floats &y, uint32_t rows, uint32_t c)
{
	Floats moments;

	for (uint32_t first = 0; first < rows; first += DIRECT_ROWS)
		for (uint32_t k = 0; k < c; k++) {
			const uint32_t end = first + DIRECT_ROWS < rows ? first + DIRECT_ROWS : rows;
			double mean = 0, squares = 0;

			for (uint32_t row = first; row < end; row++)
				mean += static_cast<double>(y[static_cast<size_t>(row) * c + k]) / (end - first);
			for (uint32_t row = first; row < end; row++) {
				const double rest = static_cast<double>(y[static_cast<size_t>(row) * c + k]) - mean;

				squares += rest * rest;
			}
			moments.push_back(static_cast<float>(mean));
			moments.push_back(static_cast<float>(squares));
		}
	return moments;
}

/* What the reference says of a case, and the case's numbers. */
struct Truth {
	Layer layer;
	uint32_t n;
	Floats x, weight, dy, y, dx, dweight, moments;
};

static Truth
truth_of(const Case &test)
{
	const Layer layer = layer_of(test);
	const size_t in = shape_size(layer.in) * test.n, out = shape_size(layer.out) * test.n;
	Truth truth = { layer, test.n, noises(in), {}, noises(out), {}, {}, {}, {} };

	truth.weight = noises(static_cast<size_t>(layer.units) * layer.in.c * layer.kernel_h * layer.kernel_w);
	truth.y.resize(out);
	truth.dx.resize(in);
	truth.dweight.resize(truth.weight.size());
	ref_conv_forward(&layer, test.n, truth.x.data(), truth.weight.data(), nullptr, truth.y.data());
	ref_conv_backward(&layer, test.n, truth.x.data(), truth.weight.data(), truth.dy.data(), truth.dx.data(),
			  truth.dweight.data(), nullptr);
	truth.moments = moments_of(truth.y, test.n * layer.out.h * layer.out.w, layer.units);
	return truth;
}

/* Of every window of a 2x2 pool the element that gamma's sign makes win, of equal ones the first; and which it is. */
template <typename Cell>
static void
winners_ref(const Truth &truth, const Floats &gamma, Floats *value, Floats *element)
{
	const Shape out = truth.layer.out;

	for (uint32_t row = 0; row < truth.n * out.h / 2; row++)
		for (uint32_t x = 0; x < out.w / 2; x++)
			for (uint32_t k = 0; k < out.c; k++) {
				float best = 0;
				uint32_t first = 4;

				for (uint32_t i = 0; i < 4; i++) {
					const size_t pixel = static_cast<size_t>(2 * row + i / 2) * out.w + 2 * x + i % 2;
					const float y = widen(narrow<Cell>(truth.y[pixel * out.c + k]));

					if (first == 4 || y * gamma[k] > best * gamma[k]) {
						best = y;
						first = i;
					}
				}
				value->push_back(best);
				element->push_back(static_cast<float>(first));
			}
}

/* Winners, with y and batch norm's moments of the whole batch, or alone. */
template <typename Cell>
static void
check_winners(const Truth &truth, const Convolution &conv, const char *text)
{
	const uint32_t rows = truth.n * conv.out_h * conv.out_w, tiles = (rows + DIRECT_ROWS - 1) / DIRECT_ROWS;
	const Floats turned_weight = turned(truth.layer, truth.weight);
	Floats gamma = noises(conv.out_c), right, element, found_element;
	gamma[1] = 0;
	const Buffer<Cell> x(truth.x), weight(turned_weight);
	const Buffer<float> device_gamma(gamma);
	Buffer<Cell> y(truth.y.size()), value(truth.y.size() / 4), alone(truth.y.size() / 4);
	Buffer<uint8_t> device_element(truth.y.size() / 4);
	Buffer<float2> moments(static_cast<size_t>(tiles) * conv.out_c);
	Buffer<float> scale(conv.out_c), shift(conv.out_c), mean(conv.out_c), inverse(conv.out_c), variance(conv.out_c);

	winners_ref<Cell>(truth, gamma, &right, &element);
	direct_forward(host_work, conv, truth.n, x.cells, weight.cells, y.cells, moments.cells,
		       Winners<Cell>{ device_gamma.cells, value.cells, device_element.cells });
	norm_finish(host_work, rows, DIRECT_ROWS, conv.out_c, moments.cells,
		    Norm{ device_gamma.cells, device_gamma.cells, nullptr, scale.cells, shift.cells, inverse.cells, inverse.cells,
			  mean.cells, variance.cells });
	direct_forward(host_work, conv, truth.n, x.cells, weight.cells, static_cast<Cell *>(nullptr), nullptr,
		       Winners<Cell>{ device_gamma.cells, alone.cells, nullptr });
	CHECK(compare_wait(), "%s", text);
	for (size_t i = 0; i < device_element.count; i++)
		found_element.push_back(device_element.cells[i]);
	std::vector<double> right_mean(conv.out_c), right_variance(conv.out_c);
	ref_bn_statistics(rows, conv.out_c, truth.y.data(), right_mean.data(), right_variance.data());
	Floats means(right_mean.begin(), right_mean.end()), variances;
	for (const double square : right_variance)
		variances.push_back(static_cast<float>(square * rows / (rows - 1)));
	CHECK(worst(y, truth.y) <= tolerance<Cell>(), "%s: y by %g", text, worst(y, truth.y));
	/* sums of eighths' products are exact: so are cells made of them, and ties */
	CHECK(worst(value, right) == 0, "%s: winners by %g", text, worst(value, right));
	CHECK(worst(alone, right) == 0, "%s: winners alone by %g", text, worst(alone, right));
	CHECK(worst(mean, means) <= 1e-6 && worst(variance, variances) <= 1e-5, "%s: mean by %g, variance by %g", text,
	      worst(mean, means), worst(variance, variances));
	for (size_t i = 0; i < element.size(); i++)
		CHECK(element[i] == found_element[i], "%s: element %zu is %g, not %g", text, i, static_cast<double>(found_element[i]),
		      static_cast<double>(element[i]));
}

static bool
test_is_small(const Truth &truth)
{
	return truth.y.size() * truth.weight.size() < 30000000;
}

template <typename Cell>
static void
check_direct(const Truth &truth, const Convolution &conv, const char *text)
{
	const Floats device_weight = turned(truth.layer, truth.weight);
	const Buffer<Cell> x(truth.x), weight(device_weight), dy(truth.dy);
	Buffer<Cell> y(truth.y.size()), dx(truth.dx.size()), scratch(truth.weight.size());
	Buffer<float> dweight(truth.weight.size()), moments(truth.moments.size()), slices(direct_weight_room(conv, truth.n));

	if (direct_has_forward(conv, 0)) {
		direct_forward(host_work, conv, truth.n, x.cells, weight.cells, y.cells, reinterpret_cast<float2 *>(moments.cells),
			       Winners<Cell>{});
		cudaStreamSynchronize(host_work.stream);
		CHECK(worst(y, truth.y) <= tolerance<Cell>(), "%s: y by %g", text, worst(y, truth.y));
		CHECK(worst(moments, truth.moments) <= 1e-5, "%s: moments by %g", text, worst(moments, truth.moments));
	}
	if (direct_has_forward(conv, 4) && test_is_small(truth)) {
		Floats later(4); /* weights that no 16 bytes begin with */

		later.insert(later.end(), device_weight.begin(), device_weight.end());
		const Buffer<Cell> unaligned(later);
		direct_forward(host_work, conv, truth.n, x.cells, unaligned.cells + 4, y.cells, nullptr, Winners<Cell>{});
		cudaStreamSynchronize(host_work.stream);
		CHECK(worst(y, truth.y) <= tolerance<Cell>(), "%s: y by %g, weights not on 16 bytes", text, worst(y, truth.y));
	}
	if (direct_has_input(conv)) {
		direct_input(host_work, conv, truth.n, dy.cells, weight.cells, scratch.cells, dx.cells);
		cudaStreamSynchronize(host_work.stream);
		CHECK(worst(dx, truth.dx) <= tolerance<Cell>(), "%s: dx by %g", text, worst(dx, truth.dx));
	}
	if (direct_has_weight(conv)) {
		direct_weight(host_work, conv, truth.n, x.cells, dy.cells, slices.cells, 0.5F, dweight.cells);
		cudaStreamSynchronize(host_work.stream);
		Floats right = turned(truth.layer, truth.dweight);
		for (float &value : right)
			value /= 2;
		CHECK(worst(dweight, right) <= 1e-6, "%s: dweight by %g", text, worst(dweight, right));
	}
}

/* The kernel for windows of few numbers. */
template <typename Cell>
static void
check_first(const Truth &truth, const Convolution &conv, const char *text)
{
	const Buffer<Cell> x(truth.x), dy(truth.dy);
	Buffer<float> dweight(truth.weight.size()), slices(first_weight_room(conv, truth.n));
	Floats right = turned(truth.layer, truth.dweight);

	first_weight(host_work, conv, truth.n, x.cells, dy.cells, slices.cells, 0.5F, dweight.cells);
	CHECK(compare_wait(), "%s", text);
	for (float &value : right)
		value /= 2;
	CHECK(worst(dweight, right) <= 1e-6, "%s: dweight by %g", text, worst(dweight, right));
}

template <typename Cell>
static void
check_windows(const Truth &truth, const Convolution &conv, const char *text)
{
	const Floats device_weight = turned(truth.layer, truth.weight);
	const Buffer<Cell> x(truth.x), weight(device_weight), dy(truth.dy);
	Buffer<Cell> y(truth.y.size()), dx(truth.dx.size()), windows(convolution_window_room(conv, truth.n) + 1);
	Buffer<float> dweight(truth.weight.size());

	convolution_forward(host_work, conv, truth.n, x.cells, weight.cells, windows.cells, y.cells);
	convolution_input(host_work, conv, truth.n, dy.cells, weight.cells, windows.cells, dx.cells);
	convolution_weight(host_work, conv, truth.n, x.cells, dy.cells, windows.cells, 1, dweight.cells);
	cudaStreamSynchronize(host_work.stream);
	CHECK(worst(y, truth.y) <= tolerance<Cell>(), "%s: y by %g", text, worst(y, truth.y));
	CHECK(worst(dx, truth.dx) <= 2 * conv.kernel_h * conv.kernel_w * tolerance<Cell>(), "%s: dx by %g", text, worst(dx, truth.dx));
	CHECK(worst(dweight, turned(truth.layer, truth.dweight)) <= 1e-6, "%s: dweight", text);
}

/* All cases, by one kind of cell and multiplier. */
template <typename Cell>
static void
check_all(bool has_tensor_cores)
{
	host_work.has_tensor_cores = has_tensor_cores;
	for (const Case &test : cases) {
		const Truth truth = truth_of(test);
		const Convolution conv = convolution_of(truth.layer);
		char text[100];

		snprintf(text, sizeof text, "%ux%ux%u to %u by %ux%u stride %u", conv.in_h, conv.in_w, conv.in_c, conv.out_c,
			 conv.kernel_h, conv.kernel_w, conv.stride);
		check_direct<Cell>(truth, conv, text);
		if (check_ok && direct_has_forward(conv, 0) && direct_has_winners(conv))
			check_winners<Cell>(truth, conv, text);
		if (check_ok && !has_tensor_cores && first_has_weight(conv))
			check_first<Cell>(truth, conv, text);
		if (check_ok && !has_tensor_cores)
			check_windows<Cell>(truth, conv, text);
		if (!check_ok)
			return;
	}
}

/* More pixels than there are slices of them at a time, and a last slice that isn't full. */
TEST(many_pixels)
{
	static const Case many[] = { { 32, shape(34, 34, 1), 8, 5, 5, 1, true }, { 61, shape(34, 34, 1), 8, 2, 2, 1, true } };

	for (const Case &test : many) {
		const Truth truth = truth_of(test);
		const Convolution conv = convolution_of(truth.layer);

		CHECK(first_has_weight(conv) && !direct_has_weight(conv), "which kernel has it");
		check_first<Brain>(truth, conv, "many pixels");
	}
}

/* Of stride 1, with outputs as many as inputs. */
static Convolution
same(uint32_t h, uint32_t w, uint32_t in_c, uint32_t out_c, uint32_t kernel)
{
	return convolution_of(layer_of(Case{ 1, shape(h, w, in_c), out_c, kernel, kernel, 1, true }));
}

/* How many slices follows from the shape; scratch for as many is there, also of a smaller batch. */
TEST(slices)
{
	Convolution strided = same(8, 8, 32, 64, 3);

	strided.stride = 2;
	CHECK(patch_weight_slices(same(14, 14, 32, 64, 3), 5) == FM_WEIGHT_BLOCKS, "as many as blocks are wanted");
	CHECK(patch_weight_slices(same(14, 14, 32, 64, 3), 1) == 2, "of 128 pixels at least");
	CHECK(patch_weight_slices(same(14, 14, 64, 65 * 8, 3), 5) == 1, "one, where tiles are enough");
	for (const Convolution &other : { same(8, 8, 32, 64, 1), same(8, 8, 24, 64, 3), same(8, 8, 32, 68, 3), same(8, 8, 16, 8, 3),
					  same(300, 300, 32, 64, 3), strided })
		CHECK(!patch_weight_slices(other, 2), "%ux%ux%u to %u: not by patches", other.in_h, other.in_w, other.in_c, other.out_c);
	for (uint32_t n = 1; n < 40; n++)
		CHECK(direct_weight_room(same(7, 9, 32, 64, 3), n) >= patch_weight_slices(same(7, 9, 32, 64, 3), n) * 9u * 32 * 64 &&
			      patch_weight_slices(same(7, 9, 32, 64, 3), n) <= patch_weight_slices(same(7, 9, 32, 64, 3), n + 1),
		      "room for %u samples", n);
}

TEST(floats) { check_all<float>(false); }
TEST(halves) { check_all<Half>(false); }
TEST(tensor_cores_on_floats) { check_all<float>(true); }
TEST(tensor_cores_on_halves) { check_all<Half>(true); }
TEST(tensor_cores_on_bfloats) { check_all<Brain>(true); }

static void
run(void)
{
	RUN(many_pixels);
	RUN(slices);
	RUN(floats);
	RUN(halves);
	RUN(tensor_cores_on_floats);
	RUN(tensor_cores_on_halves);
	RUN(tensor_cores_on_bfloats);
}

int
main(void)
{
	return compare_main(run);
}
