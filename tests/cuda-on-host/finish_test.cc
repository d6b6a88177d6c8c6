/* What stages do after their main layer (batch norm or bias, a sum of branches, ReLU, pools, dropout) and batch norm's
 * statistics, forward and back, against the reference's operations one after the other. */
#include "compare.h"
#include "network.h"

extern "C" {
#include "device/device.h"
}

/* The stage before the last one is looked at; with `is_last_too` the last one. */
struct Case {
	const char *text;
	uint32_t n;
	Shape in;
	bool is_last;
};

static Shape
shape(uint32_t h, uint32_t w, uint32_t c)
{
	return Shape{ h, w, c, false };
}

enum { CLASSES = 3, SEED = 6, EPOCH = 4 };

/* More and less than a tile of rows and of channels, windows that overlap, leave a rest, and are wider than 256. */
static const Case cases[] = {
	{ "bn, flatten, dense classes", 3, shape(11, 9, 5), false },
	{ "bn, relu, maxpool 2, flatten, dense classes", 2, shape(14, 15, 16), false },
	{ "bn, relu, maxpool 3 stride 2, dropout 0.35, flatten, dense classes", 3, shape(9, 12, 7), false },
	{ "bn, maxpool 2 stride 1, flatten, dense classes", 1, shape(5, 6, 13), false },
	{ "maxpool 17 stride 2, flatten, dense classes", 2, shape(19, 18, 2), false },
	{ "bn, relu, avgpool 3 stride 1, flatten, dense classes", 2, shape(6, 7, 9), false },
	{ "relu, avgpool 2, dropout 0.5, flatten, dense classes", 3, shape(7, 5, 3), false },
	{ "bn, relu, globalavgpool, dense classes", 5, shape(4, 7, 16), false },
	{ "dropout 0.2, flatten, dense classes", 4, shape(3, 5, 6), false },
	{ "conv 33 1x1, relu, maxpool 2, flatten, dense classes", 3, shape(6, 7, 4), false },
	{ "conv 64 3x3 same, bn, relu, maxpool 2, flatten, dense classes", 4, shape(8, 10, 2), false },
	{ "flatten, dense 37, bn, relu, dropout 0.35, dense classes", 50, shape(1, 1, 9), false },
	{ "residual(conv 6 3x3 same, bn | conv 6 1x1), relu, maxpool 2, flatten, dense classes", 2, shape(6, 5, 3), false },
	{ "bn, residual(conv 5 1x1 | ), dropout 0.3, flatten, dense classes", 3, shape(4, 3, 5), false },
	{ "residual(bn | conv 3 1x1), relu, avgpool 2, flatten, dense classes", 2, shape(5, 4, 3), false },
	{ "conv 3 1x1 nobias, bn, relu, globalavgpool", 4, shape(5, 6, 2), true },
	{ "conv 3 1x1, maxpool 2, bn, relu, globalavgpool", 3, shape(9, 7, 2), true },
	{ "flatten, dense 20, relu, dense classes", 9, shape(1, 1, 4), true },
	/* finish_vector.cu's: channels in eights, or in fours beside them; with a last block that isn't full */
	{ "conv 24 1x1 nobias, bn, relu, flatten, dense classes", 5, shape(11, 13, 2), false },
	{ "relu, flatten, dense classes", 3, shape(5, 3, 12), false },
	{ "flatten, dense 1024, relu, dense classes", 9, shape(1, 1, 4), false },
	{ "flatten, dense 264, bn, relu, dense classes", 50, shape(1, 1, 4), false },
	{ "flatten, dense 2056, relu, dense classes", 3, shape(1, 1, 4), false },
	{ "bn, relu, dropout 0.35, flatten, dense classes", 3, shape(4, 5, 16), false },
	{ "bn, relu, maxpool 2, flatten, dense classes", 3, shape(14, 16, 16), false },
	{ "bn, relu, maxpool 2, flatten, dense classes", 3, shape(7, 6, 16), false },
	{ "bn, relu, maxpool 1 stride 2, flatten, dense classes", 3, shape(6, 8, 16), false },
	{ "conv 24 1x1 nobias, bn, maxpool 2, flatten, dense classes", 5, shape(6, 4, 3), false },
	{ "relu, maxpool 2, flatten, dense classes", 2, shape(4, 6, 12), false },
	{ "conv 8 1x1, relu, maxpool 2, flatten, dense classes", 2, shape(4, 10, 12), false },
	{ "bn, relu, maxpool 2, dropout 0.35, flatten, dense classes", 3, shape(4, 6, 16), false },
	{ "bn, relu, avgpool 2, flatten, dense classes", 3, shape(4, 6, 16), false },
	{ "residual(conv 16 3x3 same, bn | conv 16 1x1), relu, flatten, dense classes", 7, shape(9, 5, 3), false },
	{ "residual(conv 16 1x1 | conv 16 3x3 same, bn), relu, flatten, dense classes", 2, shape(9, 5, 3), false },
	{ "residual(conv 8 1x1 | conv 8 3x3 same, bn), relu, flatten, dense classes", 5, shape(9, 8, 3), false },
	{ "residual(conv 40 1x1 | conv 40 1x1), flatten, dense classes", 3, shape(3, 4, 4), false },
	{ "residual(conv 8 1x1, bn | ), relu, maxpool 2, flatten, dense classes", 3, shape(4, 6, 8), false },
};

