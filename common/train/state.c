/* state.c: a run's state, as JSON and back, by one table. */
#include "train/state.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum FieldKind {
	FIELD_COUNT, /* uint64_t */
	FIELD_INDEX, /* int64_t, at least -1 */
	FIELD_HASH,  /* uint64_t, as 16 hex digits */
	FIELD_HASH_LATER, /* likewise; 0 where an older program has left it out */
	FIELD_REAL,  /* double; null where it is not a number */
	FIELD_FLAG,
} FieldKind;

typedef struct Field {
	const char *name;
	FieldKind kind;
	size_t offset;
} Field;

#define FIELD(name_, kind_, member) { .name = (name_), .kind = (kind_), .offset = offsetof(State, member) }

static const Field fields[] = {
	FIELD("step", FIELD_COUNT, step),
	FIELD("epoch", FIELD_COUNT, epoch),
	FIELD("epoch_step", FIELD_COUNT, epoch_step),
	FIELD("trained", FIELD_COUNT, trained),
	FIELD("loss_sum", FIELD_REAL, sums.loss),
	FIELD("weight_sum", FIELD_REAL, sums.weight),
	FIELD("correct_sum", FIELD_REAL, sums.correct),
	FIELD("n_sum", FIELD_REAL, sums.n),
	FIELD("seconds", FIELD_REAL, seconds),
	FIELD("best", FIELD_REAL, monitor.best),
	FIELD("best_epoch", FIELD_INDEX, monitor.best_epoch),
	FIELD("waited", FIELD_COUNT, monitor.waited),
	FIELD("first", FIELD_HASH, first),
	FIELD("samples", FIELD_COUNT, samples),
	FIELD("content", FIELD_HASH, content),
	FIELD("epoch_samples", FIELD_COUNT, epoch_samples),
	FIELD("epoch_content", FIELD_HASH, epoch_content),
	FIELD("val_content", FIELD_HASH, val_content),
	FIELD("class_weights", FIELD_HASH, class_weights),
	FIELD("log_length", FIELD_INDEX, log_length),
	FIELD("log_hash", FIELD_HASH_LATER, log_hash),
	FIELD("finished", FIELD_FLAG, is_finished),
};

enum { FIELDS = sizeof fields / sizeof *fields };

static json_t *
hash_json(uint64_t hash)
{
	char text[17];

	snprintf(text, sizeof text, "%016" PRIx64, hash);
	return json_string(text);
}

static json_t *
field_json(FieldKind kind, const void *value)
{
	switch (kind) {
	case FIELD_COUNT:
	case FIELD_INDEX:
		return json_integer((json_int_t)*(const int64_t *)value);
	case FIELD_HASH:
	case FIELD_HASH_LATER:
		return hash_json(*(const uint64_t *)value);
	case FIELD_REAL:
		return isfinite(*(const double *)value) ? json_real(*(const double *)value) : json_null();
	case FIELD_FLAG:
		break;
	}
	return json_boolean(*(const bool *)value);
}

json_t *
state_json(const State *state)
{
	json_t *json = json_object();

	for (int i = 0; i < FIELDS; i++)
		json_object_set_new(json, fields[i].name,
				    field_json(fields[i].kind, (const char *)state + fields[i].offset));
	return json;
}

static bool
read_hash(uint64_t *value, const json_t *json)
{
	const char *text = json_string_value(json);

	if (!text || strlen(text) != 16 || strspn(text, "0123456789abcdef") != 16)
		return false;
	*value = strtoull(text, NULL, 16);
	return true;
}

static bool
read_whole(int64_t *value, const json_t *json, int64_t least)
{
	*value = json_integer_value(json);
	return json_is_integer(json) && *value >= least;
}

static bool
read_real(double *value, const json_t *json)
{
	*value = json_is_null(json) ? NAN : json_number_value(json);
	return json_is_number(json) || json_is_null(json);
}

static bool
read_field(FieldKind kind, void *value, const json_t *json)
{
	switch (kind) {
	case FIELD_COUNT:
		return read_whole(value, json, 0);
	case FIELD_INDEX:
		return read_whole(value, json, -1);
	case FIELD_HASH:
		return read_hash(value, json);
	case FIELD_HASH_LATER:
		*(uint64_t *)value = 0;
		return !json || read_hash(value, json);
	case FIELD_REAL:
		return read_real(value, json);
	case FIELD_FLAG:
		break;
	}
	*(bool *)value = json_is_true(json);
	return json_is_boolean(json);
}

Status
state_from_json(State *state, const json_t *json)
{
	for (int i = 0; i < FIELDS; i++)
		if (!read_field(fields[i].kind, (char *)state + fields[i].offset,
				json_object_get(json, fields[i].name)))
			return fail(STATUS_INPUT, "fm.training: \"%s\" is missing or wrong", fields[i].name);
	return STATUS_OK;
}
