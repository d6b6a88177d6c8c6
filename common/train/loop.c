/* loop.c: step after step, epoch after epoch. */
#include "train/training.h"

#include "cli/progress.h"
#include "train/calibrate.h"
#include "train/checkpoint.h"
#include "train/interrupt.h"
#include "train/ranges.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <time.h>

/* A loss that isn't finite is seen after so long at the latest, and progress is as new as this. */
#define WAIT_SECONDS 0.1

static double
seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/*
 * [n] weights of the batch's samples, or NULL where all count alike. Of a mixed one each label's part weighs what its
 * class does: w = lambda wa + (1 - lambda) wb, and of that lambda becomes the first label's share.
 */
static const float *
sample_weights(const Training *training, const Slot *slot)
{
	const float *of_class = training->class_weights;

	for (uint64_t i = 0; of_class && i < slot->n; i++) {
		float a = of_class[slot->labels[i]];

		training->weights[i] = a;
		if (slot->lambda) {
			float b = of_class[slot->label_b[i]], lambda = slot->lambda[i];

			training->weights[i] = lambda * a + (1 - lambda) * b;
			slot->lambda[i] = lambda * a / training->weights[i];
		}
	}
	return of_class ? training->weights : NULL;
}

/* @param step  which these are of, from 1 */
static Status
add_up(Training *training, const Sums *sums, uint64_t step)
{
	State *state = &training->state;

	if (sums->bad_step || !isfinite(sums->loss))
		return fail(STATUS_NO,
			    "the loss is not finite at step %" PRIu64 " (epoch %" PRIu64 "): try a smaller --lr%s",
			    sums->bad_step ? sums->bad_step : step, state->epoch,
			    training->has_checkpoint || training->resumed.param ? "; the checkpoint stands as it was" : "");
	state->sums.loss += sums->loss;
	state->sums.weight += sums->weight;
	state->sums.correct += sums->correct;
	state->sums.n += sums->n;
	return STATUS_OK;
}

/* Wait for the steps that are queued. They are added up one by one, so that it doesn't matter when somebody waits, or is
 * interrupted. */
static Status
drain(Training *training)
{
	const BackendTable *table = training->table;
	Sums each[BACKEND_QUEUE_MOST];
	uint32_t count = 1;
	Status status = table->drain_each ? table->drain_each(training->backend, each, &count)
					  : table->drain(training->backend, each);

	training->queued = 0;
	training->drained = seconds_now();
	for (uint32_t i = 0; status >= 0 && i < count; i++)
		status = add_up(training, &each[i], training->state.step - count + i + 1);
	return status;
}

/* A GPU idles while somebody waits for its last step: only now and then, and where an epoch's sums are wanted. */
static bool
must_wait(const Training *training)
{
	const State *state = &training->state;

	return !training->table->drain_each || training->queued == BACKEND_QUEUE_MOST || state->step == training->steps ||
	       state->epoch_step + 1 == training->epoch_steps || seconds_now() - training->drained >= WAIT_SECONDS;
}

static Status
compute(Training *training, const Slot *slot)
{
	const Hyper hyper = schedule_hyper(&training->schedule, training->state.step);
	const About *about = &training->intake.reader.about;
	const float *weight = sample_weights(training, slot);
	const Batch batch = {
		.n = slot->n, .pixels = slot->pixels, .rows = slot->rows, .affine = slot->affine, .tone = slot->tone,
		.erase = slot->erase, .fill = (uint8_t)about->fill, .fill_value = about->fill_value, .label_a = slot->labels,
		.label_b = slot->label_b, .lambda = slot->lambda, .weight = weight, .ids = slot->ids,
		.epoch = (uint32_t)slot->epoch,
	};
	Status status = training->table->step(training->backend, &batch, &hyper);

	training->state.step++;
	training->queued++;
	return status < 0 || !must_wait(training) ? status : drain(training);
}

static void
note_consumed(Training *training, const Slot *slot)
{
	if (training->intake.is_repeated)
		consumed_copy(&training->now, &slot->after);
	training->state.trained += slot->n;
	training->state.epoch_step++;
}

/* what a checkpoint says of the input; hashes are summed up only when one is written */
static void
note_position(Training *training)
{
	State *state = &training->state;

	if (!training->intake.is_repeated)
		return;
	state->samples = training->now.samples;
	state->content = consumed_content(&training->now);
	state->epoch_samples = training->epoch_begin.samples;
	state->epoch_content = consumed_content(&training->epoch_begin);
}

static Status
step(Training *training)
{
	double begin = seconds_now();
	Slot *slot;
	Status status = ring_take(&training->ring, &slot, &interrupt_flag);

	if (status <= 0)
		return status < 0 ? status : fail(STATUS_INPUT, "%s ends too early", training->intake.name);
	status = compute(training, slot);
	if (status < 0)
		return status;
	note_consumed(training, slot);
	ring_give(&training->ring);
	training->state.seconds += seconds_now() - begin;
	return STATUS_OK;
}

/* "1:02:03" */
static const char *
duration(double seconds, char text[static 32])
{
	uint64_t whole = (uint64_t)seconds;

	if (whole >= 3600)
		snprintf(text, 32, "%" PRIu64 ":%02u:%02u", whole / 3600, (unsigned)(whole / 60 % 60),
			 (unsigned)(whole % 60));
	else
		snprintf(text, 32, "%u:%02u", (unsigned)(whole / 60), (unsigned)(whole % 60));
	return text;
}