static Backend backend;
static Head head;
static Net net;

/* What the stage is given, and what the reference makes of it. */
struct Truth {
	const Stage *stage;
	uint32_t n, rows, c;
	Floats y, add, gamma, beta, bias, dz;
	std::vector<int64_t> ids;
	Floats z, dy, dadd, dgamma, dbeta, running_mean, running_variance, predicted;
};

static bool
has_map(const Truth &truth)
{
	return truth.stage->bn || !truth.bias.empty();
}

/* y through batch norm or bias, by these statistics. */
static Floats
mapped(const Truth &truth, const double *mean, const double *variance)
{
	Floats h = truth.y;

	if (truth.stage->bn)
		ref_bn_forward(truth.rows, truth.c, truth.y.data(), truth.gamma.data(), truth.beta.data(), mean, variance, h.data());
	else
		for (size_t i = 0; has_map(truth) && i < h.size(); i++)
			h[i] += truth.bias[i % truth.c];
	for (size_t i = 0; i < truth.add.size(); i++)
		h[i] += truth.add[i];
	return h;
}

static bool
is_max(const Stage *stage)
{
	return stage->pool->kind == LAYER_MAXPOOL;
}

static Floats
rectified_ref(const Truth &truth, const Floats &h)
{
	Floats r = h;

	if (truth.stage->relu)
		ref_relu_forward(h.size(), h.data(), r.data());
	return r;
}

static Floats
pooled(const Truth &truth, const Floats &r)
{
	const Stage *stage = truth.stage;
	Floats p(stage->pool ? truth.n * shape_size(stage->pool->out) : r.size());

	if (!stage->pool)
		p = r;
	else
		(is_max(stage) ? ref_maxpool_forward : ref_avgpool_forward)(stage->pool, truth.n, r.data(), p.data());
	return p;
}

static Floats
thinned(const Truth &truth, const Floats &p)
{
	Floats z = p;

	if (truth.stage->dropout)
		ref_dropout(truth.stage->dropout, truth.n, SEED, EPOCH, truth.ids.data(), p.data(), z.data());
	return z;
}

/* From dz to dh, the derivative by what ReLU sees. */
static Floats
back_ref(const Truth &truth, const Floats &h, const Floats &r)
{
	const Stage *stage = truth.stage;
	const Floats dp = thinned(truth, truth.dz);
	Floats dr(r.size()), dh(r.size());

	if (!stage->pool)
		dr = dp;
	else if (is_max(stage))
		ref_maxpool_backward(stage->pool, truth.n, r.data(), dp.data(), dr.data());
	else
		ref_avgpool_backward(stage->pool, truth.n, dp.data(), dr.data());
	if (stage->relu)
		ref_relu_backward(r.size(), h.data(), dr.data(), dh.data());
	else
		dh = dr;
	return dh;
}

static void
norm_ref(Truth *truth, const Floats &dh, const double *mean, const double *variance)
{
	truth->dadd = truth->dy = dh;
	truth->dgamma.resize(truth->c);
	truth->dbeta.assign(truth->c, 0);
	if (truth->stage->bn) {
		ref_bn_backward(truth->rows, truth->c, truth->y.data(), truth->gamma.data(), mean, variance, dh.data(),
				truth->dy.data(), truth->dgamma.data(), truth->dbeta.data());
		return;
	}
	std::vector<double> sums(truth->c);
	for (size_t i = 0; i < dh.size(); i++)
		sums[i % truth->c] += dh[i];
	for (uint32_t k = 0; k < truth->c; k++)
		truth->dbeta[k] = static_cast<float>(sums[k]);
}

