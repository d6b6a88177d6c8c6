/* resample.c */
#include "metrics/resample.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

static int
compare(const void *one, const void *other)
{
	double a = *(const double *)one, b = *(const double *)other;

	return (a > b) - (a < b);
}

static double
quantile(const double *sorted, uint64_t count, double share)
{
	double at = share * (double)(count - 1);
	uint64_t below = (uint64_t)at;
	uint64_t above = below + 1 < count ? below + 1 : below;

	return sorted[below] + (sorted[above] - sorted[below]) * (at - (double)below);
}

Interval
interval_of(double *values, uint64_t count)
{
	uint64_t defined = 0;

	for (uint64_t i = 0; i < count; i++)
		if (!isnan(values[i]))
			values[defined++] = values[i];
	if (!defined)
		return (Interval){(double)NAN, (double)NAN};
	qsort(values, defined, sizeof *values, compare);
	return (Interval){quantile(values, defined, 0.025), quantile(values, defined, 0.975)};
}

json_t *
interval_json(Interval interval)
{
	bool is_defined = !isnan(interval.low);

	return json_pack("{s:o,s:o}", "low", is_defined ? json_real(interval.low) : json_null(), "high",
			 is_defined ? json_real(interval.high) : json_null());
}
