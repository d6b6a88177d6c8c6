/* prepare.c: what has to be there before the first step. */
#include "train/held.h"
#include "train/training.h"

#include "cli/message.h"
#include "device/device.h"
#include "hash.h"
#include "train/checkpoint.h"
#include "train/epoch.h"
#include "train/interrupt.h"
#include "train/weights.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool
is_resumed(const Training *training)
{
	return training->resumed.param;
}

static Status
check_checkpoint(const Training *training, const Model *model, const State *state)
{
	const char *path = training->settings->checkpoint;

	if (state->first != training->intake.first)
		return fail(STATUS_INPUT,
			    "%s is not what %s was trained on: its first record differs; send the same input again",
			    training->intake.name, path);
	return checkpoint_check_options(model, training->options, path);
}

/* nothing to take up is no failure: one command line serves every start */
static Status
take_up_checkpoint(Training *training)
{
	const Settings *settings = training->settings;
	State state = training->state;
	Model model;
	Status status;

	if (!settings->resumes || (access(settings->checkpoint, F_OK) < 0 && errno == ENOENT))
		return STATUS_OK;
	status = checkpoint_read(&model, &state, settings->checkpoint);
	if (status < 0)
		return status;
	status = check_checkpoint(training, &model, &state);
	/* stopped before its first step, it holds nothing that a fresh start would not make again */
	if (status < 0 || !state.step) {
		model_release(&model);
		return status;
	}
	training->resumed = model;
	training->state = state;
	training->scores = json_incref(model.scores);
	training->calibration = json_incref(model.calibration);
	return STATUS_OK;
}

static Status
read_input(Training *training)
{
	uint64_t memory = training->settings->memory, used = kept_size(&training->val.kept);
	Status status;

	if (training->settings->checkpoint) {
		interrupt_watch();
		training->intake.reader.stop = &interrupt_flag;
	}
	status = intake_read(&training->intake, used < memory ? memory - used : 0);
	if (status == STATUS_INTERRUPTED && !is_resumed(training) && checkpoint_save(training) < 0)
		return STATUS_IO;
	return status;
}

static uint64_t
validation_content(const Training *training)
{
	if (training->settings->val)
		return training->val.content;
	return training->intake.holdout.n ? training->intake.holdout_content : 0;
}

/* what can be known of the input now: all of a plain stream, the hold-out part of a repeated one */
static Status
check_input(Training *training)
{
	const Reader *reader = &training->intake.reader;
	State *state = &training->state;
	uint64_t val_content = validation_content(training);
	bool is_plain = !training->intake.is_repeated;

	if (is_resumed(training) && state->val_content != val_content)
		return fail(STATUS_INPUT, "the validation data differ from those that %s was trained with",
			    training->settings->checkpoint);
	if (is_resumed(training) && is_plain && state->content != reader->content)
		return fail(STATUS_INPUT, "%s differs from what %s was trained on; send the same input again",
			    training->intake.name, training->settings->checkpoint);
	state->val_content = val_content;
	if (is_plain) {
		state->samples = reader->samples;
		state->content = reader->content;
	}
	return STATUS_OK;
}

/* after this steps are known */
static Status
settle_length(Training *training)
{
	const Settings *settings = training->settings;
	uint64_t n = training->intake.epoch_samples;

	if (n == 1 && training_has_bn(training))
		return fail(STATUS_USAGE, "batch norm needs more than one sample, and %s has one: use a net without bn",
			    training->intake.name);
	training->epoch_steps = epoch_steps(n, settings->batch);
	if (__builtin_mul_overflow(training->epochs, training->epoch_steps, &training->steps))
		training->steps = UINT64_MAX;
	if (settings->steps && settings->steps < training->steps)
		training->steps = settings->steps;
	training->schedule = (Schedule){ .kind = settings->schedule,
					 .rate = settings->rate,
					 .weight_decay = settings->weight_decay,
					 .freeze = freeze_read(settings->freeze, &training->net),
					 .steps = training->steps };
	return STATUS_OK;
}

/* a tail cut by --steps counts as an epoch, and is over when they are done */
static bool
is_at_tail(const Training *training)
{
	const State *state = &training->state;

	return state->step == training->steps && !state->epoch_step &&
	       state->epoch == state->step / training->epoch_steps + 1;
}

static Status
check_progress(const Training *training)
{
	const State *state = &training->state;

	if (!is_resumed(training) || state->is_finished)
		return STATUS_OK;
	if (state->step <= training->steps && state->epoch == state->step / training->epoch_steps &&
	    state->epoch_step == state->step % training->epoch_steps)
		return STATUS_OK;
	if (is_at_tail(training))
		return STATUS_OK;
	return fail(STATUS_INPUT, "%s: step %" PRIu64 " and epoch %" PRIu64 " don't belong to a run over this input",
		    training->settings->checkpoint, state->step, state->epoch);
}

