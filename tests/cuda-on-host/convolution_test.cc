/* Every kernel that convolves, against the reference: numbers that 16 bits and TF32 hold, so that only sums round. */
#include "cuda_runtime.h"
#include "direct.h"
#include "emulator.h"
#include "norm.h"
#include "product.h"

extern "C" {
#include "ref/operations.h"
Status layer_infer(Layer *layer); /* net/shape.h is C alone */
}
#include "unit/check.h"

#include <stdlib.h>
#include <vector>

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
	{ 4, shape(6, 6, 3), 12, 3, 3, 2, true },
};

static size_t
shape_size(Shape of)
{
	return static_cast<size_t>(of.h) * of.w * of.c;
}

static Work work;
static uint64_t state = 5;

/* A multiple of 1/8 in [-1, 1]. */
static float
noise(void)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return static_cast<float>(static_cast<int>((state >> 33) % 17) - 8) / 8;
}

static std::vector<float>
noises(size_t count)
{
	std::vector<float> values(count);

	for (float &value : values)
		value = noise();
	return values;
}

/* Device memory: the host may look into it here. */
template <typename Cell>
struct Device {
	Cell *cells;
	size_t count;

	explicit Device(size_t size) : count(size)
	{
		void *memory;

		if (cudaMalloc(&memory, size * sizeof(Cell)))
			abort();
		cells = static_cast<Cell *>(memory);
	}
	explicit Device(const std::vector<float> &values) : Device(values.size())
	{
		for (size_t i = 0; i < count; i++)
			cells[i] = narrow<Cell>(values[i]);
	}
	Device(const Device &) = delete;
	~Device() { cudaFree(cells); }
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
static std::vector<float>
turned(const Layer &layer, const std::vector<float> &weight)
{
	const size_t taps = layer.kernel_h * layer.kernel_w, in = layer.in.c, out = layer.units;
	std::vector<float> values(weight.size());

	for (size_t o = 0; o < out; o++)
		for (size_t c = 0; c < in; c++)
			for (size_t tap = 0; tap < taps; tap++)
				values[(tap * in + c) * out + o] = weight[(o * in + c) * taps + tap];
	return values;
}

/* The largest error of what a kernel wrote, in parts of 1 + the right number's size. */
template <typename Cell>
static double
worst(const Device<Cell> &found, const std::vector<float> &right)
{
	double most = 0;

	for (size_t i = 0; i < right.size(); i++) {
		const double error = fabs(static_cast<double>(widen(found.cells[i])) - static_cast<double>(right[i])) /
				     (1 + fabs(static_cast<double>(right[i])));

		if (!(error <= most))
			most = error;
	}
	return most;
}

/* Half a unit in the last place of a stored cell, or what fp32 sums of some thousand products lose. */
template <typename Cell> static double tolerance(void);
template <> double tolerance<float>(void) { return 1e-6; }
template <> double tolerance<Half>(void) { return 1.0 / 2048; }
template <> double tolerance<Brain>(void) { return 1.0 / 256; }

static std::vector<float>
moments_of(const std::vector<float> &y, uint32_t rows, uint32_t c)
{
	std::vector<float> moments;

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
	std::vector<float> x, weight, dy, y, dx, dweight, moments;
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

template <typename Cell>
static void
check_direct(const Truth &truth, const Convolution &conv, const char *text)
{
	const std::vector<float> device_weight = turned(truth.layer, truth.weight);
	const Device<Cell> x(truth.x), weight(device_weight), dy(truth.dy);
	Device<Cell> y(truth.y.size()), dx(truth.dx.size()), scratch(truth.weight.size());
	Device<float> dweight(truth.weight.size()), moments(truth.moments.size()), slices(direct_weight_room(conv, truth.n));

	if (direct_has_forward(conv, 0)) {
		direct_forward(work, conv, truth.n, x.cells, weight.cells, y.cells, reinterpret_cast<float2 *>(moments.cells));
		cudaStreamSynchronize(work.stream);
		CHECK(worst(y, truth.y) <= tolerance<Cell>(), "%s: y by %g", text, worst(y, truth.y));
		CHECK(worst(moments, truth.moments) <= 1e-5, "%s: moments by %g", text, worst(moments, truth.moments));
	}
	if (direct_has_input(conv)) {
		direct_input(work, conv, truth.n, dy.cells, weight.cells, scratch.cells, dx.cells);
		cudaStreamSynchronize(work.stream);
		CHECK(worst(dx, truth.dx) <= tolerance<Cell>(), "%s: dx by %g", text, worst(dx, truth.dx));
	}
	if (direct_has_weight(conv)) {
		direct_weight(work, conv, truth.n, x.cells, dy.cells, slices.cells, 0.5F, dweight.cells);
		cudaStreamSynchronize(work.stream);
		std::vector<float> right = turned(truth.layer, truth.dweight);
		for (float &value : right)
			value /= 2;
		CHECK(worst(dweight, right) <= 1e-6, "%s: dweight by %g", text, worst(dweight, right));
	}
}

template <typename Cell>
static void
check_windows(const Truth &truth, const Convolution &conv, const char *text)
{
	const std::vector<float> device_weight = turned(truth.layer, truth.weight);
	const Device<Cell> x(truth.x), weight(device_weight), dy(truth.dy);
	Device<Cell> y(truth.y.size()), dx(truth.dx.size()), windows(convolution_window_room(conv, truth.n) + 1);
	Device<float> dweight(truth.weight.size());

	convolution_forward(work, conv, truth.n, x.cells, weight.cells, windows.cells, y.cells);
	convolution_input(work, conv, truth.n, dy.cells, weight.cells, windows.cells, dx.cells);
	convolution_weight(work, conv, truth.n, x.cells, dy.cells, windows.cells, 1, dweight.cells);
	cudaStreamSynchronize(work.stream);
	CHECK(worst(y, truth.y) <= tolerance<Cell>(), "%s: y by %g", text, worst(y, truth.y));
	CHECK(worst(dx, truth.dx) <= 2 * conv.kernel_h * conv.kernel_w * tolerance<Cell>(), "%s: dx by %g", text, worst(dx, truth.dx));
	CHECK(worst(dweight, turned(truth.layer, truth.dweight)) <= 1e-6, "%s: dweight", text);
}

/* All cases, by one kind of cell and multiplier. */
template <typename Cell>
static void
check_all(bool has_tensor_cores, EmulatorOrder order)
{
	work.has_tensor_cores = has_tensor_cores;
	emulator_order(order);
	for (const Case &test : cases) {
		const Truth truth = truth_of(test);
		const Convolution conv = convolution_of(truth.layer);
		char text[100];

		snprintf(text, sizeof text, "%ux%ux%u to %u by %ux%u stride %u", conv.in_h, conv.in_w, conv.in_c, conv.out_c,
			 conv.kernel_h, conv.kernel_w, conv.stride);
		check_direct<Cell>(truth, conv, text);
		if (check_ok && !has_tensor_cores)
			check_windows<Cell>(truth, conv, text);
		if (!check_ok)
			return;
	}
}

TEST(floats) { check_all<float>(false, EMULATOR_FORWARD); }
TEST(halves) { check_all<Half>(false, EMULATOR_REVERSE); }
TEST(tensor_cores_on_floats) { check_all<float>(true, EMULATOR_RANDOM); }
TEST(tensor_cores_on_halves) { check_all<Half>(true, EMULATOR_FORWARD); }
TEST(tensor_cores_on_bfloats) { check_all<Brain>(true, EMULATOR_REVERSE); }

int
main(void)
{
	void *workspace;

	if (cudaStreamCreateWithFlags(&work.stream, cudaStreamNonBlocking) || cudaMalloc(&workspace, 1024) ||
	    cublasCreate(&work.blas) || cublasSetStream(work.blas, work.stream) ||
	    cublasSetWorkspace(work.blas, workspace, 1024))
		return 1;
	work.compute = CUBLAS_COMPUTE_32F;
	RUN(floats);
	RUN(halves);
	RUN(tensor_cores_on_floats);
	RUN(tensor_cores_on_halves);
	RUN(tensor_cores_on_bfloats);
	cublasDestroy(work.blas);
	cudaFree(workspace);
	cudaStreamDestroy(work.stream);
	return check_done();
}
