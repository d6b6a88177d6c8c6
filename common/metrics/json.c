/* json.c: the scores as one JSON object, keys in the order of fm-metrics(1). */
#include "metrics/ranking.h"
#include "metrics/scores.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>

/* An undefined number is null: JSON has no NaN, and 0 would be a lie. */
static json_t *
number(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

static void
set(json_t *object, const char *key, double value)
{
	json_object_set_new(object, key, number(value));
}

static void
set_averages(json_t *object, const char *key, const Averages *averages)
{
	json_t *value = json_object();

	set(value, "macro", averages->macro);
	set(value, "weighted", averages->weighted);
	set(value, "micro", averages->micro);
	json_object_set_new(object, key, value);
}

static void
set_summary(json_t *object, const Scores *scores)
{
	Summary summary = scores_summary(scores);

	json_object_set_new(object, "schema", json_integer(1));
	json_object_set_new(object, "samples", json_integer((json_int_t)summary.samples));
	json_object_set_new(object, "unlabelled", json_integer((json_int_t)summary.unlabelled));
	set(object, "accuracy", summary.accuracy);
	set(object, "balanced_accuracy", summary.balanced_accuracy);
	set_averages(object, "precision", &summary.precision);
	set_averages(object, "recall", &summary.recall);
	set_averages(object, "f1", &summary.f1);
	set(object, "mcc", summary.mcc);
	set(object, "kappa", summary.kappa);
	set(object, "log_loss", summary.log_loss);
	set(object, "brier", summary.brier);
	set(object, "ece", summary.ece);
}

static json_t *
top_k(const Scores *scores)
{
	json_t *object = json_object();
	double n = (double)scores->kept.n;

	for (uint32_t i = 0; i < SCORES_TOP_MOST && i < scores->classes; i++) {
		char key[16];
		snprintf(key, sizeof key, "%u", i + 1);
		set(object, key, n > 0 ? (double)scores->top[i] / n : (double)NAN);
	}
	return object;
}

/* What sorting one class's samples gives. */
typedef struct Ranks {
	double roc_auc, average_precision;
} Ranks;

static void
rank_class(const Scores *scores, uint32_t class, Ranking *ranking, Ranks *ranks)
{
	uint64_t support = scores->support[class];

	*ranks = (Ranks){NAN, NAN};
	if (!support || support == scores->kept.n)
		return; /* nothing to rank against: no need to sort */
	ranking_of_class(ranking, &scores->kept, class);
	ranks->roc_auc = ranking_roc_auc(ranking);
	ranks->average_precision = ranking_average_precision(ranking);
}

/* Classes are sorted one by one, or several at once where threads allow; none touches another's numbers. */
static Status
rank_classes(const Scores *scores, Ranks *ranks)
{
	bool is_short_of_memory = false;

#pragma omp parallel num_threads(scores->threads) reduction(|| : is_short_of_memory)
	{
		Ranking ranking;
		bool is_ready = ranking_init(&ranking, scores->kept.n) >= 0;
#pragma omp for schedule(dynamic, 1)
		for (uint32_t i = 0; i < scores->classes; i++)
			if (is_ready)
				rank_class(scores, i, &ranking, &ranks[i]);
		if (is_ready)
			ranking_release(&ranking);
		is_short_of_memory = !is_ready;
	}
	return is_short_of_memory ? fail(STATUS_IO, "not enough memory to rank %llu samples",
					 (unsigned long long)scores->kept.n)
				  : STATUS_OK;
}

/* Macro and weighted average of one of the areas, over the classes that have it. */
static json_t *
average_ranks(const Scores *scores, const Ranks *ranks, size_t offset)
{
	json_t *object = json_object();
	double sum = 0, count = 0, weighted = 0, weight = 0;

	for (uint32_t i = 0; i < scores->classes; i++) {
		double area = *(const double *)((const char *)&ranks[i] + offset);
		if (isnan(area))
			continue;
		sum += area;
		count++;
		weighted += (double)scores->support[i] * area;
		weight += (double)scores->support[i];
	}
	set(object, "macro", count > 0 ? sum / count : (double)NAN);
	set(object, "weighted", weight > 0 ? weighted / weight : (double)NAN);
	return object;
}

static json_t *
confusion_matrix(const Scores *scores)
{
	if (!scores->matrix)
		return json_null();
	json_t *rows = json_array();
	for (uint32_t i = 0; i < scores->classes; i++) {
		json_t *row = json_array();
		for (uint32_t j = 0; j < scores->classes; j++)
			json_array_append_new(row, json_integer((json_int_t)scores->matrix[(size_t)i * scores->classes + j]));
		json_array_append_new(rows, row);
	}
	return rows;
}

static json_t *
confused_pairs(const Scores *scores)
{
	ConfusedPair pairs[SCORES_PAIRS_MOST];
	json_t *array = json_array();
	int count = scores_confused_pairs(scores, pairs, SCORES_PAIRS_MOST);

	for (int i = 0; i < count; i++)
		json_array_append_new(array, json_pack("{s:s,s:s,s:I,s:f}", "actual", scores->names[pairs[i].actual],
						       "predicted", scores->names[pairs[i].predicted], "count",
						       (json_int_t)pairs[i].count, "share", pairs[i].share));
	return array;
}

static json_t *
class_array(const Scores *scores, const Ranks *ranks)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < scores->classes; i++) {
		ClassScores class = scores_of_class(scores, i);
		json_t *object = json_pack("{s:s,s:I}", "name", scores->names[i], "support", (json_int_t)class.support);
		set(object, "precision", class.precision);
		set(object, "recall", class.recall);
		set(object, "f1", class.f1);
		set(object, "roc_auc", ranks[i].roc_auc);
		set(object, "average_precision", ranks[i].average_precision);
		json_array_append_new(array, object);
	}
	return array;
}

json_t *
scores_json(const Scores *scores, bool with_pairs)
{
	json_t *object = json_object();
	Ranks *ranks = calloc(scores->classes, sizeof *ranks);

	if (!ranks || rank_classes(scores, ranks) < 0) {
		free(ranks);
		json_decref(object);
		return NULL;
	}
	set_summary(object, scores);
	json_object_set_new(object, "top_k", top_k(scores));
	json_object_set_new(object, "roc_auc", average_ranks(scores, ranks, offsetof(Ranks, roc_auc)));
	json_object_set_new(object, "average_precision",
			    average_ranks(scores, ranks, offsetof(Ranks, average_precision)));
	json_object_set_new(object, "confusion_matrix", confusion_matrix(scores));
	if (with_pairs)
		json_object_set_new(object, "confused_pairs", confused_pairs(scores));
	json_object_set_new(object, "classes", class_array(scores, ranks));
	free(ranks);
	return object;
}
