/* train.c: the parts of training that need no network. */
#include "train/consumed.h"
#include "train/epoch.h"
#include "train/monitor.h"
#include "train/schedule.h"
#include "train/state.h"
#include "train/weights.h"
#include "unit/check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

TEST(steps_add_up_to_the_epoch)
{
	for (uint64_t n = 1; n < 70; n++) {
		for (uint32_t batch = 1; batch < 70; batch++) {
			uint64_t done = 0, steps = 0;
			uint32_t size, most = 0;

			while ((size = epoch_step_size(n, batch, done))) {
				CHECK(size <= epoch_step_most(n, batch), "n %lu batch %u", n, batch);
				CHECK(size > 1 || n == 1 || batch == 1, "n %lu batch %u leaves one alone", n, batch);
				CHECK(size >= batch || done + size == n,
				      "n %lu batch %u: a short batch before the last", n, batch);
				most = size > most ? size : most;
				done += size;
				steps++;
			}
			CHECK(done == n && most == epoch_step_most(n, batch), "n %lu batch %u", n, batch);
			CHECK(steps == epoch_steps(n, batch), "n %lu batch %u: %lu steps", n, batch, steps);
		}
	}
}

TEST(schedules_begin_and_end_where_they_should)
{
	Schedule schedule = { .kind = SCHEDULE_ONECYCLE, .rate = 0.5, .steps = 1000 };
	Hyper first = schedule_hyper(&schedule, 0), peak = schedule_hyper(&schedule, 200),
	      last = schedule_hyper(&schedule, 999);

	CHECK(first.step == 1 && fabs(first.rate - 0.02) < 1e-12 && fabs(first.beta1 - 0.95) < 1e-12);
	CHECK(fabs(peak.rate - 0.5) < 1e-12 && fabs(peak.beta1 - 0.85) < 1e-12);
	CHECK(last.rate < 1e-5 && last.rate > 0.5 / 250000 && fabs(last.beta1 - 0.95) < 1e-4);
	schedule.kind = SCHEDULE_STEP;
	CHECK(schedule_hyper(&schedule, 499).rate == 0.5);
	CHECK(fabs(schedule_hyper(&schedule, 500).rate - 0.05) < 1e-15 &&
	      fabs(schedule_hyper(&schedule, 750).rate - 0.005) < 1e-15);
	schedule.kind = SCHEDULE_COSINE;
	CHECK(schedule_hyper(&schedule, 0).rate == 0.5 && fabs(schedule_hyper(&schedule, 500).rate - 0.25) < 1e-15);
	schedule = (Schedule){ .kind = SCHEDULE_CONSTANT, .rate = 0.5, .steps = UINT64_MAX, .weight_decay = 0.1 };
	CHECK(schedule_hyper(&schedule, 7).rate == 0.5 && schedule_hyper(&schedule, 7).beta1 == 0.9);
	CHECK(schedule_hyper(&schedule, 7).step == 8 && schedule_hyper(&schedule, 7).weight_decay == 0.1);
	CHECK(schedule_from_name("constant") == SCHEDULE_CONSTANT && schedule_from_name("cosine") == SCHEDULE_COSINE);
}

TEST(layers_freeze_in_their_turn)
{
	Net net;
	Freeze freeze;

	CHECK(net_init(&net, "relu, conv 4 3x3, bn, relu, bn, flatten, dense 8, relu, dense classes", (Shape){ 6, 6, 1, false }, 3) >= 0);
	freeze = freeze_read("0.25,0.5,0.75", &net); /* the last layer's is of no effect */
	CHECK(freeze.count == 2 && freeze_at(&freeze, 0) == 0 && freeze_at(&freeze, 0.2499) == 0);
	const uint32_t one = freeze_at(&freeze, 0.25), two = freeze_at(&freeze, 0.5);
	CHECK(freeze_at(&freeze, 0.4999) == one && freeze_at(&freeze, 1) == two && one < two && two < net.stage_count);
	CHECK(!strcmp(net.stages[one].main->name, "fc1") && !strcmp(net.stages[two].main->name, "fc2"));
	CHECK(net_params_before(&net, 0) == 0 && net_params_before(&net, one) == net.stages[one].main->weight);
	freeze = freeze_read("0,0", &net);
	CHECK(freeze_at(&freeze, 0) == two);
	freeze = freeze_read("none", &net);
	CHECK(freeze_at(&freeze, 1) == 0);
	const Schedule schedule = { .rate = 1, .steps = 8, .freeze = freeze_read("0.5", &net) };
	CHECK(schedule_hyper(&schedule, 3).frozen == 0 && schedule_hyper(&schedule, 4).frozen == one);
	net_release(&net);
}

