/* summary.c: counts -> ratios. Undefined ones are NaN by themselves, and 0 in an average, as in scikit-learn. */
#include "metrics/scores.h"

#include <math.h>
#include <stddef.h>

/* NaN where there is nothing to divide by. */
static double
ratio(double part, double whole)
{
	return whole > 0 ? part / whole : (double)NAN;
}

static double
or_zero(double value)
{
	return isnan(value) ? 0 : value;
}

static double
labelled(const Scores *scores)
{
	return (double)(scores->samples - scores->unlabelled);
}

ClassScores
scores_of_class(const Scores *scores, uint32_t which)
{
	double support = (double)scores->support[which], predicted = (double)scores->predicted[which];
	double hit = (double)scores->hit[which];

	return (ClassScores){
		.support = scores->support[which],
		.precision = ratio(hit, predicted),
		.recall = ratio(hit, support),
		.f1 = ratio(2 * hit, support + predicted),
	};
}

/* Macro and weighted averages run over the classes that occur, as label or as prediction; balanced accuracy is the mean
 * recall of those that occur as label. */
static void
average_classes(const Scores *scores, Summary *summary)
{
	double occurring = 0, as_label = 0, recalls = 0, n = labelled(scores);
	ClassScores macro = {0}, weighted = {0};

	for (uint32_t i = 0; i < scores->classes; i++) {
		ClassScores class = scores_of_class(scores, i);
		double support = (double)class.support;
		occurring += class.support || scores->predicted[i];
		as_label += class.support > 0;
		recalls += or_zero(class.recall);
		macro.precision += or_zero(class.precision);
		macro.f1 += or_zero(class.f1);
		weighted.precision += support * or_zero(class.precision);
		weighted.recall += support * or_zero(class.recall);
		weighted.f1 += support * or_zero(class.f1);
	}
	summary->balanced_accuracy = ratio(recalls, as_label);
	summary->precision = (Averages){ratio(macro.precision, occurring), ratio(weighted.precision, n), summary->accuracy};
	summary->recall = (Averages){ratio(recalls, occurring), ratio(weighted.recall, n), summary->accuracy};
	summary->f1 = (Averages){ratio(macro.f1, occurring), ratio(weighted.f1, n), summary->accuracy};
}

/* Agreement beyond chance: Matthews' correlation for many classes, Cohen's kappa. */
static void
agreement(const Scores *scores, Summary *summary)
{
	double n = labelled(scores), both = 0, labels = 0, predictions = 0;

	for (uint32_t i = 0; i < scores->classes; i++) {
		double support = (double)scores->support[i], predicted = (double)scores->predicted[i];
		both += support * predicted;
		labels += support * support;
		predictions += predicted * predicted;
	}
	double covariance = n * (double)scores->correct - both;
	/* one root: sqrt(x * x) is x, and all told right exactly 1; by rounding else it may be a little more */
	double mcc = ratio(covariance, sqrt((n * n - labels) * (n * n - predictions)));
	summary->mcc = mcc > 1 ? 1 : mcc < -1 ? -1 : mcc;
	summary->kappa = ratio(covariance, n * n - both);
}

/* Expected calibration error: over bins, whatever class was predicted. */
static double
calibration_error(const Scores *scores)
{
	double sum = 0;

	for (int i = 0; i < SCORES_BINS; i++) {
		double correct = 0, prob = 0;
		for (uint32_t class = 0; class < scores->classes; class++) {
			const Bin *bin = &scores->bins[(size_t)class * SCORES_BINS + (size_t)i];
			correct += (double)bin->correct;
			prob += bin->prob;
		}
		sum += fabs(correct - prob);
	}
	return ratio(sum, labelled(scores));
}

Summary
scores_summary(const Scores *scores)
{
	double n = labelled(scores);
	Summary summary = {
		.samples = scores->samples,
		.unlabelled = scores->unlabelled,
		.accuracy = ratio((double)scores->correct, n),
		.log_loss = ratio(scores->log_loss, n),
		.brier = ratio(scores->brier, n),
		.ece = calibration_error(scores),
	};

	average_classes(scores, &summary);
	agreement(scores, &summary);
	return summary;
}
