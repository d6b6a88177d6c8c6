/* outcomes.c */
#include "metrics/outcomes.h"

#include "hash.h"
#include "metrics/predictions.h"
#include "metrics/row.h"

#include <stdlib.h>

static Status
make_room(Outcomes *outcomes, uint64_t more)
{
	if (outcomes->n + more <= outcomes->room)
		return STATUS_OK;
	uint64_t room = 2 * outcomes->room + more;
	Outcome *samples = reallocarray(outcomes->samples, room, sizeof *samples);
	if (!samples)
		return fail_errno("keeping %llu samples", (unsigned long long)outcomes->n);
	outcomes->samples = samples;
	outcomes->room = room;
	return STATUS_OK;
}

static Status
outcome_of(Outcome *outcome, const float *prob, uint32_t classes, int32_t label, const int32_t *map)
{
	Row row;
	Status status = row_read(&row, prob, classes);

	if (status < 0)
		return status;
	if (label < -1 || label >= (int64_t)classes)
		return fail(STATUS_INPUT, "label %d; expected -1 (unknown) … %u", label, classes - 1);
	outcome->label = label < 0 || !map ? label : map[label];
	if (label < 0)
		return STATUS_OK;
	Contribution sample = row_contribution(&row, prob, classes, (uint32_t)label);
	outcome->is_right = sample.predicted == sample.label;
	outcome->log_loss = sample.log_loss;
	return STATUS_OK;
}

Status
outcomes_add(Outcomes *outcomes, const Record *record, uint32_t classes, const int32_t *map)
{
	Predictions predictions = predictions_of(record);
	const Tensor *image = record_find(record, "image");
	size_t size = tensor_row_size(image);
	Status status = make_room(outcomes, record->n);

	for (uint64_t i = 0; status >= 0 && i < record->n; i++) {
		Outcome *outcome = &outcomes->samples[outcomes->n];
		*outcome = (Outcome){
			.id = predictions.id ? predictions.id[i] : (int64_t)outcomes->n,
			.digest = hash_of(image->data + i * size, size),
		};
		status = outcome_of(outcome, predictions.prob + i * classes, classes,
				    predictions.label ? predictions.label[i] : -1, map);
		if (status < 0)
			return fail_in(status, "sample %llu", (unsigned long long)outcomes->n);
		outcomes->n++;
	}
	return status;
}

static int
compare_ids(const void *one, const void *other)
{
	int64_t a = ((const Outcome *)one)->id, b = ((const Outcome *)other)->id;

	return (a > b) - (a < b);
}

Status
outcomes_sort(Outcomes *outcomes, const char *name)
{
	if (outcomes->n)
		qsort(outcomes->samples, outcomes->n, sizeof *outcomes->samples, compare_ids);
	for (uint64_t i = 1; i < outcomes->n; i++)
		if (outcomes->samples[i - 1].id == outcomes->samples[i].id)
			return fail(STATUS_INPUT, "%s holds id %lld twice; samples can't be paired", name,
				    (long long)outcomes->samples[i].id);
	return STATUS_OK;
}

Status
outcomes_map_classes(const About *from, const About *to, int32_t *map, const char *from_name, const char *to_name)
{
	json_t *places = json_object();
	Status status = STATUS_OK;

	for (uint32_t i = 0; i < to->class_count; i++)
		json_object_set_new(places, to->classes[i], json_integer(i));
	for (uint32_t i = 0; i < from->class_count && status >= 0; i++) {
		const json_t *place = json_object_get(places, from->classes[i]);
		map[i] = (int32_t)json_integer_value(place);
		if (!place)
			status = fail(STATUS_INPUT, "%s has a class that %s lacks: %s", from_name, to_name, from->classes[i]);
	}
	json_decref(places);
	return status;
}

void
outcomes_release(Outcomes *outcomes)
{
	free(outcomes->samples);
	*outcomes = (Outcomes){0};
}
