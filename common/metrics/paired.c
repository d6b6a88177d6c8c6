/* paired.c */
#include "metrics/paired.h"

#include <math.h>
#include <stdlib.h>

#define ONE_SIDED_95 1.645 /* of the normal distribution */

static Status
check_pair(const Outcome *new, const Outcome *old, const char *old_name)
{
	if (new->id != old->id)
		return fail(STATUS_INPUT, "id %lld is in %s alone; a baseline must hold the same samples",
			    (long long)(new->id < old->id ? new->id : old->id), new->id < old->id ? "the input" : old_name);
	if (new->digest != old->digest || new->label != old->label)
		return fail(STATUS_INPUT, "id %lld has another %s in %s; a baseline must hold the same samples",
			    (long long)new->id, new->digest != old->digest ? "picture" : "label", old_name);
	return STATUS_OK;
}

static Status
check_pairs(Outcomes *new, Outcomes *old, const char *old_name)
{
	Status status = outcomes_sort(new, "the input");

	if (status >= 0)
		status = outcomes_sort(old, old_name);
	for (uint64_t i = 0; status >= 0 && i < new->n && i < old->n; i++)
		status = check_pair(&new->samples[i], &old->samples[i], old_name);
	if (status >= 0 && new->n != old->n)
		status = fail(STATUS_INPUT, "the input has %llu samples, %s has %llu; a baseline must hold the same samples",
			      (unsigned long long)new->n, old_name, (unsigned long long)old->n);
	return status;
}

/* Weights of the binomial distribution relative to its middle, so that none overflows and no logarithm rounds. */
double
mcnemar_exact(uint64_t one, uint64_t other)
{
	uint64_t n = one + other, least = one < other ? one : other;
	double weight = 1, half = 0, tail = 0;

	/* the sum from n / 2 down; the other half mirrors it, the middle of an even n being its own mirror image */
	for (uint64_t i = n / 2; weight > 0; i--) {
		bool is_middle = n % 2 == 0 && i == n / 2;
		half += is_middle ? weight / 2 : weight;
		tail += i <= least ? weight : 0;
		if (!i)
			break;
		weight *= (double)i / (double)(n - i + 1);
	}
	return fmin(1, tail / half);
}

static double
share(double part, uint64_t n)
{
	return n ? part / (double)n : (double)NAN;
}

/* Labelled samples only. @param differences  out, [n] of log loss */
static void
count_pairs(Paired *paired, const Outcomes *new, const Outcomes *old, double *differences)
{
	double right_new = 0, right_old = 0, loss_new = 0, loss_old = 0;

	for (uint64_t i = 0; i < new->n; i++) {
		const Outcome *one = &new->samples[i], *other = &old->samples[i];
		if (one->label < 0)
			continue;
		differences[paired->n++] = one->log_loss - other->log_loss;
		paired->only_new += one->is_right && !other->is_right;
		paired->only_old += other->is_right && !one->is_right;
		right_new += one->is_right;
		right_old += other->is_right;
		loss_new += one->log_loss;
		loss_old += other->log_loss;
	}
	paired->accuracy_new = share(right_new, paired->n);
	paired->accuracy_old = share(right_old, paired->n);
	paired->log_loss_new = share(loss_new, paired->n);
	paired->log_loss_old = share(loss_old, paired->n);
}

static void
test_accuracy(Paired *paired)
{
	double n = (double)paired->n, b = (double)paired->only_new, c = (double)paired->only_old;

	paired->mcnemar = paired->n ? mcnemar_exact(paired->only_new, paired->only_old) : (double)NAN;
	paired->accuracy_difference = share(b - c, paired->n);
	paired->accuracy_bound = share(b - c - ONE_SIDED_95 * sqrt(b + c - (b - c) * (b - c) / n), paired->n);
}

static double
mean_of_replicate(const double *differences, Draws draws)
{
	double sum = 0;

	for (uint64_t i = 0; i < draws.n; i++)
		sum += differences[draws_next(&draws)];
	return sum / (double)draws.n;
}

static Status
test_log_loss(Paired *paired, const double *differences, const PairedOptions *options)
{
	double sum = 0, *means = malloc((options->replicates + 1) * sizeof *means);

	if (!means)
		return fail_errno("room for bootstrap replicates");
	for (uint64_t i = 0; i < paired->n; i++)
		sum += differences[i];
	paired->log_loss_difference = share(sum, paired->n);
#pragma omp parallel for num_threads(options->threads) schedule(static)
	for (uint64_t i = 0; i < options->replicates; i++)
		means[i] = mean_of_replicate(differences, draws_begin(options->seed, (uint32_t)i, paired->n));
	paired->log_loss_interval = interval_of(means, options->replicates);
	free(means);
	return STATUS_OK;
}

Status
paired_compare(Paired *paired, Outcomes *new, Outcomes *old, const char *old_name, const PairedOptions *options)
{
	*paired = (Paired){.replicates = options->replicates, .seed = options->seed};
	Status status = check_pairs(new, old, old_name);
	if (status < 0)
		return status;
	double *differences = malloc((new->n + 1) * sizeof *differences);
	if (!differences)
		return fail_errno("comparing %llu samples", (unsigned long long)new->n);
	count_pairs(paired, new, old, differences);
	test_accuracy(paired);
	status = test_log_loss(paired, differences, options);
	free(differences);
	return status;
}

Status
paired_is_better(const Paired *paired)
{
	if (paired->only_new > paired->only_old && paired->mcnemar < 0.05)
		return STATUS_OK;
	if (!paired->n)
		return fail(STATUS_NO, "not better: no labelled samples to compare");
	return fail(STATUS_NO, "not better: accuracy %.4f, baseline %.4f (%llu samples right by this model only, %llu by the "
		    "baseline only, McNemar's p %.3g)", paired->accuracy_new, paired->accuracy_old,
		    (unsigned long long)paired->only_new, (unsigned long long)paired->only_old, paired->mcnemar);
}

Status
paired_is_not_worse(const Paired *paired, double most)
{
	if (paired->accuracy_bound > -most)
		return STATUS_OK;
	if (!paired->n)
		return fail(STATUS_NO, "may be worse: no labelled samples to compare");
	return fail(STATUS_NO, "may be worse: accuracy %.4f, baseline %.4f; the difference may be as low as %.2f points, "
		    "allowed are %.2f", paired->accuracy_new, paired->accuracy_old, 100 * paired->accuracy_bound,
		    100 * -most);
}

static json_t *
number(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

json_t *
paired_json(const Paired *paired)
{
	char seed[24];
	snprintf(seed, sizeof seed, "%llu", (unsigned long long)paired->seed);
	return json_pack("{s:I,s:I,s:I,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:I,s:s}", "samples", (json_int_t)paired->n, "only_new",
			 (json_int_t)paired->only_new, "only_old", (json_int_t)paired->only_old, "accuracy",
			 number(paired->accuracy_old), "accuracy_difference", number(paired->accuracy_difference),
			 "accuracy_bound", number(paired->accuracy_bound), "mcnemar", number(paired->mcnemar), "log_loss",
			 number(paired->log_loss_old), "log_loss_difference", number(paired->log_loss_difference),
			 "log_loss_interval", interval_json(paired->log_loss_interval), "replicates", (json_int_t)paired->replicates, "seed", seed);
}
