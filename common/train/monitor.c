/* monitor.c: the best epoch so far. */
#include "train/monitor.h"

#include <math.h>
#include <string.h>

void
monitor_init(Monitor *monitor, const char *key, uint64_t patience)
{
	*monitor = (Monitor){ .key = key, .patience = patience, .best = NAN, .best_epoch = -1 };
}

bool
monitor_is_validation(const char *key)
{
	return strncmp(key, "val_", 4) == 0;
}

bool
monitor_is_last(const char *key)
{
	return strcmp(key, "last") == 0;
}

static double
value_of(const char *key, const EpochScores *scores, uint64_t epoch)
{
	const struct {
		const char *key;
		double value;
	} values[] = {
		{ "loss", scores->loss },
		{ "accuracy", scores->accuracy },
		{ "val_loss", scores->val_loss },
		{ "val_accuracy", scores->val_accuracy },
		{ "val_f1_macro", scores->val_f1_macro },
		{ "val_balanced_accuracy", scores->val_balanced_accuracy },
		{ "last", (double)epoch },
	};

	for (size_t i = 0; i < sizeof values / sizeof *values; i++)
		if (strcmp(values[i].key, key) == 0)
			return values[i].value;
	return NAN;
}

static bool
is_better(const Monitor *monitor, double value)
{
	if (isnan(value))
		return false;
	if (monitor->best_epoch < 0)
		return true;
	return strstr(monitor->key, "loss") ? value < monitor->best : value > monitor->best;
}

bool
monitor_observe(Monitor *monitor, const EpochScores *scores, uint64_t epoch)
{
	double value = value_of(monitor->key, scores, epoch);

	if (!is_better(monitor, value)) {
		monitor->waited++;
		return false;
	}
	monitor->best = value;
	monitor->best_epoch = (int64_t)epoch;
	monitor->waited = 0;
	return true;
}

bool
monitor_is_impatient(const Monitor *monitor)
{
	return monitor->patience && monitor->waited >= monitor->patience;
}
