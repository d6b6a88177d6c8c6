/* calibrate.c: predict the validation data once more, view by view, and find how sure to be. */
#include "train/calibrate.h"

#include "cli/message.h"
#include "metrics/scores.h"
#include "predict/temperature.h"
#include "predict/views.h"

#include <math.h>
#include <stdlib.h>

/* What the fit reads, and the buffers that it is made through. */
typedef struct Fit {
	ViewPredictions of;
	float *prob;	 /* [views, n, classes] */
	int32_t *labels; /* [n] */
	float *mean;	 /* [n, classes] */
	uint8_t *view;	 /* a batch of pictures */
} Fit;

static Status
fit_open(Fit *fit, const Training *training)
{
	const Validation *validation = &training->validation;
	int views = views_count(training->settings->views);
	size_t numbers;

	*fit = (Fit){ 0 };
	if (!__builtin_mul_overflow((size_t)validation->kept->n, (size_t)validation->classes, &numbers)) {
		fit->prob = reallocarray(NULL, numbers, (size_t)views * sizeof *fit->prob);
		fit->mean = reallocarray(NULL, numbers, sizeof *fit->mean);
		fit->labels = reallocarray(NULL, validation->kept->n, sizeof *fit->labels);
		fit->view = reallocarray(NULL, validation->batch, validation->kept->picture_size);
	}
	fit->of = (ViewPredictions){ .views = views, .n = validation->kept->n, .classes = validation->classes,
				     .prob = fit->prob, .label = fit->labels };
	if (fit->prob && fit->mean && fit->labels && fit->view)
		return STATUS_OK;
	return fail_errno("memory for the predictions of %d views of the validation data", views);
}

static void
fit_close(Fit *fit)
{
	free(fit->prob);
	free(fit->mean);
	free(fit->labels);
	free(fit->view);
}

/* @param first  the batch's, n how many; its pictures and labels lie in validation */
static Status
predict_views(Training *training, Fit *fit, uint64_t first, uint32_t n)
{
	const Shape *input = &training->net.input;
	const Validation *validation = &training->validation;
	Status status = STATUS_OK;

	for (int view = 0; status >= 0 && view < fit->of.views; view++) {
		float *prob = fit->prob + (view * fit->of.n + first) * fit->of.classes;
		const Batch batch = { .n = n, .pixels = view ? fit->view : validation->pixels };

		if (view)
			view_apply(view, n, input->h, input->w, input->c, validation->pixels, fit->view);
		status = training->table->predict(training->backend, &batch, VECTOR_BEST, prob);
		for (size_t i = 0; status >= 0 && i < (size_t)n * fit->of.classes; i++)
			if (!isfinite(prob[i]))
				status = fail(STATUS_NO, "a probability of the validation data is not finite");
	}
	return status;
}

static Status
predict_all(Training *training, Fit *fit)
{
	Validation *validation = &training->validation;
	Status status = STATUS_OK;
	uint32_t n;

	for (uint64_t first = 0; status >= 0 && first < fit->of.n; first += n) {
		n = validation_gather(validation, first);
		for (uint32_t i = 0; i < n; i++)
			fit->labels[first + i] = validation->labels[i];
		status = predict_views(training, fit, first, n);
	}
	return status;
}

/* adds {"log_loss":…,"ece":…} under key, as fm-metrics has them */
static Status
add_scores(const Validation *validation, Fit *fit, double temperature, json_t *calibration, const char *key)
{
	Scores scores;
	Status status = temperature_mean(&fit->of, temperature, fit->mean);

	if (status < 0 || (status = scores_init(&scores, validation->classes, validation->names)) < 0)
		return status;
	status = scores_add(&scores, fit->mean, fit->labels, fit->of.n);
	if (status >= 0) {
		Summary summary = scores_summary(&scores);

		json_object_set_new(calibration, key,
				    json_pack("{s:f, s:f}", "log_loss", summary.log_loss, "ece", summary.ece));
		verbose("temperature %g: log loss %.4f, calibration error %.4f on the validation data", temperature,
			summary.log_loss, summary.ece);
	}
	scores_release(&scores);
	return status;
}

/* @param temperature  in and out; 0: to be fitted */
static Status
measure(Training *training, double *temperature, json_t *calibration)
{
	Fit fit;
	Status status = fit_open(&fit, training);

	if (status >= 0)
		status = predict_all(training, &fit);
	if (status >= 0 && *temperature == 0)
		status = temperature_fit(&fit.of, temperature);
	if (status >= 0)
		status = add_scores(&training->validation, &fit, 1, calibration, "uncalibrated");
	if (status >= 0)
		status = add_scores(&training->validation, &fit, *temperature, calibration, "calibrated");
	fit_close(&fit);
	return status;
}

Status
calibrate(Training *training)
{
	double temperature = training->settings->temperature;
	json_t *scores;
	Status status = STATUS_OK;

	if (temperature == 1)
		return STATUS_OK;
	scores = json_object();
	if (training->validation.kept)
		status = measure(training, &temperature, scores);
	if (status >= 0) {
		training->calibration = json_pack("{s:f}", "temperature", temperature);
		json_object_update(training->calibration, scores);
	}
	json_decref(scores);
	return status;
}
