/* Equal bits in every precision, in a chain and in a network with branches: in every order of threads and streams, however a
 * step is taken, in a run that goes on from another one's vectors, and in stages that are to stay as they are. */
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

#define BRANCHING                                                                                                      \
	"conv 8 3x3 same, bn, relu, residual(depthwise 3x3 same, bn, relu, conv 8 1x1, bn | ), relu, "                 \
	"residual(conv 17 3x3 stride 2 same, bn | maxpool 2, conv 17 1x1), relu, dropout 0.3, globalavgpool, dense classes"
#define BARE                                                                                                           \
	"conv 8 3x3 same nobias, residual(bn, relu, conv 8 3x3 same nobias | relu), bn, relu, maxpool 2, "             \
	"residual(flatten | conv 8 1x1, flatten), dense classes"

/* Shapes for the direct kernels and for cuBLAS, odd ones, a sum of branches with and without an operation in each. */
static const char *const texts[] = {
	"conv 8 3x3 same, bn, relu, maxpool 2, conv 12 3x3 same, relu, flatten, dense 5, bn, relu, dropout 0.5, dense classes",
	BRANCHING,
};

/* Of which the first stages stay: what is added comes from one; a batch norm and a ReLU read one; a chain. */
static const char *const frozen_texts[] = {
	BRANCHING,
	BARE,
	"conv 8 4x4 same, bn, relu, maxpool 2, conv 12 3x3 same, bn, relu, maxpool 2, flatten, dense 8, bn, relu, dense classes",
};
enum { FROZEN_MOST = 2 };

/* Two sizes of batch by two records: enough that either size goes by graph. */
enum { FEW = 5 };

static const Path *path;
static uint32_t stages_kept; /* frozen in all of a run's steps but the last */

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

	for (uint64_t step = first; step < first + FEW; step++) {
		frozen = step + 1 < first + FEW ? stages_kept : 0;
		if (take_step(backend, way, step) < 0) {
			printf("# %s\n", status_message());
			exit(1);
		}
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

/* At once, where frozen stages have no way back, as in parts, where they have one; one path with one stage, the next with two. */
static void
check_ways_frozen(void)
{
	const uint32_t stages = 1 + (uint32_t)(path - paths) % FROZEN_MOST;

	stages_kept = stages;
	Result at_once = run(AT_ONCE, 1, open_path());
	under_test_way((int)stages % under_test_ways());
	Result in_parts = run(IN_PARTS, 1, open_path());
	const bool is_same = are_alike(&at_once, &in_parts);

	stages_kept = 0;
	under_test_way(0);
	free(at_once.vectors);
	free(in_parts.vectors);
	CHECK(is_same, "%s, %u frozen: %s", path->name, stages, net.text);
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

/* ---- stages that stay as they are ---- */

/* Where a vector begins in what read_all() gives. */
static float *
vector_of(float *all, Vector vector)
{
	return all + vector * (net.param_count + net.bn_count);
}

/* Moments that aren't 0, and averages that have somewhere to go. */
static void
write_some(Backend *backend, Vector vector)
{
	float *values = calloc(net.param_count, sizeof *values);

	for (size_t i = 0; i < net.param_count; i++)
		values[i] = (float)(1 + i * 7 % 11) / 64;
	if (cuda->write(backend, vector, values) < 0)
		abort();
	free(values);
}

/* All vectors after a step from there. */
static float *
after_a_step(uint32_t stages, float **before)
{
	Backend *backend = open_path();
	float *after;

	write_some(backend, VECTOR_M);
	write_some(backend, VECTOR_V);
	write_some(backend, VECTOR_EMA);
	if (before)
		*before = read_all(backend);
	frozen = stages;
	if (take_step(backend, AT_ONCE, 1) < 0)
		abort();
	frozen = 0;
	after = read_all(backend);
	cuda->close(backend);
	return after;
}

/* Averages go to where the parameters are, half the way. */
static bool
have_averaged(const float *before, const float *goal, const float *after, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!(fabsf(after[i] - 0.5f * (before[i] + goal[i])) <= 1e-6f))
			return false;
	return true;
}

/* Frozen ones stay to the bit, all others are what they are with none frozen. */
static void
compare_step(uint32_t stages, float *before, float *after, float *all_move)
{
	static const Vector moving[] = { VECTOR_PARAM, VECTOR_M, VECTOR_V };
	const size_t bound = net_params_before(&net, stages), size = bound * sizeof(float);
	const size_t rest = (net.param_count - bound) * sizeof(float), statistics = net.bn_count * sizeof(float);

	CHECK(bound && rest, "%zu floats frozen of %zu", bound, net.param_count);
	for (size_t i = 0; i < sizeof moving / sizeof *moving; i++) {
		const float *old = vector_of(before, moving[i]), *now = vector_of(after, moving[i]);
		const float *moved = vector_of(all_move, moving[i]);

		CHECK(memcmp(moved, old, size) != 0, "vector %d wouldn't have moved", (int)moving[i]);
		CHECK(!memcmp(now, old, size), "vector %d moved", (int)moving[i]);
		CHECK(!memcmp(now + bound, moved + bound, rest), "vector %d went elsewhere", (int)moving[i]);
	}
	const float *ema = vector_of(after, VECTOR_EMA);
	CHECK(have_averaged(vector_of(before, VECTOR_EMA), vector_of(before, VECTOR_PARAM), ema, bound), "averages stood still");
	CHECK(!memcmp(ema + bound, vector_of(all_move, VECTOR_EMA) + bound, rest), "averages went elsewhere");
	CHECK(!memcmp(vector_of(after, VECTOR_BN), vector_of(all_move, VECTOR_BN), statistics), "running statistics");
	CHECK(!memcmp(vector_of(after, VECTOR_EMA_BN), vector_of(all_move, VECTOR_EMA_BN), statistics), "their averages");
}

static void
check_stay(void)
{
	float *before, *all_move = after_a_step(0, &before);

	for (uint32_t stages = 1; stages <= FROZEN_MOST && check_ok; stages++) {
		float *after = after_a_step(stages, NULL);

		compare_step(stages, before, after, all_move);
		free(after);
		if (!check_ok)
			printf("# %s, %u frozen: %s\n", path->name, stages, net.text);
	}
	free(before);
	free(all_move);
}

/* With each network in turn. */
static void
check_networks(void (*check)(void), const char *const *text, size_t count)
{
	for (size_t i = 0; i < count && check_ok; i++) {
		CHECK(!net_init(&net, text[i], (Shape){ SIDE, SIDE, 2, false }, CLASSES), "%s", status_message());
		make_data();
		check();
		release_data();
	}
}

TEST(same_bits_in_every_way) { check_networks(check_ways, texts, sizeof texts / sizeof *texts); }
TEST(a_run_resumed_is_the_run) { check_networks(check_resumed, texts, sizeof texts / sizeof *texts); }
TEST(frozen_in_every_way) { check_networks(check_ways_frozen, frozen_texts, sizeof frozen_texts / sizeof *frozen_texts); }
TEST(frozen_stages_stay) { check_networks(check_stay, frozen_texts, sizeof frozen_texts / sizeof *frozen_texts); }

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
		RUN(frozen_in_every_way);
		RUN(frozen_stages_stay);
	}
	return check_done();
}
