/* Equal bits in every precision, in a chain and in a network with branches: in every order of threads and streams, however a
 * step is taken, and in a run that goes on from another one's vectors. */
#include "runs.h"

#include <math.h>

typedef struct Path {
	const char *name;
	Precision precision;
	int capability; /* of the card, where that can be chosen: without tensor cores, or with them */
} Path;

static const Path paths[] = {
	{ "fp32", PRECISION_FP32, 60 }, { "fp16", PRECISION_FP16, 60 }, { "tf32", PRECISION_TF32, 80 },
	{ "bf16", PRECISION_BF16, 80 }, { "fp16", PRECISION_FP16, 80 },
};

/* Shapes for the direct kernels and for cuBLAS, odd ones, a sum of branches with and without an operation in each. */
static const char *const texts[] = {
	"conv 8 3x3 same, bn, relu, maxpool 2, conv 12 3x3 same, relu, flatten, dense 5, bn, relu, dropout 0.5, dense classes",
	"conv 8 3x3 same, bn, relu, residual(depthwise 3x3 same, bn, relu, conv 8 1x1, bn | ), relu, "
	"residual(conv 17 3x3 stride 2 same, bn | maxpool 2, conv 17 1x1), relu, dropout 0.3, globalavgpool, dense classes",
};

/* Two sizes of batch by two records: enough that either size goes by graph. */
enum { FEW = 5 };

static const Path *path;

typedef struct Result {
	float *vectors;
	Sums sums;
	float prob[SAMPLES * CLASSES];
} Result;

static Backend *
open_path(void)
{
	BackendOptions options = training;

	options.precision = path->precision;
	return open_backend(&options);
}

static Result
run(Way way, uint64_t first, Backend *backend)
{
	Result result;

	for (uint64_t step = first; step < first + FEW; step++)
		if (take_step(backend, way, step) < 0) {
			printf("# %s\n", status_message());
			exit(1);
		}
	if (cuda->drain(backend, &result.sums) < 0 || cuda->predict(backend, &batch, VECTOR_EMA, result.prob) < 0)
		abort();
	result.vectors = read_all(backend);
	cuda->close(backend);
	return result;
}

/* Numbers, and the same: a NaN has equal bits too, and after one nothing moves. */
static bool
are_alike(const Result *a, const Result *b)
{
	if (a->sums.bad_step || !isfinite(a->sums.loss) || a->sums.loss != b->sums.loss)
		return false;
	return are_equal(a->vectors, b->vectors) && !memcmp(a->prob, b->prob, sizeof a->prob);
}

static void
check_ways(void)
{
	static const Way hows[] = { PREDICTING, AT_ONCE, IN_PARTS };
	Result truth = run(AT_ONCE, 1, open_path());
	bool is_same = true;

	for (int way = 0; way < under_test_ways() && is_same; way++) {
		under_test_way(way);
		Result result = run(hows[way % 3], 1, open_path());
		is_same = are_alike(&truth, &result);
		free(result.vectors);
		if (!is_same)
			printf("# %s, way %d\n", under_test_way_name(way), (int)hows[way % 3]);
	}
	under_test_way(0);
	free(truth.vectors);
	CHECK(is_same, "%s: %s", path->name, net.text);
}

static void
check_resumed(void)
{
	Backend *first = open_path(), *second;
	Sums before;
	float *values = calloc(net.param_count + net.bn_count, sizeof *values);
	bool is_same;

	for (uint64_t step = 1; step <= FEW; step++)
		CHECK(!take_step(first, AT_ONCE, step), "%s", status_message());
	CHECK(!cuda->drain(first, &before) && !before.bad_step, "%s", status_message());
	second = open_path();
	for (int i = 0; i < VECTOR_COUNT; i++)
		CHECK(!cuda->read(first, i, values) && !cuda->write(second, i, values), "%s", status_message());
	Result whole = run(AT_ONCE, FEW + 1, first), resumed = run(AT_ONCE, FEW + 1, second);
	is_same = are_alike(&whole, &resumed);
	free(values);
	free(whole.vectors);
	free(resumed.vectors);
	CHECK(is_same, "%s: %s", path->name, net.text);
}

/* With each network in turn. */
static void
check_networks(void (*check)(void))
{
	for (size_t i = 0; i < sizeof texts / sizeof *texts && check_ok; i++) {
		CHECK(!net_init(&net, texts[i], (Shape){ SIDE, SIDE, 2, false }, CLASSES), "%s", status_message());
		make_data();
		check();
		release_data();
	}
}

TEST(same_bits_in_every_way) { check_networks(check_ways); }
TEST(a_run_resumed_is_the_run) { check_networks(check_resumed); }

int
main(void)
{
	const char *why;

	cuda = under_test(&why);
	if (!cuda) {
		printf("1..1\nok 1 - equal bits # SKIP %s\n", why);
		return 0;
	}
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		path = &paths[i];
		if (!under_test_capability(path->capability) && i == 1)
			continue; /* a real card has tensor cores or not: once is enough */
		printf("# %s, sm_%d\n", path->name, path->capability);
		RUN(same_bits_in_every_way);
		RUN(a_run_resumed_is_the_run);
	}
	return check_done();
}
