/* report.c: the scores laid out as scikit-learn's report, four digits, and the confusion matrix. */
#include "metrics/report.h"

#include "cli/visible.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
	NAME_BYTES = 200,   /* of a class's name as shown */
	LINE_COLUMNS = 100, /* a matrix headed by names must fit in */
	PAIRS_SHOWN = 5,
};

/* The longest name of the averages: no column of names is narrower. */
#define LONGEST_AVERAGE "weighted avg"

/** A class's name as a terminal may see it. */
typedef struct ShownName {
	char text[NAME_BYTES];
	int columns;
} ShownName;

typedef struct Report {
	FILE *out;
	const Scores *scores;
	const Bootstrap *bootstrap; /* NULL: no intervals */
	Summary summary;
	ShownName *names; /* [classes] */
	int name_columns; /* the widest */
} Report;

static Status
show_names(Report *report)
{
	report->names = calloc(report->scores->classes, sizeof *report->names);
	if (!report->names)
		return fail_errno("a report on %u classes", report->scores->classes);
	report->name_columns = 0;
	for (uint32_t i = 0; i < report->scores->classes; i++) {
		size_t columns;
		visible(report->names[i].text, NAME_BYTES, report->scores->names[i], &columns);
		report->names[i].columns = (int)columns;
		if (report->names[i].columns > report->name_columns)
			report->name_columns = report->names[i].columns;
	}
	return STATUS_OK;
}

/* Right-aligned by columns, which printf, counting bytes, can't. */
static void
put_name(const Report *report, uint32_t class, int width)
{
	const ShownName *name = &report->names[class];

	fprintf(report->out, "%*s%s", width > name->columns ? width - name->columns : 0, "", name->text);
}

/* "0.9280", or "-" where it is undefined, right-aligned. */
static void
put_number(FILE *out, double value, int width)
{
	if (isnan(value))
		fprintf(out, "%*s", width, "-");
	else
		fprintf(out, "%*.4f", width, value);
}

/* "  0.8920 to 0.9040", or nothing. */
static void
put_interval(const Report *report, const char *key)
{
	for (int i = 0; report->bootstrap && i < BOOTSTRAP_SCORES; i++) {
		Interval interval = report->bootstrap->intervals[i];
		if (!strcmp(bootstrap_key(i), key) && !isnan(interval.low))
			fprintf(report->out, "  %.4f to %.4f", interval.low, interval.high);
	}
}

/* @param key  as bootstrap_key has it */
static void
put_score(const Report *report, const char *name, double value, const char *key)
{
	fprintf(report->out, "%-10s", name);
	put_number(report->out, value, 10);
	put_interval(report, key);
	fprintf(report->out, "%s\n", strstr(key, ".weighted") ? "  weighted" : "");
}

static void
put_summary(const Report *report)
{
	const Summary *summary = &report->summary;
	FILE *out = report->out;

	fprintf(out, "%-10s%10llu\n", "Samples", (unsigned long long)summary->samples);
	if (summary->unlabelled)
		fprintf(out, "%-10s%10llu  left out below\n", "Unlabelled", (unsigned long long)summary->unlabelled);
	put_score(report, "Accuracy", summary->accuracy, "accuracy");
	put_score(report, "Precision", summary->precision.weighted, "precision.weighted");
	put_score(report, "Recall", summary->recall.weighted, "recall.weighted");
	put_score(report, "F1", summary->f1.weighted, "f1.weighted");
	put_score(report, "MCC", summary->mcc, "mcc");
	put_score(report, "Log loss", summary->log_loss, "log_loss");
	if (report->bootstrap)
		fprintf(out, "\n95 %% intervals of %llu bootstrap replicates\n",
			(unsigned long long)report->bootstrap->replicates);
}

static void
put_row(FILE *out, double precision, double recall, double f1, uint64_t support)
{
	put_number(out, precision, 11);
	put_number(out, recall, 10);
	put_number(out, f1, 10);
	fprintf(out, "%10llu\n", (unsigned long long)support);
}

static void
put_averages(const Report *report, int width)
{
	const Summary *summary = &report->summary;
	uint64_t n = summary->samples - summary->unlabelled;
	FILE *out = report->out;

	fprintf(out, "\n%*s%*s", width, "accuracy", 21, "");
	put_number(out, summary->accuracy, 10);
	fprintf(out, "%10llu\n%*s", (unsigned long long)n, width, "macro avg");
	put_row(out, summary->precision.macro, summary->recall.macro, summary->f1.macro, n);
	fprintf(out, "%*s", width, LONGEST_AVERAGE);
	put_row(out, summary->precision.weighted, summary->recall.weighted, summary->f1.weighted, n);
}

