/* checkpoint.c: write and read a run. */
#include "train/checkpoint.h"

#include "cli/atomic.h"
#include "hash.h"
#include "json/canonical.h"
#include "memory.h"
#include "train/inputs.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const vector_names[VECTOR_COUNT] = {
	[VECTOR_M] = "fm.m", [VECTOR_V] = "fm.v", [VECTOR_EMA] = "fm.ema", [VECTOR_EMA_BN] = "fm.ema.bn",
	[VECTOR_BEST] = "fm.best", [VECTOR_BEST_BN] = "fm.best.bn",
};

static const char states_name[] = "fm.content";

const char *
checkpoint_vector_name(Vector vector)
{
	return vector_names[vector];
}

static size_t
vector_length(const Net *net, Vector vector)
{
	bool is_bn = vector == VECTOR_BN || vector == VECTOR_EMA_BN || vector == VECTOR_BEST_BN;

	return is_bn ? net->bn_count : net->param_count;
}

/* does this run have such a vector by now? */
static bool
is_used(const Training *training, Vector vector)
{
	switch (vector) {
	case VECTOR_V:
		return training->settings->optimizer != OPTIMIZER_SGD;
	case VECTOR_EMA:
	case VECTOR_EMA_BN:
		return training->settings->ema > 0;
	case VECTOR_BEST:
	case VECTOR_BEST_BN:
		return training->validation.kept && training->state.monitor.best_epoch >= 0;
	default:
		return true;
	}
}

/* @param values  out: malloced, [length] */
static Status
read_vector(const Training *training, Vector vector, float **values)
{
	size_t length = vector_length(&training->net, vector);
	Status status;

	*values = calloc(length + 1, sizeof **values);
	if (!*values)
		return fail_errno("memory for a copy of %zu weights", length);
	status = training->table->read(training->backend, vector, *values);
	for (size_t i = 0; status >= 0 && i < length; i++)
		if (!isfinite((*values)[i]))
			status =
				fail(STATUS_NO, "the weights are not finite after step %" PRIu64 "; try a smaller --lr",
				     training->state.step);
	return status;
}

static Status
add_vectors(const Training *training, Model *model)
{
	Status status = read_vector(training, VECTOR_PARAM, &model->param);

	if (status >= 0)
		status = read_vector(training, VECTOR_BN, &model->bn);
	for (Vector vector = 0; status >= 0 && vector < VECTOR_COUNT; vector++) {
		Tensor *tensor = &model->extra[model->extra_count];
		size_t length = vector_length(&training->net, vector);
		float *values;

		if (!vector_names[vector] || !is_used(training, vector))
			continue;
		status = read_vector(training, vector, &values);
		*tensor = (Tensor){ .name = memory_text(vector_names[vector]),
				    .dtype = DTYPE_F32,
				    .rank = 1,
				    .shape = { length },
				    .data = (uint8_t *)values,
				    .size = length * sizeof *values };
		model->extra_count++;
	}
	return status;
}

/* before the first step there is no backend, and the weights are what they always are at first */
static Status
add_initial_vectors(const Training *training, Model *model)
{
	model->param = calloc(training->net.param_count + 1, sizeof *model->param);
	model->bn = calloc(training->net.bn_count + 1, sizeof *model->bn);
	if (!model->param || !model->bn)
		return fail_errno("memory for %zu weights", training->net.param_count);
	net_initialise(&training->net, training->settings->seed, model->param, model->bn);
	return STATUS_OK;
}

static void
add_states(const Training *training, Model *model)
{
	size_t columns;
	uint8_t *bytes;

	if (!training->epoch_begin.content)
		return;
	columns = consumed_columns(&training->epoch_begin);
	bytes = memory_zeroed(columns, CONSUMED_STATE_SIZE);
	consumed_save(&training->epoch_begin, bytes);
	model->extra[model->extra_count++] = (Tensor){
		.name = memory_text(states_name),
		.dtype = DTYPE_U8,
		.rank = 2,
		.shape = { columns, CONSUMED_STATE_SIZE },
		.data = bytes,
		.size = columns * CONSUMED_STATE_SIZE,
	};
}

static void
hash_text(Hash *hash, const char *text)
{
	hash_update(hash, text, strlen(text));
}

static void
hash_json(Hash *hash, const json_t *json)
{
	char *text = json ? json_canonical(json, NULL) : NULL;

	hash_text(hash, text ? text : "");
	free(text);
}

/* of everything that a damaged file could bring in unnoticed */
static uint64_t
hash_model(const Model *model)
{
	Hash *hash = hash_open();
	uint64_t value;

	hash_text(hash, json_string_value(json_object_get(model->extra_metadata, "fm.options")));
	hash_text(hash, json_string_value(json_object_get(model->extra_metadata, "fm.training")));
	hash_json(hash, model->history);
	hash_json(hash, model->scores);
	hash_json(hash, model->calibration);
	hash_text(hash, model->views);
	hash_update(hash, model->param, model->net.param_count * sizeof *model->param);
	hash_update(hash, model->bn, model->net.bn_count * sizeof *model->bn);
	for (size_t i = 0; i < model->extra_count; i++) {
		hash_text(hash, model->extra[i].name);
		hash_update(hash, model->extra[i].data, model->extra[i].size);
	}
	value = hash_value(hash);
	hash_close(hash);
	return value;
}

static void
set_text(json_t *metadata, const char *key, const json_t *json)
{
	char *text = json_canonical(json, NULL);

	json_object_set_new(metadata, key, json_string(text));
	free(text);
}

