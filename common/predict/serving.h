/* predict/serving.h: the model that predicts, and the one that takes its place while a stream goes on. */
#ifndef FM_PREDICT_SERVING_H
#define FM_PREDICT_SERVING_H

#include "net/model.h"
#include "predict/predictor.h"
#include "status.h"
#include "stream/record.h"

#include <jansson.h>

/** A model and what computes with it; in one place, for the predictor points at the model. */
typedef struct Served {
	Model model;
	Predictor predictor;
} Served;

/** serving_read, serving_start, serving_close. */
typedef struct Serving {
	const char *path;     /* borrowed */
	PredictorOptions how; /* once started; its views are those below */
	char *views;	      /* in use: as asked for, or the first model's own */
	Served *now;
	uint64_t samples; /* predicted by it */
	json_t *former;	  /* array: the models before it that have predicted something, as a history's inputs */
} Serving;

/** Read the first model. @return STATUS_OK; as model_read, and nothing is held */
MUST_CHECK Status serving_read(Serving *serving, const char *path);

/** Find the device, and be ready. @return as predictor_open; what serving_read holds stays */
MUST_CHECK Status serving_start(Serving *serving, const PredictorOptions *how);

/** As predictor_run. */
MUST_CHECK Status serving_run(Serving *serving, const uint8_t *pixels, uint64_t n, float *prob);

/**
 * Read the file again, and predict with what it holds now; test views stay, for the stream has told of them.
 *
 * @param output  what has been said of the stream: its pictures and its classes must be the new model's
 * @param name    of the stream that is read, for messages
 * @return 1 another model is in use; 0 it is the very same; STATUS_INPUT, STATUS_IO, STATUS_DEVICE: the old one is, as if
 *         nothing had been asked
 */
MUST_CHECK Status serving_reopen(Serving *serving, const About *output, const char *name);

/** As a history's inputs: the models in the order of their use, each with how many samples it predicted if they are several.
 *  @param is_ended  contents may be told @return new reference: an array */
json_t *serving_inputs(const Serving *serving, bool is_ended);

void serving_close(Serving *serving);

#endif
