/* ranges.c: fm.calibration's "ranges". */
#include "predict/ranges.h"

#include <math.h>
#include <stdlib.h>

/* one stage's [least, largest], 0 among them */
static bool
read_pair(const json_t *pair, float *range)
{
	double end[2];

	if (json_array_size(pair) != 2)
		return false;
	for (size_t i = 0; i < 2; i++) {
		const json_t *number = json_array_get(pair, i);
		end[i] = json_number_value(number);
		if (!json_is_number(number) || !(fabs(end[i]) <= 1e30)) /* so that a step is a float */
			return false;
		range[i] = (float)end[i];
	}
	return end[0] <= 0 && end[1] >= 0;
}

Status
ranges_read(const json_t *calibration, const Net *net, float **ranges)
{
	const json_t *all = json_object_get(calibration, "ranges");

	*ranges = NULL;
	if (!all)
		return fail(STATUS_INPUT,
			    "the model has no ranges of activations (fm.calibration), which int8 needs: train it with "
			    "validation data (fm-fetch --holdout, or fm-train --val), or use --precision fp32");
	if (json_array_size(all) != net->stage_count)
		return fail(STATUS_INPUT, "the model's ranges of activations (fm.calibration) are %zu; its network has %zu stages",
			    json_array_size(all), net->stage_count);
	*ranges = reallocarray(NULL, net->stage_count, 2 * sizeof **ranges);
	if (!*ranges)
		return fail_errno("room for ranges");
	for (size_t s = 0; s < net->stage_count; s++)
		if (!read_pair(json_array_get(all, s), *ranges + 2 * s)) {
			free(*ranges);
			*ranges = NULL;
			return fail(STATUS_INPUT,
				    "the model's range %zu (fm.calibration) isn't a pair of numbers with 0 between them", s);
		}
	return STATUS_OK;
}

json_t *
ranges_json(const Net *net, const float *ranges)
{
	json_t *all = json_array();

	for (size_t s = 0; s < net->stage_count; s++)
		json_array_append_new(all, json_pack("[f, f]", (double)ranges[2 * s], (double)ranges[2 * s + 1]));
	return all;
}
