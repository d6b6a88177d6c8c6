/* Depthwise convolutions, dense layers, flatten, and the sum of several readers' derivatives, against the reference. */
#include "compare.h"
#include "depthwise.h"
#include "flatten.h"
#include "product.h"
#include "readers.h"

extern "C" {
Status layer_infer(Layer *layer); /* net/shape.h is C alone */
}

static Layer
layer_of(LayerKind kind, Shape in)
{
	Layer layer = {};

	layer.kind = kind;
	layer.in = in;
	return layer;
}

/* [out][in] to [in][out] */
static Floats
turned(const Floats &weight, size_t out, size_t in)
{
	Floats values(weight.size());

	for (size_t o = 0; o < out; o++)
		for (size_t i = 0; i < in; i++)
			values[i * out + o] = weight[o * in + i];
	return values;
}

static Floats
scaled(Floats values, float factor)
{
	for (float &value : values)
		value *= factor;
	return values;
}

/* ---- depthwise ---- */

struct DepthwiseCase {
	uint32_t n;
	Shape in;
	uint32_t kernel_h, kernel_w, stride;
	bool is_same;
};

static const DepthwiseCase depthwise_cases[] = {
	{ 3, { 7, 9, 5, false }, 3, 3, 1, true },   { 2, { 8, 6, 33, false }, 3, 3, 2, true },
	{ 4, { 9, 11, 64, false }, 2, 5, 1, false }, { 1, { 5, 5, 1, false }, 5, 5, 1, true },
	{ 5, { 10, 7, 3, false }, 3, 2, 3, false },  { 2, { 12, 13, 16, false }, 1, 7, 2, true },
};

template <typename Cell>
static void
check_depthwise(const DepthwiseCase &test)
{
	Layer layer = layer_of(LAYER_DEPTHWISE, test.in);

	layer.kernel_h = test.kernel_h;
	layer.kernel_w = test.kernel_w;
	layer.stride = test.stride;
	layer.is_same = test.is_same;
	CHECK(!layer_infer(&layer), "%s", status_message());
	const Convolution shape = { layer.in.h,	    layer.in.w,	    layer.in.c,	  layer.out.h,	 layer.out.w,	layer.out.c,
				    layer.kernel_h, layer.kernel_w, layer.stride, layer.pad_top, layer.pad_left };
	const uint32_t taps = test.kernel_h * test.kernel_w;
	const Floats x = noises(test.n * shape_size(layer.in)), dy = noises(test.n * shape_size(layer.out));
	const Floats weight = noises(static_cast<size_t>(taps) * test.in.c);
	Floats y(dy.size()), dx(x.size()), dweight(weight.size());
	ref_depthwise_forward(&layer, test.n, x.data(), weight.data(), nullptr, y.data());
	ref_depthwise_backward(&layer, test.n, x.data(), weight.data(), dy.data(), dx.data(), dweight.data(), nullptr);

	const Buffer<Cell> device_x(x), device_dy(dy), device_weight(turned(weight, test.in.c, taps));
	Buffer<Cell> device_y(y.size()), device_dx(x.size());
	Buffer<float> wide_y(y.size()), device_dweight(weight.size()), partial(depthwise_weight_room(shape, test.n));
	depthwise_forward(host_work, shape, test.n, device_x.cells, device_weight.cells, device_y.cells);
	depthwise_forward(host_work, shape, test.n, device_x.cells, device_weight.cells, wide_y.cells);
	depthwise_input(host_work, shape, test.n, device_dy.cells, device_weight.cells, device_dx.cells);
	depthwise_weight(host_work, shape, test.n, device_x.cells, device_dy.cells, partial.cells, 0.25F, device_dweight.cells);
	CHECK(compare_wait(), "depthwise");
	CHECK(worst(device_y, y) <= tolerance<Cell>(), "%ux%u: y by %g", test.kernel_h, test.kernel_w, worst(device_y, y));
	CHECK(worst(wide_y, y) <= 1e-6, "%ux%u: y by %g", test.kernel_h, test.kernel_w, worst(wide_y, y));
	CHECK(worst(device_dx, dx) <= tolerance<Cell>(), "%ux%u: dx by %g", test.kernel_h, test.kernel_w, worst(device_dx, dx));
	const double error = worst(device_dweight, scaled(turned(dweight, test.in.c, taps), 0.25F));
	CHECK(error <= 1e-6, "%ux%u: dweight by %g", test.kernel_h, test.kernel_w, error);
}

/* ---- dense ---- */