/* Running statistics that were 0 until now, and prediction by others. */
static void
statistics_ref(Truth *truth, const double *mean, const double *variance)
{
	std::vector<double> other_mean(truth->c), other_variance(truth->c);

	truth->running_mean.assign(truth->c, 0);
	truth->running_variance.assign(truth->c, 0);
	ref_bn_move(truth->rows, truth->c, mean, variance, truth->running_mean.data(), truth->running_variance.data());
	for (uint32_t k = 0; k < truth->c; k++) {
		truth->running_mean[k] *= 100; /* 1 / (1 - 0.99): the statistic itself */
		truth->running_variance[k] *= 100;
		other_mean[k] = static_cast<double>(truth->beta[k]) / 2;
		other_variance[k] = fabs(static_cast<double>(truth->gamma[k]));
	}
	truth->predicted = pooled(*truth, rectified_ref(*truth, mapped(*truth, other_mean.data(), other_variance.data())));
}

static Truth
truth_of(const StagePlan &plan, uint32_t n)
{
	Truth truth = {};

	truth.stage = plan.stage;
	truth.n = n;
	truth.rows = n * plan.middle.h * plan.middle.w;
	truth.c = plan.middle.c;
	truth.y = noises(static_cast<size_t>(truth.rows) * truth.c);
	truth.gamma = noises(truth.c);
	truth.beta = noises(truth.c);
	for (float &gamma : truth.gamma)
		gamma += 0.03125F; /* none is 0, half of them are negative */
	if (plan.stage->add)
		truth.add = noises(truth.y.size());
	if (plan.bias != NO_TENSOR)
		truth.bias = noises(truth.c);
	truth.dz = noises(n * shape_size(plan.stage->out));
	for (uint32_t i = 0; i < n; i++)
		truth.ids.push_back(static_cast<int64_t>(i) * 1000000007 - 5);
	std::vector<double> mean(truth.c), variance(truth.c);
	ref_bn_statistics(truth.rows, truth.c, truth.y.data(), mean.data(), variance.data());
	const Floats h = mapped(truth, mean.data(), variance.data()), r = rectified_ref(truth, h);
	truth.z = thinned(truth, pooled(truth, r));
	norm_ref(&truth, back_ref(truth, h, r), mean.data(), variance.data());
	statistics_ref(&truth, mean.data(), variance.data());
	return truth;
}

/* A stage's numbers on the device. */
template <typename Y, typename Z, typename DY>
struct Stuff {
	Buffer<Y> y;
	Buffer<DY> add, dy, dadd;
	Buffer<Z> z, dz;
	Buffer<uint32_t> argmax;
	Buffer<float> gamma, beta, bias, scale, shift, mean, inverse, batch_mean, batch_variance, a, b, back_shift, dgamma, dbeta;
	Buffer<float2> partial;
	Buffer<int64_t> ids;

	explicit Stuff(const Truth &truth)
		: y(truth.y), add(truth.add), dy(truth.y.size()), dadd(truth.y.size()), z(truth.z.size()), dz(truth.dz),
		  argmax(truth.z.size()), gamma(truth.gamma), beta(truth.beta), bias(truth.bias), scale(truth.c), shift(truth.c),
		  mean(truth.c), inverse(truth.c), batch_mean(truth.c), batch_variance(truth.c), a(truth.c), b(truth.c),
		  back_shift(truth.c), dgamma(truth.c), dbeta(truth.c),
		  partial(std::max((truth.rows + MOMENT_ROWS - 1) / MOMENT_ROWS, finish_tiles_most(truth.rows)) * static_cast<size_t>(truth.c)), ids(truth.n)
	{
		buffer_put(ids, truth.ids.data());
	}
};