static Status
map_val_file(const Training *training, int32_t **map)
{
	Status status;

	*map = NULL;
	if (!training->settings->val)
		return STATUS_OK;
	*map = calloc((size_t)training->val.about.class_count + 1, sizeof **map);
	if (!*map)
		return fail_errno("memory for the classes of %s", training->settings->val);
	status = validation_file_map(&training->val, &training->intake.reader.about, *map);
	if (status < 0)
		free(*map);
	return status;
}

/* a resumed run's knows the best epoch already */
static void
set_monitor(Training *training)
{
	const Settings *settings = training->settings;
	Monitor *monitor = &training->state.monitor;

	if (!is_resumed(training))
		monitor_init(monitor, NULL, 0);
	monitor->key = settings->monitor ? settings->monitor : "val_loss";
	monitor->patience = settings->patience;
}

static Status
make_validation(Training *training)
{
	const Settings *settings = training->settings;
	const About *about = &training->intake.reader.about;
	const Kept *kept = settings->val ? &training->val.kept : &training->intake.holdout;
	uint32_t batch = epoch_step_most(training->intake.epoch_samples, settings->batch);
	int32_t *map;
	Status status;

	set_monitor(training);
	if (!kept->n && settings->patience)
		return fail(STATUS_USAGE, "--patience needs validation data: use --val, or fm-fetch --holdout");
	if (settings->patience && monitor_is_last(training->state.monitor.key))
		return fail(STATUS_USAGE, "--patience waits for a better epoch, and to --monitor last each is: leave one out");
	if (!kept->n && monitor_is_validation(training->state.monitor.key) && settings->monitor)
		return fail(STATUS_USAGE, "--monitor %s needs validation data: use --val, or fm-fetch --holdout",
			    settings->monitor);
	if (!kept->n && settings->temperature == 0)
		return fail(STATUS_USAGE, "--temperature fit needs validation data: use --val, or fm-fetch --holdout; "
			    "or state a temperature");
	if (!kept->n)
		return STATUS_OK;
	status = map_val_file(training, &map);
	if (status < 0)
		return status;
	return validation_init(&training->validation, kept, validation_content(training), map, about->class_count,
			       about->classes, batch);
}

/* a resumed run's class weights may come from a file that was changed: their values count, not its name */
static Status
check_class_weights(Training *training)
{
	size_t size = training->intake.reader.about.class_count * sizeof *training->class_weights;
	uint64_t hash = training->class_weights ? hash_of(training->class_weights, size) : 0;

	if (is_resumed(training) && training->state.class_weights != hash)
		return fail(STATUS_USAGE, "the weights in %s differ from those that %s was made with",
			    training->settings->class_weights, training->settings->checkpoint);
	training->state.class_weights = hash;
	return STATUS_OK;
}

static Status
make_class_weights(Training *training)
{
	const Settings *settings = training->settings;
	const About *about = &training->intake.reader.about;
	Status status = STATUS_OK;

	if (!settings->class_weights)
		return STATUS_OK;
	training->class_weights = calloc(about->class_count, sizeof *training->class_weights);
	training->weights = calloc((size_t)settings->batch + 1, sizeof *training->weights);
	if (!training->class_weights || !training->weights)
		return fail_errno("memory for class weights");
	if (strcmp(settings->class_weights, "balanced") == 0)
		weights_balance(about->class_count, training->intake.counts, training->class_weights);
	else
		status = weights_read(settings->class_weights, about->class_count, about->classes,
				      training->class_weights);
	return status < 0 ? status : check_class_weights(training);
}

static Status
open_stream_feed(Training *training)
{
	Intake *intake = &training->intake;
	const State *state = &training->state;
	size_t size = consumed_columns(&intake->consumed) * CONSUMED_STATE_SIZE;
	const Mark mark = {
		.epoch = state->epoch, .samples = state->samples, .content = state->content,
		.epoch_samples = state->epoch_samples, .epoch_content = state->epoch_content,
		.states = checkpoint_tensor(&training->resumed, "fm.content", size),
	};

	consumed_init(&training->now, &intake->reader.about);
	consumed_init(&training->epoch_begin, &intake->reader.about);
	if (!is_resumed(training))
		return stream_feed_open(&training->stream_feed, intake, training->settings->batch, training->epochs,
					&training->epoch_begin);
	if (!mark.states)
		return fail(STATUS_INPUT, "%s: fm.content is missing or has another size",
			    training->settings->checkpoint);
	return stream_feed_resume(&training->stream_feed, intake, training->settings->batch, training->epochs,
				  &training->epoch_begin, &mark);
}