template <typename Cell>
static void
check_dense(uint32_t n, uint32_t depth, uint32_t units)
{
	Layer layer = layer_of(LAYER_DENSE, Shape{ 1, 1, depth, true });

	layer.units = units;
	CHECK(!layer_infer(&layer), "%s", status_message());
	const size_t size = static_cast<size_t>(depth) * units;
	const Floats x = noises(static_cast<size_t>(n) * depth), dy = noises(static_cast<size_t>(n) * units), weight = noises(size);
	Floats y(dy.size()), dx(x.size()), dweight(size);
	ref_dense_forward(&layer, n, x.data(), weight.data(), nullptr, y.data());
	ref_dense_backward(&layer, n, x.data(), weight.data(), dy.data(), dx.data(), dweight.data(), nullptr);

	const Buffer<Cell> device_x(x), device_dy(dy), device_weight(turned(weight, units, depth));
	Buffer<Cell> device_y(y.size()), device_dx(x.size());
	Buffer<float> wide_y(y.size()), device_dweight(size);
	product_forward(host_work, n, units, depth, device_x.cells, device_weight.cells, device_y.cells);
	product_forward(host_work, n, units, depth, device_x.cells, device_weight.cells, wide_y.cells);
	product_input(host_work, n, units, depth, device_dy.cells, device_weight.cells, device_dx.cells);
	product_weight(host_work, n, units, depth, device_x.cells, device_dy.cells, 0.5F, false, device_dweight.cells);
	product_weight(host_work, n, units, depth, device_x.cells, device_dy.cells, 0.25F, true, device_dweight.cells);
	CHECK(compare_wait(), "dense");
	CHECK(worst(device_y, y) <= tolerance<Cell>(), "%u to %u: y by %g", depth, units, worst(device_y, y));
	CHECK(worst(wide_y, y) <= 1e-6, "%u to %u: y by %g", depth, units, worst(wide_y, y));
	CHECK(worst(device_dx, dx) <= tolerance<Cell>(), "%u to %u: dx by %g", depth, units, worst(device_dx, dx));
	const double error = worst(device_dweight, scaled(turned(dweight, units, depth), 0.75F));
	CHECK(error <= 1e-6, "%u to %u: dweight by %g", depth, units, error);
}

/* ---- flatten, and derivatives that come together ---- */

template <typename Cell>
static void
check_flatten(uint32_t n, Shape in)
{
	const Layer layer = layer_of(LAYER_FLATTEN, in);
	const Floats x = noises(n * shape_size(in)), other = noises(x.size());
	Floats flat(x.size()), back(x.size()), sum(x.size());
	const Buffer<Cell> device_x(x), device_other(other);
	Buffer<Cell> device_flat(x.size()), device_back(x.size()), passed(x.size());
	const uint32_t count = static_cast<uint32_t>(x.size());

	ref_flatten_forward(&layer, n, x.data(), flat.data());
	ref_flatten_backward(&layer, n, x.data(), back.data());
	for (size_t i = 0; i < x.size(); i++)
		sum[i] = x[i] + other[i];
	flatten_forward(host_work, n, in, device_x.cells, device_flat.cells);
	flatten_back(host_work, n, in, device_x.cells, device_back.cells);
	readers_pass(host_work, count, device_x.cells, false, passed.cells);
	CHECK(compare_wait(), "flatten");
	CHECK(worst(device_flat, flat) == 0 && worst(device_back, back) == 0, "%ux%ux%u", in.h, in.w, in.c);
	CHECK(worst(passed, x) == 0, "%ux%ux%u: passed on", in.h, in.w, in.c);
	readers_pass(host_work, count, device_other.cells, true, passed.cells);
	CHECK(compare_wait() && worst(passed, sum) == 0, "%ux%ux%u: added up", in.h, in.w, in.c); /* eighths: nothing rounds */
	/* once more, from where nothing is aligned; the first stays as it is */
	readers_pass(host_work, count - 1, device_x.cells + 1, true, passed.cells + 1);
	for (size_t i = 1; i < x.size(); i++)
		sum[i] += x[i];
	CHECK(compare_wait() && worst(passed, sum) == 0, "%ux%ux%u: added up askew", in.h, in.w, in.c);
}

template <typename Cell>
static void
check_all(void)
{
	for (const DepthwiseCase &test : depthwise_cases)
		if (check_ok)
			check_depthwise<Cell>(test);
	if (check_ok)
		check_dense<Cell>(5, 19, 7);
	if (check_ok)
		check_dense<Cell>(1, 64, 33);
	if (check_ok)
		check_dense<Cell>(37, 3, 1);
	if (check_ok)
		check_flatten<Cell>(3, Shape{ 5, 7, 9, false });
	if (check_ok)
		check_flatten<Cell>(1, Shape{ 1, 3, 300, false });
}

int
main(void)
{
	return compare_main([] { RUN_KINDS(check_all); });
}
