/* ranges.c: from what to what the activations of a trained network go. */
#include "train/ranges.h"

#include "cli/message.h"
#include "device/device.h"
#include "predict/ranges.h"

#include <stdlib.h>

/* The weights, and where the ranges go. */
typedef struct Measured {
	float *param, *bn, *seen;
} Measured;

static Status
measured_init(Measured *measured, Training *training)
{
	const Net *net = &training->net;
	Status status;

	measured->param = reallocarray(NULL, net->param_count + 1, sizeof(float));
	measured->bn = reallocarray(NULL, net->bn_count + 1, sizeof(float));
	measured->seen = calloc(net->stage_count, 2 * sizeof(float));
	if (!measured->param || !measured->bn || !measured->seen)
		return fail_errno("memory to measure activations");
	status = training->table->read(training->backend, VECTOR_BEST, measured->param);
	return status < 0 ? status : training->table->read(training->backend, VECTOR_BEST_BN, measured->bn);
}

static void
measured_release(Measured *measured)
{
	free(measured->param);
	free(measured->bn);
	free(measured->seen);
}

static Status
predict_all(Validation *validation, const BackendTable *table, Backend *backend)
{
	Status status = STATUS_OK;
	uint32_t n;

	for (uint64_t first = 0; status >= 0 && first < validation->kept->n; first += n) {
		n = validation_gather(validation, first);
		status = table->predict(backend, &(Batch){ .n = n, .pixels = validation->pixels }, VECTOR_PARAM,
					validation->prob);
	}
	return status;
}

/* @return 1 measured; 0 the CPU has no such network */
static Status
measure(Training *training, const Measured *measured)
{
	const BackendOptions options = {
		.precision = PRECISION_FP32, .batch_most = training->validation.batch, .threads = training->settings->threads,
		.ranges_seen = measured->seen,
	};
	Device cpu;
	Status status = device_open(&cpu, "cpu", &training->net, measured->param, measured->bn, &options);

	if (status == STATUS_DEVICE) {
		verbose("no ranges of activations, so no int8: %s", status_message());
		return STATUS_OK;
	}
	if (status < 0)
		return status;
	status = predict_all(&training->validation, cpu.table, cpu.backend);
	cpu.table->close(cpu.backend);
	return status < 0 ? status : 1;
}

Status
ranges_measure(Training *training)
{
	Measured measured = { 0 };
	Status status;

	if (!training->validation.kept)
		return STATUS_OK;
	status = measured_init(&measured, training);
	if (status >= 0)
		status = measure(training, &measured);
	if (status > 0) {
		if (!training->calibration)
			training->calibration = json_object();
		json_object_set_new(training->calibration, "ranges", ranges_json(&training->net, measured.seen));
	}
	measured_release(&measured);
	return status < 0 ? status : STATUS_OK;
}