static Status
open_feed(Training *training)
{
	Status status;

	if (!training->intake.is_repeated)
		return kept_feed_open(&training->kept_feed, &training->intake.fit, training->settings->seed,
				      training->settings->batch, training->state.epoch, training->state.epoch_step);
	status = open_stream_feed(training);
	if (status >= 0)
		consumed_copy(&training->now, &training->intake.consumed);
	return status;
}

static Status
start_ring(Training *training, bool is_held)
{
	static const About no_columns;
	const Shape input = training->net.input;
	bool is_repeated = training->intake.is_repeated;
	const Settings *settings = training->settings;
	Feed feed = {
		.fill = is_repeated ? stream_feed_fill : kept_feed_fill,
		.context = is_repeated ? (void *)&training->stream_feed : (void *)&training->kept_feed,
		.batch_most = epoch_step_most(training->intake.epoch_samples, training->settings->batch),
		.picture_size = (size_t)input.h * input.w * input.c,
		.about = is_repeated ? &training->intake.reader.about : &no_columns,
		.is_held = is_held,
		.is_moved = training->intake.is_lazy && !training_is_mixed(training), /* mixing wants the pixels */
	};

	if (training_is_mixed(training)) {
		Status status = mix_open(&training->mix, settings->mixup, settings->cutmix, settings->seed, input, &feed);

		if (status < 0)
			return status;
		feed.fill = mix_fill;
		feed.context = &training->mix;
		feed.is_mixed = true;
	}
	return ring_open(&training->ring, &feed);
}

static BackendOptions
backend_options(const Training *training)
{
	const Settings *settings = training->settings;

	return (BackendOptions){
		.is_training = true,
		.precision = settings->precision,
		.threads = settings->threads,
		.seed = settings->seed,
		.batch_most = epoch_step_most(training->intake.epoch_samples, settings->batch),
		.optimizer = settings->optimizer,
		.label_smoothing = settings->label_smoothing,
		.ema_rate = settings->ema,
	};
}

/* with the weights that every fresh run begins with */
static Status
open_fresh(Training *training, Device *device)
{
	const BackendOptions options = backend_options(training);
	float *param = calloc(training->net.param_count + 1, sizeof *param);
	float *bn = calloc(training->net.bn_count + 1, sizeof *bn);
	Status status;

	if (param && bn) {
		net_initialise(&training->net, training->settings->seed, param, bn);
		status = device_open(device, training->settings->device, &training->net, param, bn, &options);
	} else {
		status = fail_errno("memory for %zu weights", training->net.param_count);
	}
	free(param);
	free(bn);
	return status;
}

/* the same bits are promised for one device, instruction set and precision */
static void
compare_devices(const Training *training)
{
	const json_t *entry = json_array_get(training->resumed.history, 0);
	const char *then = json_string_value(json_object_get(entry, "backend"));
	const char *now = training->table->chosen(training->backend);

	if (then && strcmp(then, now) != 0)
		warn("%s was made on %s, this is %s: the model will not be the same to the bit",
		     training->settings->checkpoint, then, now);
}

static Status
open_backend(Training *training)
{
	Device device;
	const Status status = open_fresh(training, &device);

	if (status < 0)
		return status;
	training->table = device.table;
	training->backend = device.backend;
	verbose("device %s: %s", training->table->chosen(training->backend), device.why);
	if (!is_resumed(training))
		return STATUS_OK;
	compare_devices(training);
	return checkpoint_restore(training);
}

static Status
open_log(Training *training)
{
	const State *state = &training->state;
	const LogPlace place = { .length = is_resumed(training) ? state->log_length : -1, .hash = state->log_hash,
				 .epoch = state->epoch, .step = state->step };

	return log_open(&training->log, training->settings->log, &place);
}

Status
training_prepare(Training *training)
{
	bool is_held;
	Status status;

	training->state.first = training->intake.first;
	status = take_up_checkpoint(training);
	if (status >= 0)
		status = read_input(training);
	if (status >= 0)
		status = check_input(training);
	if (status >= 0)
		status = make_validation(training);
	if (status >= 0)
		status = make_class_weights(training);
	if (status < 0 || training->state.is_finished)
		return status;
	status = settle_length(training);
	if (status >= 0)
		status = check_progress(training);
	if (status >= 0)
		status = open_feed(training);
	if (status >= 0)
		status = open_backend(training);
	if (status >= 0)
		status = held_open(training, &is_held);
	if (status >= 0)
		status = open_log(training);
	return status < 0 ? status : start_ring(training, is_held);
}
