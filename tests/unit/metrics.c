/* The counting of predictions: what the tools' tests, which compare with scikit-learn, can't reach. */
#include "metrics/paired.h"
#include "metrics/scores.h"
#include "metrics/sort.h"
#include "unit/check.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static char *names[] = {"a", "b", "c"};

TEST(sorts_like_qsort)
{
	enum { N = 5000 };
	uint32_t keys[N], spare[N], state = 1;

	for (int bits = 0; bits <= 32; bits += 8) {
		for (int i = 0; i < N; i++) {
			state = state * 1664525 + 1013904223;
			keys[i] = bits ? state >> (32 - bits) : 7;
		}
		const uint32_t *sorted = sort_keys(keys, spare, N);
		for (int i = 1; i < N; i++)
			CHECK(sorted[i - 1] <= sorted[i], "%d bits, place %d", bits, i);
	}
	CHECK(sort_keys(keys, spare, 0) == keys);
}

TEST(refuses_rows_that_are_no_probabilities)
{
	const float bad[][3] = {{NAN, 0, 1}, {0, NAN, 1}, {0, 1, NAN}, {INFINITY, 0, 0}, {1, -0.5f, 1}, {0, 0, 0}, {-0.f, 0, 0}};
	const int32_t label = 0;
	Scores scores;

	CHECK(scores_init(&scores, 3, names) == STATUS_OK);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK(scores_add(&scores, bad[i], &label, 1) == STATUS_INPUT, "row %zu", i);
	CHECK(scores_add(&scores, bad[0], NULL, 1) == STATUS_INPUT, "unlabelled rows are checked too");
	CHECK(scores.samples == 0, "%d", (int)scores.samples);
	scores_release(&scores);
}

TEST(refuses_labels_out_of_range)
{
	const float prob[] = {0.5f, 0.25f, 0.25f};
	const int32_t low = -2, high = 3;
	Scores scores;

	CHECK(scores_init(&scores, 3, names) == STATUS_OK);
	CHECK(scores_add(&scores, prob, &low, 1) == STATUS_INPUT);
	CHECK(scores_add(&scores, prob, &high, 1) == STATUS_INPUT);
	CHECK(strstr(status_message(), "label 3"), "%s", status_message());
	scores_release(&scores);
}

TEST(does_not_depend_on_how_samples_come)
{
	enum { N = 1000 };
	float prob[N][3];
	int32_t label[N];
	Scores whole, parts;

	for (int i = 0; i < N; i++) {
		label[i] = i * 7 % 4 - 1;
		for (int j = 0; j < 3; j++)
			prob[i][j] = (float)((i * 31 + j * 17) % 11 + 1) / 12;
	}
	CHECK(scores_init(&whole, 3, names) == STATUS_OK && scores_init(&parts, 3, names) == STATUS_OK);
	CHECK(scores_add(&whole, prob[0], label, N) == STATUS_OK);
	for (int i = 0; i < N; i += 10)
		CHECK(scores_add(&parts, prob[i], label + i, 10) == STATUS_OK);
	parts.threads = 3;
	json_t *one = scores_json(&whole, true), *other = scores_json(&parts, true);
	CHECK(json_equal(one, other));
	CHECK(scores_summary(&whole).log_loss == scores_summary(&parts).log_loss);
	json_decref(one);
	json_decref(other);
	scores_release(&whole);
	scores_release(&parts);
}

TEST(keeps_many_classes_without_a_matrix)
{
	enum { K = 2000 };
	static char text[K][8];
	char *many[K];
	float prob[K] = {0};
	Scores scores;

	for (int i = 0; i < K; i++) {
		snprintf(text[i], sizeof text[i], "%d", i);
		many[i] = text[i];
	}
	CHECK(scores_init(&scores, K, many) == STATUS_OK);
	for (int32_t i = 0; i < 3; i++) {
		int32_t label = 1999;
		prob[1000 + i / 2] = (float)(i + 1);
		CHECK(scores_add(&scores, prob, &label, 1) == STATUS_OK);
	}
	json_t *json = scores_json(&scores, true);
	CHECK(json_is_null(json_object_get(json, "confusion_matrix")));
	json_t *pair = json_array_get(json_object_get(json, "confused_pairs"), 0);
	CHECK(!strcmp(json_string_value(json_object_get(pair, "predicted")), "1000"));
	CHECK(json_integer_value(json_object_get(pair, "count")) == 2);
	json_decref(json);
	scores_release(&scores);
}

/* 2 P(X <= min(one, other)), X binomial(one + other, 1/2), in exact integers. */
static double
binomial(uint64_t one, uint64_t other)
{
	uint64_t n = one + other, least = one < other ? one : other, choose = 1, sum = 0;

	for (uint64_t i = 0; i <= least; i++) {
		sum += choose;
		choose = choose * (n - i) / (i + 1);
	}
	return fmin(1, 2 * (double)sum / (double)(UINT64_C(1) << n));
}

/* MCC of two classes from the counts alone. right: of each class's support, how many are told right */
static double
mcc_of(uint64_t first, uint64_t second, bool is_right)
{
	uint64_t support[] = {first, second}, swapped[] = {second, first}, none[] = {0, 0};
	const Scores scores = {
		.classes = 2,
		.samples = first + second,
		.correct = is_right ? first + second : 0,
		.support = support,
		.predicted = is_right ? support : swapped,
		.hit = is_right ? support : none,
		.bins = (Bin[2 * SCORES_BINS]){{0}},
	};

	return scores_summary(&scores).mcc;
}

/* sqrt(a) * sqrt(a) is 0.9999999999999998 for (1, 1) and 1.0000000000000002 for (1, 3): --assert 'mcc>=1' would say no */
TEST(mcc_of_perfect_predictions_is_one)
{
	const uint64_t huge = (uint64_t)1 << 62;

	for (uint64_t first = 1; first <= 60; first++)
		for (uint64_t second = 1; second <= 60; second++) {
			double right = mcc_of(first, second, true), wrong = mcc_of(first, second, false);

			CHECK(right == 1, "(%d, %d): %.17g", (int)first, (int)second, right);
			CHECK(wrong == -1, "(%d, %d) all wrong: %.17g", (int)first, (int)second, wrong);
		}
	CHECK(mcc_of(huge, huge - 1, true) == 1, "huge counts: %.17g", mcc_of(huge, huge - 1, true));
	CHECK(isnan(mcc_of(7, 0, true)), "one class: %g", mcc_of(7, 0, true));
}

TEST(mcnemar_is_the_binomial_test)
{
	for (uint64_t one = 0; one <= 25; one++)
		for (uint64_t other = 0; other <= 25; other++) {
			double found = mcnemar_exact(one, other), expected = binomial(one, other);
			CHECK(fabs(found - expected) <= 1e-14, "%d and %d: %.17g, not %.17g", (int)one, (int)other, found,
			      expected);
		}
	CHECK(mcnemar_exact(0, 5000000) == 0);
	CHECK(fabs(mcnemar_exact(2000000, 2001000) - 0.617) < 1e-3, "%g", mcnemar_exact(2000000, 2001000));
}

int
main(void)
{
	RUN(sorts_like_qsort);
	RUN(refuses_rows_that_are_no_probabilities);
	RUN(refuses_labels_out_of_range);
	RUN(does_not_depend_on_how_samples_come);
	RUN(keeps_many_classes_without_a_matrix);
	RUN(mcc_of_perfect_predictions_is_one);
	RUN(mcnemar_is_the_binomial_test);
	return check_done();
}