static void
add_metadata(const Training *training, Model *model)
{
	json_t *state = state_json(&training->state);
	char check[17];

	model->extra_metadata = json_object();
	set_text(model->extra_metadata, "fm.options", training->options);
	set_text(model->extra_metadata, "fm.training", state);
	json_decref(state);
	snprintf(check, sizeof check, "%016" PRIx64, hash_model(model));
	json_object_set_new(model->extra_metadata, "fm.check", json_string(check));
}

Status
checkpoint_make(Training *training, Model *model)
{
	Status status;

	*model = (Model){
		.net = training->net, .input = json_incref(training->intake.reader.about.input),
		.classes = training->intake.reader.about.classes, .history = inputs_history(training),
		.scores = json_incref(training->scores), .calibration = json_incref(training->calibration),
		.views = memory_text(training->settings->views), .extra = memory_zeroed(VECTOR_COUNT + 1, sizeof *model->extra),
	};
	status = training->backend ? add_vectors(training, model) : add_initial_vectors(training, model);
	if (status < 0) {
		checkpoint_release(model);
		return status;
	}
	add_states(training, model);
	add_metadata(training, model);
	return STATUS_OK;
}

void
checkpoint_release(Model *model)
{
	/* borrowed from training */
	model->net = (Net){ 0 };
	model->classes = NULL;
	model_release(model);
}

static Status
write_file(const Model *model, const char *path)
{
	AtomicFile file;
	Status status = atomic_open(&file, path);

	if (status < 0)
		return status;
	status = model_write(model, file.fd, path);
	if (status >= 0)
		return atomic_commit(&file);
	atomic_abandon(&file);
	return status;
}

Status
checkpoint_save(Training *training)
{
	Model model;
	Status status;

	if (!training->settings->checkpoint)
		return STATUS_OK;
	training->state.log_length = log_length(&training->log, &training->state.log_hash);
	status = checkpoint_make(training, &model);
	if (status < 0)
		return status;
	status = write_file(&model, training->settings->checkpoint);
	training->has_checkpoint |= status >= 0;
	checkpoint_release(&model);
	return status;
}

static Status
read_state(const Model *model, State *state)
{
	const char *text = json_string_value(json_object_get(model->extra_metadata, "fm.training"));
	json_t *json;
	Status status;

	if (!text || !json_object_get(model->extra_metadata, "fm.options"))
		return fail(STATUS_INPUT, "a model, but not a checkpoint: it has no fm.training and fm.options");
	status = json_parse(&json, text, strlen(text), "fm.training");
	if (status < 0)
		return status;
	status = state_from_json(state, json);
	json_decref(json);
	return status;
}

static Status
check_hash(const Model *model)
{
	const char *said = json_string_value(json_object_get(model->extra_metadata, "fm.check"));
	char found[17];

	snprintf(found, sizeof found, "%016" PRIx64, hash_model(model));
	if (said && strcmp(said, found) == 0)
		return STATUS_OK;
	return fail(STATUS_INPUT, "damaged: its contents hash to %s, fm.check says %s", found, said ? said : "nothing");
}

Status
checkpoint_read(Model *model, State *state, const char *path)
{
	Status status = model_read(model, path);

	if (status < 0)
		return status;
	status = read_state(model, state);
	if (status >= 0)
		status = check_hash(model);
	if (status >= 0)
		return STATUS_OK;
	model_release(model);
	return fail_in(status, "%s", path);
}

static Status
disagreement(const char *key, const char *then, const char *now, const char *path)
{
	return fail(STATUS_USAGE,
		    "%s was made with --%s %s, now it is %s: give the same options, or start afresh without --resume",
		    path, key, then ? then : "(none)", now ? now : "(none)");
}

/* @return text, or NULL where there is no such option */
static const char *
option_text(const json_t *options, const char *key)
{
	const json_t *value = json_object_get(options, key);

	return json_is_true(value) ? "(on)" : json_string_value(value);
}

static Status
compare(const json_t *then, const json_t *now, const char *path)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)then, key, value)
		if (!json_equal(value, json_object_get(now, key)))
			return disagreement(key, option_text(then, key), option_text(now, key), path);
	json_object_foreach((json_t *)(uintptr_t)now, key, value)
		if (!json_object_get(then, key))
			return disagreement(key, NULL, option_text(now, key), path);
	return STATUS_OK;
}

Status
checkpoint_check_options(const Model *model, const json_t *options, const char *path)
{
	const char *text = json_string_value(json_object_get(model->extra_metadata, "fm.options"));
	json_t *then;
	Status status = json_parse(&then, text, strlen(text), "fm.options");

	if (status < 0)
		return fail_in(status, "%s", path);
	status = compare(then, options, path);
	json_decref(then);
	return status;
}

const void *
checkpoint_tensor(const Model *model, const char *name, size_t size)
{
	for (size_t i = 0; i < model->extra_count; i++)
		if (strcmp(model->extra[i].name, name) == 0)
			return model->extra[i].size == size ? model->extra[i].data : NULL;
	return NULL;
}

Status
checkpoint_restore(const Training *training)
{
	const Model *model = &training->resumed;
	Status status = STATUS_OK;

	for (Vector vector = 0; status >= 0 && vector < VECTOR_COUNT; vector++) {
		size_t size = vector_length(&training->net, vector) * sizeof(float);
		const void *values = vector == VECTOR_PARAM ? model->param : model->bn;

		if (!is_used(training, vector))
			continue;
		if (vector_names[vector])
			values = checkpoint_tensor(model, vector_names[vector], size);
		if (!values)
			return fail(STATUS_INPUT, "%s: %s is missing or has another size",
				    training->settings->checkpoint, vector_names[vector]);
		status = training->table->write(training->backend, vector, values);
	}
	return status;
}
