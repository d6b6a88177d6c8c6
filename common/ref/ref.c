/* ref.c: the reference behind the backend door: one thread, one layer after the other, nothing clever. */
#include "ref/ref.h"

#include "net/shape.h"
#include "ref/operations.h"
#include "ref/state.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static bool
is_bn(Vector vector)
{
	return vector == VECTOR_BN || vector == VECTOR_EMA_BN || vector == VECTOR_BEST_BN;
}

size_t
vector_count(const Net *net, Vector vector)
{
	return is_bn(vector) ? net->bn_count : net->param_count;
}

static void
ref_close(Backend *backend)
{
	if (!backend)
		return;
	for (int i = 0; i < VECTOR_COUNT; i++)
		free(backend->vector[i]);
	free(backend->gradient);
	free(backend->target);
	free(backend->warped);
	free(backend->held);
	network_release(&backend->network);
	free(backend);
}

static Status
allocate(Backend *backend)
{
	const Net *net = backend->net;
	bool is_training = backend->options.is_training;

	if (network_init(&backend->network, net, backend->options.batch_most, is_training))
		return STATUS_IO;
	backend->gradient = calloc(net->param_count + 1, sizeof *backend->gradient);
	backend->target = calloc(net->classes, sizeof *backend->target);
	backend->warped = malloc(shape_size(net->input));
	if (!backend->gradient || !backend->target || !backend->warped)
		return STATUS_IO;
	for (int i = 0; i < VECTOR_COUNT; i++) {
		if (!is_training && i != VECTOR_PARAM && i != VECTOR_BN)
			continue;
		backend->vector[i] = calloc(vector_count(net, i) + 1, sizeof **backend->vector);
		if (!backend->vector[i])
			return STATUS_IO;
	}
	return STATUS_OK;
}

/* Averages begin at the initial weights; best ones are those until there are better. */
static void
set_initial(Backend *backend, const float *param, const float *bn)
{
	static const Vector initial[] = { VECTOR_PARAM, VECTOR_EMA,  VECTOR_BEST,
					  VECTOR_BN,	VECTOR_EMA_BN, VECTOR_BEST_BN };

	for (size_t i = 0; i < sizeof initial / sizeof *initial; i++) {
		Vector vector = initial[i];

		if (backend->vector[vector])
			memcpy(backend->vector[vector], is_bn(vector) ? bn : param,
			       vector_count(backend->net, vector) * sizeof(float));
	}
}

static Status
ref_open(Backend **result, const BackendHost *host, const Net *net, const float *param, const float *bn,
	 const BackendOptions *options)
{
	Backend *backend;

	if (options->precision != PRECISION_AUTO && options->precision != PRECISION_FP32)
		return host->fail(STATUS_USAGE, "the ref backend computes in fp32 only");
	backend = calloc(1, sizeof *backend);
	if (backend) {
		backend->host = host;
		backend->net = net;
		backend->options = *options;
	}
	if (!backend || allocate(backend)) {
		ref_close(backend);
		return host->fail(STATUS_IO, "no memory for a network of %zu parameters at batch %u", net->param_count,
				  options->batch_most);
	}
	set_initial(backend, param, bn);
	*result = backend;
	return STATUS_OK;
}

static const char *
ref_chosen(const Backend *backend)
{
	(void)backend;
	return "ref fp32";
}

static Status
ref_step(Backend *backend, const Batch *batch, const Hyper *hyper)
{
	Status status = ref_gradient(backend, batch);

	return status ? status : ref_update(backend, hyper);
}

static Status
ref_reduce(Backend *backend, Status (*fn)(void *context, float *vector, size_t count, bool is_device), void *context)
{
	return fn(context, backend->gradient, backend->net->param_count + 1, false);
}

static Status
ref_drain(Backend *backend, Sums *sums)
{
	*sums = backend->sums;
	backend->sums = (Sums){ .bad_step = sums->bad_step };
	return STATUS_OK;
}

static Status
check_vector(const Backend *backend, Vector vector)
{
	if ((unsigned)vector < VECTOR_COUNT && backend->vector[vector])
		return STATUS_OK;
	return backend->host->fail(STATUS_USAGE, "vector %d is not kept by a backend opened to %s", (int)vector,
				   backend->options.is_training ? "train" : "predict");
}

static Status
ref_predict(Backend *backend, const Batch *batch, Vector which, float *prob)
{
	Vector bn = which == VECTOR_EMA ? VECTOR_EMA_BN : which == VECTOR_BEST ? VECTOR_BEST_BN : VECTOR_BN;
	Status status = check_vector(backend, which);
	Pass pass = { .n = batch->n };

	if (!status && batch->n > backend->options.batch_most)
		status = backend->host->fail(STATUS_USAGE, "a batch of %" PRIu64 " samples; the backend was opened for %u",
					     batch->n, backend->options.batch_most);
	if (!status)
		status = input_fill(backend, batch);
	if (status)
		return status;
	pass.param = backend->vector[which];
	pass.bn = backend->vector[bn];
	ref_softmax(batch->n, backend->net->classes, network_forward(&backend->network, &pass), prob);
	return STATUS_OK;
}

static Status
ref_read(Backend *backend, Vector vector, float *values)
{
	Status status = check_vector(backend, vector);

	if (!status)
		memcpy(values, backend->vector[vector], vector_count(backend->net, vector) * sizeof *values);
	return status;
}

static Status
ref_write(Backend *backend, Vector vector, const float *values)
{
	Status status = check_vector(backend, vector);

	if (!status)
		memcpy(backend->vector[vector], values, vector_count(backend->net, vector) * sizeof *values);
	return status;
}

static Status
ref_copy(Backend *backend, Vector to, Vector from)
{
	Status status = check_vector(backend, from);

	if (!status && is_bn(to) != is_bn(from))
		status = backend->host->fail(STATUS_USAGE, "vectors %d and %d are not of one length", (int)to, (int)from);
	return status || to == from ? status : ref_write(backend, to, backend->vector[from]);
}

const BackendTable ref_backend = {
	.abi = FM_BACKEND_ABI,
	.size = sizeof(BackendTable),
	.name = "ref",
	.open = ref_open,
	.close = ref_close,
	.chosen = ref_chosen,
	.hold = ref_hold,
	.step = ref_step,
	.gradient = ref_gradient,
	.reduce = ref_reduce,
	.update = ref_update,
	.drain = ref_drain,
	.predict = ref_predict,
	.read = ref_read,
	.write = ref_write,
	.copy = ref_copy,
};