TEST(freezing_is_read_strictly)
{
	static const char *const good[] = { "none", "0", "1", "0.5,0.5", "0.1,0.2,0.3", "1e-1", "0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1" };
	static const char *const bad[] = { "", ",", "0.5,", ",0.5", "0.5,0.4", "1.1", "-0.1", "nan", "inf", "0.5 ,0.6", " 0.5", "0.5;0.6",
					   "none,0.5", "0.1,0.2x", "0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1" };

	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		CHECK(!freeze_expect(good[i]), "%s", good[i]);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK(freeze_expect(bad[i]), "%s", bad[i]);
}

TEST(the_first_of_equals_is_best_and_NaN_never)
{
	static const double losses[] = { NAN, 2, 1, 1, NAN, 3 };
	Monitor monitor;

	monitor_init(&monitor, "val_loss", 3);
	for (uint64_t epoch = 0; epoch < 6; epoch++) {
		EpochScores scores = { .val_loss = losses[epoch] };
		bool is_better = monitor_observe(&monitor, &scores, epoch);

		CHECK(is_better == (epoch == 1 || epoch == 2), "epoch %lu", epoch);
		CHECK(monitor_is_impatient(&monitor) == (epoch == 5), "epoch %lu waited %lu", epoch, monitor.waited);
	}
	CHECK(monitor.best_epoch == 2 && monitor.best == 1);
	monitor_init(&monitor, "val_accuracy", 0);
	CHECK(monitor_observe(&monitor, &(EpochScores){ .val_accuracy = 0.5 }, 0));
	CHECK(!monitor_observe(&monitor, &(EpochScores){ .val_accuracy = 0.4 }, 1) && !monitor_is_impatient(&monitor));
	CHECK(monitor_observe(&monitor, &(EpochScores){ .val_accuracy = 0.6 }, 2) && monitor.best_epoch == 2);
}

TEST(balanced_weights_ignore_absent_classes)
{
	const uint64_t counts[] = { 10, 0, 30, 20 };
	float weight[4];

	weights_balance(4, counts, weight);
	CHECK(weight[0] == 2 && weight[1] == 1 && fabsf(weight[2] - 60 / 90.0f) < 1e-7f && weight[3] == 1);
}

/* of n samples with pixels, labels and names */
static void
make_record(Record *record, Tensor tensors[3], uint64_t n, uint8_t *bytes)
{
	for (uint64_t i = 0; i < n * 100; i++)
		bytes[i] = (uint8_t)(i * 2654435761u >> 13);
	tensors[0] = (Tensor){ "label", DTYPE_I32, 1, { n }, bytes, n * 4 };
	tensors[1] = (Tensor){ "image", DTYPE_U8, 4, { n, 4, 4, 2 }, bytes + n * 4, n * 32 };
	tensors[2] = (Tensor){ "name", DTYPE_U8, 2, { n, 9 }, bytes + n * 36, n * 9 };
	*record = (Record){ .n = n, .tensor_count = 3, .tensors = tensors, .epoch = -1 };
}

static void
make_about(About *about)
{
	about_init(about, 4, 4, 2);
	if (about_add_column(about, "label", DTYPE_I32, 0, NULL) < 0 ||
	    about_add_column(about, "name", DTYPE_U8, 1, (uint64_t[]){ 9 }) < 0)
		abort();
}