static void
show_progress(const Training *training)
{
	const State *state = &training->state;
	const Sums *sums = &state->sums;
	uint64_t epochs = (training->steps - 1) / training->epoch_steps + 1;
	double left = (double)(training->steps - state->step) * state->seconds / (double)state->epoch_step;
	char text[32];

	if (!progress_is_on() || training->queued)
		return;
	progress("epoch %" PRIu64 "/%" PRIu64 "  loss %.4f  accuracy %.4f  %.0f images/s  %s left", state->epoch + 1,
		 epochs, sums->loss / sums->weight, sums->correct / sums->n, sums->n / state->seconds,
		 duration(left, text));
}

static Status
keep_best(Training *training, json_t *scores)
{
	bool is_averaged = training->settings->ema > 0;
	Status status = training->table->copy(training->backend, VECTOR_BEST, is_averaged ? VECTOR_EMA : VECTOR_PARAM);

	if (status >= 0)
		status = training->table->copy(training->backend, VECTOR_BEST_BN,
					       is_averaged ? VECTOR_EMA_BN : VECTOR_BN);
	json_decref(training->scores);
	training->scores = json_incref(scores);
	if (scores)
		json_object_set_new(training->scores, "epoch", json_integer((json_int_t)training->state.epoch));
	return status;
}

static Status
validate(Training *training, EpochScores *scores)
{
	Vector weights = training->settings->ema > 0 ? VECTOR_EMA : VECTOR_PARAM;
	json_t *json;
	Status status;

	scores->val_loss = scores->val_accuracy = scores->val_f1_macro = scores->val_balanced_accuracy = NAN;
	if (!training->validation.kept)
		return STATUS_OK;
	status = validation_run(&training->validation, training->table, training->backend, weights, scores, &json);
	if (status >= 0 && monitor_observe(&training->state.monitor, scores, training->state.epoch))
		status = keep_best(training, json);
	if (status >= 0)
		json_decref(json);
	return status;
}

static Status
write_log(Training *training, const EpochScores *scores)
{
	const State *state = &training->state;
	const LogLine line = {
		.epoch = state->epoch,
		.step = state->step,
		.samples = state->trained,
		.scores = *scores,
		.learning_rate = schedule_hyper(&training->schedule, state->step - 1).rate,
		.seconds = state->seconds,
		.images_per_second = state->sums.n / state->seconds,
		.device = training->table->chosen(training->backend),
	};

	return log_write(&training->log, &line);
}

/* is there nothing more to learn? asked between epochs; a tail cut by --steps counts as one */
static bool
is_over(const Training *training)
{
	const State *state = &training->state;

	return state->step == training->steps || (!state->epoch_step && monitor_is_impatient(&state->monitor));
}

/* see the end of a repeated stream that was used to its end; of any other this is enough */
static Status
finish_input(Training *training)
{
	const Intake *intake = &training->intake;
	const State *state = &training->state;
	bool is_whole =
		state->step == state->epoch * training->epoch_steps && state->epoch == intake->reader.about.epochs;
	Status status;

	if (!intake->is_repeated || !is_whole)
		return STATUS_OK;
	ring_close(&training->ring);
	status = intake_finish(&training->intake);
	training->is_input_whole = status >= 0;
	return status;
}

static Status
finish(Training *training)
{
	Status status = finish_input(training);

	if (status < 0)
		return status;
	if (training->validation.kept && training->state.monitor.best_epoch < 0)
		return fail(STATUS_NO, "no epoch had a %s that is a number", training->state.monitor.key);
	status = calibrate(training);
	if (status >= 0)
		status = ranges_measure(training);
	if (status < 0)
		return status;
	training->state.is_finished = true;
	return checkpoint_save(training);
}

static void
open_next_epoch(Training *training)
{
	State *state = &training->state;

	state->epoch++;
	state->epoch_step = 0;
	state->sums = (Sums){ 0 };
	state->seconds = 0;
	if (training->intake.is_repeated)
		consumed_copy(&training->epoch_begin, &training->now);
}

static Status
close_epoch(Training *training)
{
	State *state = &training->state;
	EpochScores scores = { .loss = state->sums.loss / state->sums.weight,
			       .accuracy = state->sums.correct / state->sums.n };
	Status status = validate(training, &scores);

	if (status >= 0)
		status = write_log(training, &scores);
	if (status < 0)
		return status;
	open_next_epoch(training);
	note_position(training);
	/* after the last one, too: until the input's end was seen it may still go wrong */
	return checkpoint_save(training);
}

static Status
interrupt(Training *training)
{
	Status status = training->queued ? drain(training) : STATUS_OK;

	if (status < 0)
		return status;
	note_position(training);
	status = checkpoint_save(training);
	if (status < 0)
		return status;
	return fail(STATUS_INTERRUPTED, "interrupted after step %" PRIu64 "; %s holds the run, --resume goes on",
		    training->state.step, training->settings->checkpoint);
}

static Status
step_on(Training *training)
{
	const State *state = &training->state;
	Status status = interrupt_flag ? STATUS_INTERRUPTED : step(training);

	if (status < 0)
		return status;
	show_progress(training);
	if (state->epoch_step == training->epoch_steps || state->step == training->steps)
		status = close_epoch(training);
	return status;
}

Status
training_run(Training *training)
{
	Status status = STATUS_OK;

	while (status >= 0 && !training->state.is_finished)
		status = is_over(training) ? finish(training) : step_on(training);
	return status == STATUS_INTERRUPTED ? interrupt(training) : status;
}
