/* predict/predictor.h: pictures -> class probabilities, by a model on a backend. */
#ifndef FM_PREDICT_PREDICTOR_H
#define FM_PREDICT_PREDICTOR_H

#include "device/device.h"
#include "net/model.h"
#include "status.h"

#include <stdint.h>

enum { PREDICTOR_TILE = 256 }; /* pictures a call of the backend */

typedef struct PredictorOptions {
	const char *device;    /* DEVICE_CHOICES */
	const char *precision; /* PRECISION_CHOICES; auto is fp32 */
	const char *views;     /* VIEWS_CHOICES, or NULL: the model's own */
	double temperature;    /* 0: the model's own */
	int threads;
} PredictorOptions;

/** predictor_open, predictor_close. */
typedef struct Predictor {
	const Model *model; /* borrowed */
	Device device;
	const char *views;  /* in use */
	double temperature; /* in use; 1: none */
	uint8_t *pixels;    /* a tile's view */
	float *prob;	    /* and what it gives */
	double *sums;	    /* [tile, classes], over views */
} Predictor;

/**
 * @return STATUS_OK; STATUS_DEVICE, STATUS_USAGE (a precision that the device has not), STATUS_INPUT (a model that lacks
 *         what is asked for), STATUS_IO (memory); and nothing is held
 */
MUST_CHECK Status predictor_open(Predictor *predictor, const Model *model, const PredictorOptions *options);

/**
 * Predict in tiles, so that memory does not grow with n.
 *
 * @param pixels  [n, h, w, c] of the model's geometry
 * @param prob    out, [n, classes]: calibrated, averaged over the views; rows sum to 1 within rounding
 */
MUST_CHECK Status predictor_run(Predictor *predictor, const uint8_t *pixels, uint64_t n, float *prob);

void predictor_close(Predictor *predictor);

#endif
