/* inputs.c: the history covers what training consumed, and says nothing of interruptions. */
#include "train/inputs.h"

#include "stream/history.h"

#include <inttypes.h>
#include <stdio.h>

/* as the reader would put it, had the stream ended with the last sample that was used */
static json_t *
repeated_input(const Training *training)
{
	const Intake *intake = &training->intake;
	const State *state = &training->state;
	char content[17];
	json_t *history = json_deep_copy(training->is_input_whole ? intake->reader.about.history : intake->first_history);

	history_forget_start(history);
	snprintf(content, sizeof content, "%016" PRIx64, state->content);
	return json_pack("[{s:s, s:s, s:I, s:o}]", "name", "stdin", "content", content, "samples",
			 (json_int_t)state->samples, "history", history);
}

/* Parts may be marked and the hold-out empty: val_loss, which the first record promised, was nobody's choice then, and
 * given as an option it would be refused. */
static json_t *
options_that_counted(const Training *training)
{
	json_t *options = json_deep_copy(training->options);

	if (!training->validation.kept && !training->settings->monitor)
		json_object_del(options, "monitor");
	return options;
}

json_t *
inputs_history(const Training *training)
{
	json_t *inputs = training->intake.is_repeated ? repeated_input(training)
						      : reader_inputs(&training->intake.reader, "stdin");
	char seed[24];

	if (training->val.inputs)
		json_array_extend(inputs, training->val.inputs);
	snprintf(seed, sizeof seed, "%" PRIu64, training->settings->seed);
	return history_make("fm-train", options_that_counted(training), seed,
			    training->backend ? training->table->chosen(training->backend) : NULL, inputs);
}