TEST(a_running_content_hash_is_taken_up_anywhere)
{
	static const uint64_t cuts[] = { 0, 1, 2, 7, 8, 9, 31, 32, 33, 64, 127, 128, 129, 200, 255, 256, 257, 300 };
	enum { N = 300 };
	uint8_t *bytes = malloc(N * 100), saved[3 * CONSUMED_STATE_SIZE];
	Consumed whole, first, second;
	Tensor tensors[3];
	Record record;
	About about;

	make_about(&about);
	make_record(&record, tensors, N, bytes);
	consumed_init(&whole, &about);
	consumed_add(&whole, &record, 0, N);
	for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
		uint64_t content;

		consumed_init(&first, &about);
		consumed_init(&second, &about);
		consumed_add(&first, &record, 0, cuts[i] / 2);
		consumed_add(&first, &record, cuts[i] / 2, cuts[i]);
		consumed_save(&first, saved);
		content = consumed_content(&first);
		CHECK(consumed_restore(&second, saved, cuts[i], content) == STATUS_OK, "%s", status_message());
		consumed_add(&second, &record, cuts[i], N);
		CHECK(consumed_content(&second) == consumed_content(&whole), "cut at %lu", cuts[i]);
		CHECK(second.samples == N);
		CHECK(consumed_restore(&second, saved, cuts[i], content ^ 1) == STATUS_INPUT);
		consumed_release(&first);
		consumed_release(&second);
	}
	memset(saved, 0xff, sizeof saved);
	consumed_init(&second, &about);
	CHECK(consumed_restore(&second, saved, 1, 1) == STATUS_INPUT);
	consumed_release(&second);
	consumed_release(&whole);
	about_release(&about);
	free(bytes);
}

TEST(a_state_survives_JSON)
{
	State state = {
		.step = 7,
		.epoch = 2,
		.epoch_step = 3,
		.trained = 99,
		.sums = { 0.1, 2, 3, 4, 0 },
		.seconds = 1.5,
		.monitor = { "loss", 3, 0.1 + 0.2, 1, 2 },
		.first = UINT64_MAX,
		.samples = 5,
		.content = 1,
		.epoch_samples = 4,
		.epoch_content = 6,
		.val_content = 0,
		.class_weights = 9,
		.log_length = -1,
		.log_hash = 3,
		.is_finished = true,
	};
	State back = { .monitor = { "loss", 3, 0, 0, 0 } };
	json_t *json = state_json(&state);

	CHECK(state_from_json(&back, json) == STATUS_OK, "%s", status_message());
	CHECK(back.monitor.best == state.monitor.best && back.first == UINT64_MAX && back.is_finished);
	back.monitor.key = state.monitor.key;
	CHECK(back.step == 7 && back.sums.loss == 0.1 && back.log_length == -1 && back.class_weights == 9);
	for (void *at = json_object_iter(json); at; at = json_object_iter_next(json, at)) {
		json_t *less = json_copy(json);

		/* older checkpoints have no log_hash */
		bool is_needed = strcmp(json_object_iter_key(at), "log_hash") != 0;

		json_object_del(less, json_object_iter_key(at));
		CHECK(state_from_json(&back, less) == (is_needed ? STATUS_INPUT : STATUS_OK), "without %s",
		      json_object_iter_key(at));
		CHECK(is_needed || !back.log_hash);
		json_object_set_new(less, json_object_iter_key(at), json_integer(-2));
		CHECK(state_from_json(&back, less) == STATUS_INPUT || json_is_real(json_object_iter_value(at)),
		      "with a bad %s", json_object_iter_key(at));
		json_decref(less);
	}
	json_decref(json);
}

int
main(void)
{
	RUN(steps_add_up_to_the_epoch);
	RUN(schedules_begin_and_end_where_they_should);
	RUN(layers_freeze_in_their_turn);
	RUN(freezing_is_read_strictly);
	RUN(the_first_of_equals_is_best_and_NaN_never);
	RUN(balanced_weights_ignore_absent_classes);
	RUN(a_running_content_hash_is_taken_up_anywhere);
	RUN(a_state_survives_JSON);
	return check_done();
}