template <typename Y, typename Z, typename DY>
static Norm
norm_of(const Truth &truth, const Stuff<Y, Z, DY> &stuff)
{
	return Norm{ stuff.gamma.cells, stuff.beta.cells, truth.bias.empty() ? nullptr : stuff.bias.cells,
		     stuff.scale.cells, stuff.shift.cells, stuff.mean.cells, stuff.inverse.cells, stuff.batch_mean.cells,
		     stuff.batch_variance.cells };
}

template <typename DY> static AddKind add_kind(void) { return add_kind_of<DY>(); }

template <typename Y, typename Z, typename DY>
static Finish
finish_of(const StagePlan &plan, const Truth &truth, const Stuff<Y, Z, DY> &stuff)
{
	Record record = {};
	const bool has_bias = !truth.bias.empty();

	record.head = &head;
	record.ids = stuff.ids.cells;
	Finish finish = network_finish(plan, truth.n, record, plan.stage->bn ? stuff.scale.cells : nullptr,
				       plan.stage->bn ? stuff.shift.cells : has_bias ? stuff.bias.cells : nullptr);
	finish.add = plan.stage->add ? stuff.add.cells : nullptr;
	finish.add_kind = add_kind<DY>();
	return finish;
}

/* z, and what the running statistics move to. */
template <typename Y, typename Z, typename DY>
static void
check_forward(const Case &test, const Truth &truth, const Finish &finish, const Norm &norm, Stuff<Y, Z, DY> &stuff)
{
	if (truth.stage->bn) {
		norm_moments(host_work, truth.rows, truth.c, stuff.y.cells, stuff.partial.cells);
		norm_finish(host_work, truth.rows, MOMENT_ROWS, truth.c, stuff.partial.cells, norm);
	}
	finish_forward(host_work, finish, stuff.y.cells, stuff.z.cells, stuff.argmax.cells);
	CHECK(compare_wait(), "%s", test.text);
	CHECK(worst(stuff.z, truth.z) <= 4 * tolerance<Z>(), "%s: z by %g", test.text, worst(stuff.z, truth.z));
	if (!truth.stage->bn)
		return;
	Floats mean = truth.running_mean;
	for (uint32_t k = 0; k < truth.c && !truth.bias.empty(); k++)
		mean[k] += truth.bias[k];
	CHECK(worst(stuff.batch_mean, mean) <= 1e-6, "%s: mean by %g", test.text, worst(stuff.batch_mean, mean));
	CHECK(worst(stuff.batch_variance, truth.running_variance) <= 1e-6, "%s: variance by %g", test.text,
	      worst(stuff.batch_variance, truth.running_variance));
}

static Floats
divided(Floats values, float by)
{
	for (float &value : values)
		value /= by;
	return values;
}

/* dy, dadd and the derivatives of gamma and beta, or of the bias; the loss scaled by 4. */
template <typename Y, typename Z, typename DY>
static void
check_back(const Case &test, const Truth &truth, const Finish &finish, Stuff<Y, Z, DY> &stuff)
{
	const bool has_norm = truth.stage->bn != nullptr;
	const uint32_t tiles = finish_tiles(static_cast<uint32_t>(truth.z.size()) / truth.c);
	const NormDerivatives derivatives = { has_norm ? stuff.gamma.cells : nullptr, stuff.inverse.cells, stuff.dgamma.cells,
					      stuff.dbeta.cells, stuff.a.cells, stuff.b.cells, stuff.back_shift.cells, 4 };
	NormBack norm = {};

	if (has_map(truth)) {
		finish_sums(host_work, finish, stuff.y.cells, stuff.dz.cells, stuff.argmax.cells, has_norm ? stuff.mean.cells : nullptr,
			    has_norm ? stuff.inverse.cells : nullptr, stuff.partial.cells);
		norm_derivatives(host_work, truth.rows, tiles, truth.c, stuff.partial.cells, derivatives);
	}
	if (has_norm)
		norm = NormBack{ stuff.a.cells, stuff.b.cells, stuff.mean.cells, stuff.back_shift.cells };
	finish_back(host_work, finish, stuff.y.cells, stuff.dz.cells, stuff.argmax.cells, norm, stuff.dy.cells,
		    truth.stage->add ? stuff.dadd.cells : nullptr);
	CHECK(compare_wait(), "%s", test.text);
	CHECK(worst(stuff.dy, truth.dy) <= 8 * tolerance<DY>(), "%s: dy by %g", test.text, worst(stuff.dy, truth.dy));
	if (truth.stage->add)
		CHECK(worst(stuff.dadd, truth.dadd) <= 8 * tolerance<DY>(), "%s: dadd by %g", test.text, worst(stuff.dadd, truth.dadd));
	if (has_map(truth))
		CHECK(worst(stuff.dbeta, divided(truth.dbeta, 4)) <= 2e-6, "%s: dbeta by %g", test.text,
		      worst(stuff.dbeta, divided(truth.dbeta, 4)));
	if (has_norm)
		CHECK(worst(stuff.dgamma, divided(truth.dgamma, 4)) <= 4e-6, "%s: dgamma by %g", test.text,
		      worst(stuff.dgamma, divided(truth.dgamma, 4)));
}

