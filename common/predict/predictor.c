/* predictor.c */
#include "predict/predictor.h"

#include "device/device.h"
#include "predict/ranges.h"
#include "predict/temperature.h"
#include "predict/views.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static size_t
picture_size(const Predictor *predictor)
{
	const Shape *input = &predictor->model->net.input;

	return (size_t)input->h * input->w * input->c;
}

static Status
read_temperature(Predictor *predictor, double wanted)
{
	const json_t *calibration = predictor->model->calibration;
	const json_t *temperature = json_object_get(calibration, "temperature");

	predictor->temperature = wanted > 0 ? wanted : temperature ? json_number_value(temperature) : 1;
	if (!(predictor->temperature > 0 && isfinite(predictor->temperature)))
		return fail(STATUS_INPUT, "the model's temperature (fm.calibration) is %g; expected a number above 0",
			    predictor->temperature);
	return STATUS_OK;
}

static Status
open_backend(Predictor *predictor, const PredictorOptions *options, Precision precision)
{
	const Model *model = predictor->model;
	BackendOptions how = {
		.precision = precision == PRECISION_AUTO ? PRECISION_FP32 : precision,
		.batch_most = PREDICTOR_TILE,
		.threads = options->threads,
	};
	float *ranges = NULL;
	Status status = precision == PRECISION_INT8 ? ranges_read(model->calibration, &model->net, &ranges) : STATUS_OK;

	how.ranges = ranges;
	if (status >= 0)
		status = device_open(&predictor->device, options->device, &model->net, model->param, model->bn, &how);
	free(ranges);
	return status;
}

static Status
make_room(Predictor *predictor)
{
	size_t numbers = (size_t)PREDICTOR_TILE * predictor->model->net.classes;

	predictor->pixels = malloc(PREDICTOR_TILE * picture_size(predictor));
	predictor->prob = malloc(numbers * sizeof *predictor->prob);
	predictor->sums = malloc(numbers * sizeof *predictor->sums);
	return predictor->pixels && predictor->prob && predictor->sums ? STATUS_OK : fail_errno("room for predictions");
}

Status
predictor_open(Predictor *predictor, const Model *model, const PredictorOptions *options)
{
	Precision precision = precision_from_name(options->precision);

	*predictor = (Predictor){.model = model, .views = options->views ? options->views : model->views};
	if (!views_count(predictor->views))
		return fail(STATUS_INPUT, "the model wants unknown test views (fm.views): %s; say which with --tta",
			    predictor->views);
	Status status = read_temperature(predictor, options->temperature);
	if (status < 0 || (status = make_room(predictor)) < 0 ||
	    (status = open_backend(predictor, options, precision)) < 0) {
		predictor_close(predictor);
		return status;
	}
	return STATUS_OK;
}

static Status
predict_view(Predictor *predictor, int view, const uint8_t *pixels, uint64_t n, float *prob)
{
	const Shape *input = &predictor->model->net.input;
	uint32_t classes = predictor->model->net.classes;

	if (view) {
		view_apply(view, n, input->h, input->w, input->c, pixels, predictor->pixels);
		pixels = predictor->pixels;
	}
	Batch batch = {.n = n, .pixels = pixels};
	Status status = predictor->device.table->predict(predictor->device.backend, &batch, VECTOR_PARAM, prob);
	if (status < 0)
		return status;
	for (uint64_t i = 0; predictor->temperature != 1 && i < n; i++)
		temperature_apply(prob + i * classes, classes, predictor->temperature);
	return STATUS_OK;
}

/* The mean over views is taken in double and rounded once. */
static Status
predict_tile(Predictor *predictor, const uint8_t *pixels, uint64_t n, float *prob)
{
	int views = views_count(predictor->views);
	uint64_t numbers = n * predictor->model->net.classes;

	if (views == 1)
		return predict_view(predictor, 0, pixels, n, prob);
	memset(predictor->sums, 0, numbers * sizeof *predictor->sums);
	for (int view = 0; view < views; view++) {
		Status status = predict_view(predictor, view, pixels, n, predictor->prob);
		if (status < 0)
			return status;
		for (uint64_t i = 0; i < numbers; i++)
			predictor->sums[i] += (double)predictor->prob[i];
	}
	for (uint64_t i = 0; i < numbers; i++)
		prob[i] = (float)(predictor->sums[i] / views);
	return STATUS_OK;
}

Status
predictor_run(Predictor *predictor, const uint8_t *pixels, uint64_t n, float *prob)
{
	for (uint64_t at = 0; at < n; at += PREDICTOR_TILE) {
		uint64_t tile = n - at < PREDICTOR_TILE ? n - at : PREDICTOR_TILE;
		Status status = predict_tile(predictor, pixels + at * picture_size(predictor), tile,
					     prob + at * predictor->model->net.classes);
		if (status < 0)
			return status;
	}
	return STATUS_OK;
}

void
predictor_close(Predictor *predictor)
{
	if (predictor->device.backend)
		predictor->device.table->close(predictor->device.backend);
	free(predictor->pixels);
	free(predictor->prob);
	free(predictor->sums);
	*predictor = (Predictor){0};
}