static void
put_classes(const Report *report)
{
	int least = (int)strlen(LONGEST_AVERAGE);
	int width = report->name_columns > least ? report->name_columns : least;

	fprintf(report->out, "\n%*s%11s%10s%10s%10s\n\n", width, "", "precision", "recall", "f1-score", "support");
	for (uint32_t i = 0; i < report->scores->classes; i++) {
		ClassScores class = scores_of_class(report->scores, i);
		put_name(report, i, width);
		put_row(report->out, class.precision, class.recall, class.f1, class.support);
	}
	put_averages(report, width);
}

static int
digits(uint64_t number)
{
	return snprintf(NULL, 0, "%llu", (unsigned long long)number);
}

static uint64_t
largest_count(const Scores *scores)
{
	uint64_t largest = 0;

	for (size_t i = 0; i < (size_t)scores->classes * scores->classes; i++)
		largest = scores->matrix[i] > largest ? scores->matrix[i] : largest;
	return largest;
}

/* Columns are headed by names where these fit on a line, else by the numbers that the rows show beside theirs. */
static void
put_matrix(const Report *report)
{
	const Scores *scores = report->scores;
	FILE *out = report->out;

	fprintf(out, "\nConfusion matrix (rows actual, columns predicted)\n\n");
	if (!scores->matrix) {
		fprintf(out, "not shown above %d classes\n", SCORES_MATRIX_MOST);
		return;
	}
	int count_width = digits(largest_count(scores)), number_width = digits(scores->classes - 1);
	int named = (report->name_columns > count_width ? report->name_columns : count_width) + 2;
	bool has_names = report->name_columns + (uint64_t)scores->classes * (uint64_t)named <= LINE_COLUMNS;
	int width = has_names ? named : (count_width > number_width ? count_width : number_width) + 2;
	int margin = report->name_columns + (has_names ? 0 : number_width + 2);

	fprintf(out, "%*s", margin, "");
	for (uint32_t i = 0; i < scores->classes; i++)
		if (has_names)
			put_name(report, i, width);
		else
			fprintf(out, "%*u", width, i);
	fputc('\n', out);
	for (uint32_t i = 0; i < scores->classes; i++) {
		put_name(report, i, report->name_columns);
		if (!has_names)
			fprintf(out, "  %*u", number_width, i);
		for (uint32_t j = 0; j < scores->classes; j++)
			fprintf(out, "%*llu", width, (unsigned long long)scores->matrix[(size_t)i * scores->classes + j]);
		fputc('\n', out);
	}
}

static Status
put_pairs(const Report *report)
{
	ConfusedPair pairs[PAIRS_SHOWN];
	Status count = scores_confused_pairs(report->scores, pairs, PAIRS_SHOWN);

	if (count > 0)
		fprintf(report->out, "\nMost confused\n\n");
	for (int i = 0; i < count; i++) {
		put_name(report, pairs[i].actual, report->name_columns);
		fprintf(report->out, " taken for %s: %llu of %llu (%.1f %%)\n", report->names[pairs[i].predicted].text,
			(unsigned long long)pairs[i].count,
			(unsigned long long)report->scores->support[pairs[i].actual], 100 * pairs[i].share);
	}
	return count < 0 ? count : STATUS_OK;
}

static void
put_paired(FILE *out, const Paired *paired)
{
	fprintf(out, "\nAgainst the baseline\n\n%21s%10s%12s\n", "this", "baseline", "difference");
	fprintf(out, "%-11s", "Accuracy");
	put_number(out, paired->accuracy_new, 10);
	put_number(out, paired->accuracy_old, 10);
	put_number(out, paired->accuracy_difference, 12);
	fprintf(out, "  above %.4f with 95 %% confidence\n%-11s", paired->accuracy_bound, "Log loss");
	put_number(out, paired->log_loss_new, 10);
	put_number(out, paired->log_loss_old, 10);
	put_number(out, paired->log_loss_difference, 12);
	fprintf(out, "  %.4f to %.4f\n", paired->log_loss_interval.low, paired->log_loss_interval.high);
	fprintf(out, "\nRight by this model only %llu, by the baseline only %llu; McNemar's exact p %.3g\n",
		(unsigned long long)paired->only_new, (unsigned long long)paired->only_old, paired->mcnemar);
}

Status
report_print(FILE *out, const Scores *scores, const Bootstrap *bootstrap, const Paired *paired)
{
	Report report = {.out = out, .scores = scores, .bootstrap = bootstrap, .summary = scores_summary(scores)};
	Status status = show_names(&report);

	if (status < 0)
		return status;
	put_summary(&report);
	put_classes(&report);
	put_matrix(&report);
	status = put_pairs(&report);
	if (paired)
		put_paired(out, paired);
	free(report.names);
	return status;
}