/* ---- finish_vector.cu's kernels and those for everything else: a y that isn't aligned is for the latter ---- */

/* At how many places two stages' numbers aren't the same. */
template <typename Cell>
static size_t
differing(const Buffer<Cell> &a, const Buffer<Cell> &b)
{
	size_t count = 0;

	for (size_t i = 0; i < a.count; i++)
		if (!(fabsf(widen(a.cells[i]) - widen(b.cells[i])) <= 0))
			count++;
	return count;
}

/* z and the winners, see Stuff. */
template <typename Y, typename Z, typename DY>
static void
check_general_forward(const Case &test, const Truth &truth, const Finish &finish, const Y *y, const Stuff<Y, Z, DY> &stuff)
{
	Buffer<Z> z(truth.z.size());
	Buffer<uint32_t> argmax(truth.z.size());
	const size_t size = finish.pool == POOL_MAX ? z.count * (finish.is_wide ? 4 : 1) : 0;

	finish_forward(host_work, finish, y, z.cells, argmax.cells);
	CHECK(compare_wait(), "%s", test.text);
	CHECK(!differing(stuff.z, z), "%s: %zu places of z differ", test.text, differing(stuff.z, z));
	CHECK(!memcmp(argmax.cells, stuff.argmax.cells, size), "%s: other winners", test.text);
}

template <typename Y, typename Z, typename DY>
static void
check_general_back(const Case &test, const Truth &truth, const Finish &finish, const Y *y, const Stuff<Y, Z, DY> &stuff)
{
	const bool is_added = truth.stage->add != nullptr;
	Buffer<DY> dy(truth.y.size()), dadd(truth.y.size());
	NormBack norm = {};

	if (truth.stage->bn)
		norm = NormBack{ stuff.a.cells, stuff.b.cells, stuff.mean.cells, stuff.back_shift.cells };
	finish_back(host_work, finish, y, stuff.dz.cells, stuff.argmax.cells, norm, dy.cells, is_added ? dadd.cells : nullptr);
	CHECK(compare_wait(), "%s", test.text);
	CHECK(!differing(stuff.dy, dy), "%s: %zu places of dy differ", test.text, differing(stuff.dy, dy));
	CHECK(!is_added || !differing(stuff.dadd, dadd), "%s: %zu places of dadd differ", test.text, differing(stuff.dadd, dadd));
}

/* An infinite y, as a sum beyond 16 bits is stored: without batch norm it spoils no derivative. */
template <typename Y, typename Z, typename DY>
static void
check_infinite(const Case &test, const Truth &truth, const Finish &finish, Y *y, Y *askew, const Stuff<Y, Z, DY> &stuff)
{
	Buffer<DY> dy(truth.y.size()), general(truth.y.size());
	const Y finite = y[0];

	y[0] = askew[0] = narrow<Y>(-INFINITY);
	finish_back(host_work, finish, static_cast<const Y *>(y), stuff.dz.cells, stuff.argmax.cells, NormBack{}, dy.cells,
		    static_cast<DY *>(nullptr));
	finish_back(host_work, finish, static_cast<const Y *>(askew), stuff.dz.cells, stuff.argmax.cells, NormBack{}, general.cells,
		    static_cast<DY *>(nullptr));
	CHECK(compare_wait(), "%s", test.text);
	CHECK(!differing(dy, general), "%s: %zu places of dy differ by an infinite y", test.text, differing(dy, general));
	y[0] = askew[0] = finite;
}

