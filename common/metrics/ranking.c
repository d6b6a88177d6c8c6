/* ranking.c: walk the thresholds, one group of equal probabilities at a time. */
#include "metrics/ranking.h"

#include "json/number.h"
#include "metrics/sort.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* The samples at or above a threshold. */
typedef struct Step {
	uint64_t left;	      /* how many keys are still below */
	uint64_t group;	      /* samples, and positives, of exactly this threshold */
	uint64_t group_positives;
	uint64_t true_positives, false_positives;
	float threshold;
} Step;

Status
ranking_init(Ranking *ranking, uint64_t n)
{
	*ranking = (Ranking){
		.n = n,
		.keys = malloc((n + !n) * sizeof *ranking->keys),
		.spare = malloc((n + !n) * sizeof *ranking->spare),
	};
	if (!ranking->keys || !ranking->spare) {
		ranking_release(ranking);
		return fail_errno("ranking %llu samples", (unsigned long long)n);
	}
	return STATUS_OK;
}

void
ranking_of_class(Ranking *ranking, const Samples *samples, uint32_t which)
{
	samples_keys(samples, which, ranking->keys);
	ranking->positives = 0;
	for (uint64_t i = 0; i < ranking->n; i++)
		ranking->positives += ranking->keys[i] & 1;
	ranking->sorted = sort_keys(ranking->keys, ranking->spare, ranking->n);
}

static bool
has_both_kinds(const Ranking *ranking)
{
	return ranking->positives && ranking->positives < ranking->n;
}

static Step
before_first(const Ranking *ranking)
{
	return (Step){.left = ranking->n, .threshold = INFINITY};
}

/* Go down to the next lower threshold. @return false below the last */
static bool
next_lower(const Ranking *ranking, Step *step)
{
	if (!step->left)
		return false;
	uint32_t bits = ranking->sorted[step->left - 1] >> 1;
	step->group = step->group_positives = 0;
	for (; step->left && ranking->sorted[step->left - 1] >> 1 == bits; step->left--) {
		step->group++;
		step->group_positives += ranking->sorted[step->left - 1] & 1;
	}
	step->true_positives += step->group_positives;
	step->false_positives += step->group - step->group_positives;
	memcpy(&step->threshold, &bits, sizeof bits);
	return true;
}

double
ranking_roc_auc(const Ranking *ranking)
{
	uint64_t negatives = ranking->n - ranking->positives;
	unsigned __int128 twice = 0; /* pairs in the right order count 2, ties 1: exact for any n */
	Step step = before_first(ranking);

	if (!has_both_kinds(ranking))
		return NAN;
	while (next_lower(ranking, &step)) {
		uint64_t below = negatives - step.false_positives;
		uint64_t tied = step.group - step.group_positives;
		twice += (unsigned __int128)step.group_positives * (2 * below + tied);
	}
	return (double)twice / 2 / (double)ranking->positives / (double)negatives;
}

static double
precision_at(const Step *step)
{
	return (double)step->true_positives / (double)(step->true_positives + step->false_positives);
}

double
ranking_average_precision(const Ranking *ranking)
{
	double sum = 0;
	Step step = before_first(ranking);

	if (!has_both_kinds(ranking))
		return NAN;
	while (next_lower(ranking, &step))
		sum += (double)step.group_positives * precision_at(&step);
	return sum / (double)ranking->positives;
}

/* As JSON. Most of what fm-metrics writes are these, so that no format is read for each. */
static void
put_point(FILE *out, bool is_first, double x, double y, double threshold)
{
	char text[160], number[32];
	char *to = stpcpy(text, is_first ? "{\"x\":" : ",{\"x\":");

	to = stpcpy(stpcpy(to, json_number(x, number)), ",\"y\":");
	to = stpcpy(stpcpy(to, json_number(y, number)), ",\"threshold\":");
	to = stpcpy(stpcpy(to, isinf(threshold) ? "null" : json_number(threshold, number)), "}");
	fwrite(text, 1, (size_t)(to - text), out);
}

static void
put_roc_point(const Ranking *ranking, FILE *out, bool is_first, const Step *step)
{
	put_point(out, is_first, (double)step->false_positives / (double)(ranking->n - ranking->positives),
		  (double)step->true_positives / (double)ranking->positives, (double)step->threshold);
}

/* A point is on a straight line if the step to it and the step from it are the same, as scikit-learn sees it. */
static bool
is_corner(const Step *at, const Step *next)
{
	return at->group_positives != next->group_positives ||
	       at->group - at->group_positives != next->group - next->group_positives;
}

static void
put_roc_points(const Ranking *ranking, FILE *out)
{
	Step at = before_first(ranking), next;

	put_roc_point(ranking, out, true, &at);
	next_lower(ranking, &at);
	bool is_highest = true;
	for (next = at; next_lower(ranking, &next); at = next) {
		if (is_highest || is_corner(&at, &next))
			put_roc_point(ranking, out, false, &at);
		is_highest = false;
	}
	put_roc_point(ranking, out, false, &at);
}

void
ranking_write_roc(const Ranking *ranking, FILE *out)
{
	fputc('[', out);
	if (has_both_kinds(ranking))
		put_roc_points(ranking, out);
	fputc(']', out);
}

/* From the lowest threshold, at and above which all samples lie, upwards. */
static void
put_pr_points(const Ranking *ranking, FILE *out)
{
	Step step = {.true_positives = ranking->positives, .false_positives = ranking->n - ranking->positives};
	uint64_t at = 0;

	while (at < ranking->n) {
		uint32_t bits = ranking->sorted[at] >> 1;
		memcpy(&step.threshold, &bits, sizeof bits);
		put_point(out, at == 0, (double)step.true_positives / (double)ranking->positives, precision_at(&step),
			  (double)step.threshold);
		for (; at < ranking->n && ranking->sorted[at] >> 1 == bits; at++) {
			step.true_positives -= ranking->sorted[at] & 1;
			step.false_positives -= !(ranking->sorted[at] & 1);
		}
	}
	put_point(out, false, 0, 1, INFINITY);
}

void
ranking_write_pr(const Ranking *ranking, FILE *out)
{
	fputc('[', out);
	if (has_both_kinds(ranking))
		put_pr_points(ranking, out);
	fputc(']', out);
}

void
ranking_release(Ranking *ranking)
{
	free(ranking->keys);
	free(ranking->spare);
	*ranking = (Ranking){0};
}