template <typename Y, typename Z, typename DY>
static void
check_general(const Case &test, const Truth &truth, const Finish &finish, const Stuff<Y, Z, DY> &stuff)
{
	Buffer<Y> askew(truth.y.size() + 1);

	CHECK(!cudaMemcpy(askew.cells + 1, stuff.y.cells, stuff.y.count * sizeof(Y), cudaMemcpyDeviceToDevice), "copy");
	check_general_forward(test, truth, finish, askew.cells + 1, stuff);
	check_general_back(test, truth, finish, askew.cells + 1, stuff);
	if (!truth.stage->bn)
		check_infinite(test, truth, finish, stuff.y.cells, askew.cells + 1, stuff);
}

/* The same stage with running statistics (of 1/2 beta and |gamma|), nothing dropped. */
template <typename Y, typename Z, typename DY>
static void
check_prediction(const Case &test, const Truth &truth, Finish finish, const Norm &norm, Stuff<Y, Z, DY> &stuff)
{
	Floats mean(truth.c), variance(truth.c);

	for (uint32_t k = 0; k < truth.c; k++) {
		mean[k] = truth.beta[k] / 2 + (truth.bias.empty() ? 0 : truth.bias[k]);
		variance[k] = fabsf(truth.gamma[k]);
	}
	const Buffer<float> running_mean(mean), running_variance(variance);
	Buffer<Z> z(truth.z.size());
	if (truth.stage->bn)
		norm_fold(host_work, truth.c, running_mean.cells, running_variance.cells, norm);
	finish.drop.is_on = false;
	finish_forward(host_work, finish, stuff.y.cells, z.cells, nullptr);
	CHECK(compare_wait(), "%s", test.text);
	CHECK(worst(z, truth.predicted) <= 4 * tolerance<Z>(), "%s: prediction by %g", test.text, worst(z, truth.predicted));
}

template <typename Y, typename Z, typename DY>
static void
check_case(const Case &test)
{
	backend.options.batch_most = test.n;
	backend.options.seed = SEED;
	backend.host = device_host();
	backend.net = &net;
	CHECK(!net_init(&net, test.text, test.in, CLASSES) && !plan_make(&backend), "%s: %s", test.text, status_message());
	const StagePlan &plan = backend.stages[net.stage_count - (test.is_last ? 1 : 2)];
	const Truth truth = truth_of(plan, test.n);
	Stuff<Y, Z, DY> stuff(truth);
	const Finish finish = finish_of(plan, truth, stuff);
	const Norm norm = norm_of(truth, stuff);

	check_forward(test, truth, finish, norm, stuff);
	if (check_ok)
		check_back(test, truth, finish, stuff);
	if (check_ok)
		check_general(test, truth, finish, stuff);
	if (check_ok)
		check_prediction(test, truth, finish, norm, stuff);
	free(backend.stages);
	net_release(&net);
}

/* Inner stages are all of cells; a last one's y and z are floats, or its z alone where it has no main layer. */
template <typename Cell>
static void
check_all(void)
{
	for (const Case &test : cases) {
		if (!check_ok)
			return;
		if (!test.is_last)
			check_case<Cell, Cell, Cell>(test);
		else {
			check_case<float, float, Cell>(test);
			if (check_ok)
				check_case<Cell, float, Cell>(test);
		}
	}
}

/* Memory for partial sums is enough for every smaller batch too; nobody goes through more rows than it must. */
static void
check_tiles(void)
{
	for (uint32_t most = 1; most < 6 * SUM_TILES_MOST * SUM_ROWS_LEAST; most++) {
		const uint32_t tiles = finish_tiles(most), rows = finish_sum_rows(most);

		CHECK(tiles <= SUM_TILES_MOST && tiles * rows >= most && (tiles - 1) * rows < most, "%u rows: %u tiles of %u", most,
		      tiles, rows);
		CHECK(rows == SUM_ROWS_LEAST || most > rows / 2 * SUM_TILES_MOST, "%u rows: tiles of %u", most, rows);
		for (uint32_t fewer = 1; fewer <= most; fewer++)
			CHECK(finish_tiles(fewer) <= finish_tiles_most(most), "%u rows have %u tiles, %u have room for %u", fewer,
			      finish_tiles(fewer), most, finish_tiles_most(most));
	}
}

int
main(void)
{
	head.epoch = EPOCH;
	return compare_main([] {
		RUN_KINDS(check_all);
		check_run("tiles", check_tiles);
	});
}
