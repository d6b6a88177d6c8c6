/* backend.cc: the GPU behind the door: checks what it is given, then hands on. */
#include "cuda.h"
#include "engine.h"
#include "layout.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* fp16's smallest number is 6e-8; derivatives are of sums, not means, so that this is plenty, and 65504 is far. */
#define FP16_LOSS_SCALE 256.0F

static Status
cuda_trouble(const Backend *backend, cudaError_t error, const char *doing)
{
	return error == cudaSuccess ? STATUS_OK : cuda_failed(backend->host, &backend->card, error, doing);
}

/* ---- open and close ---- */

/* auto: 16 bits for training where tensor cores multiply them; fp32 for whoever wants probabilities. */
static Status
choose_precision(Backend *backend)
{
	const Card *card = &backend->card;
	Precision precision = backend->options.precision;

	if (precision == PRECISION_AUTO)
		precision = backend->options.is_training && card->major >= 8 ? PRECISION_BF16 : PRECISION_FP32;
	if (precision == PRECISION_INT8)
		return backend->host->fail(STATUS_USAGE, "int8 is not among the GPU's precisions: use auto, fp32, tf32, bf16 or fp16");
	if ((precision == PRECISION_TF32 || precision == PRECISION_BF16) && card->major < 8)
		return backend->host->fail(STATUS_DEVICE, "%s is sm_%d%d; tf32 and bf16 need sm_80 or newer: use --precision fp32 or fp16",
					   card->name, card->major, card->minor);
	backend->options.precision = precision;
	return STATUS_OK;
}

template <typename Cell>
static void
choose_passes(Backend *backend)
{
	backend->gradient_pass = network_gradient<Cell>;
	backend->predict_pass = network_predict<Cell>;
}

static void
choose_cells(Backend *backend)
{
	static const char *const names[] = { "auto", "fp32", "tf32", "bf16", "fp16", "int8" };
	const Precision precision = backend->options.precision;

	backend->loss_scale = precision == PRECISION_FP16 ? FP16_LOSS_SCALE : 1;
	backend->work.compute = precision == PRECISION_TF32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
	backend->work.has_tensor_cores = backend->card.major >= 8 && precision != PRECISION_FP32;
	if (precision == PRECISION_BF16)
		choose_passes<Brain>(backend);
	else if (precision == PRECISION_FP16)
		choose_passes<Half>(backend);
	else
		choose_passes<float>(backend);
	backend->is_narrow = precision == PRECISION_BF16 || precision == PRECISION_FP16;
	if (backend->options.is_training) /* as fm-predict will do it unless told otherwise */
		backend->predict_pass = network_predict<float>;
	snprintf(backend->chosen, sizeof backend->chosen, "cuda sm_%d%d %s", backend->card.major, backend->card.minor,
		 names[precision]);
}

static void
cuda_close(Backend *backend)
{
	if (!backend)
		return;
	if (backend->work.stream)
		cudaStreamSynchronize(backend->work.stream);
	step_release(backend);
	if (backend->work.blas)
		cublasDestroy(backend->work.blas);
	if (backend->copies)
		cudaStreamDestroy(backend->copies);
	if (backend->work.stream)
		cudaStreamDestroy(backend->work.stream);
	memory_release(&backend->memory);
	cudaFree(backend->held);
	free(backend->stages);
	free(backend);
}

static Status
open_with(Backend *backend, const float *param, const float *bn)
{
	Status status = card_open(&backend->card, backend->host);

	if (status >= 0)
		status = choose_precision(backend);
	if (status < 0)
		return status;
	choose_cells(backend);
	status = plan_make(backend);
	return status < 0 ? status : engine_allocate(backend, param, bn);
}

static Status
cuda_open(Backend **result, const BackendHost *host, const Net *net, const float *param, const float *bn,
	  const BackendOptions *options)
{
	Backend *backend = static_cast<Backend *>(calloc(1, sizeof *backend));

	*result = nullptr;
	if (!backend)
		return host->fail(STATUS_IO, "no memory");
	backend->host = host;
	backend->net = net;
	backend->options = *options;
	const Status status = open_with(backend, param, bn);
	if (status < 0)
		cuda_close(backend);
	else
		*result = backend;
	return status;
}

static const char *
cuda_chosen(const Backend *backend)
{
	return backend->chosen;
}

/* ---- data ---- */

/* Room for that many rows, what is held already included. */
static cudaError_t
make_room(Backend *backend, uint64_t rows, size_t picture)
{
	const uint64_t room = rows < 2 * backend->held_room ? 2 * backend->held_room : rows;
	void *held = nullptr;
	cudaError_t error = cudaMalloc(&held, room * picture);

	if (error == cudaErrorMemoryAllocation && room > rows) { /* less to spare, then */
		cudaGetLastError();
		error = cudaMalloc(&held, rows * picture);
	}
	if (error == cudaSuccess && backend->held_rows)
		error = cudaMemcpy(held, backend->held, backend->held_rows * picture, cudaMemcpyDeviceToDevice);
	if (error == cudaSuccess)
		error = cudaDeviceSynchronize(); /* steps read the old one; and such a copy isn't waited for */
	if (error != cudaSuccess) {
		if (error == cudaErrorMemoryAllocation)
			cudaGetLastError(); /* or the next kernel's launch would be blamed */
		cudaFree(held);
		return error;
	}
	cudaFree(backend->held);
	backend->held = static_cast<uint8_t *>(held);
	backend->held_room = room;
	return cudaSuccess;
}

static Status
cuda_hold(Backend *backend, uint64_t first, uint64_t n, const uint8_t *pixels)
{
	const size_t picture = shape_elements(backend->net->input);
	cudaError_t error = cudaSuccess;
	uint64_t rows;

	if (first > backend->held_rows)
		return backend->host->fail(STATUS_USAGE, "row %" PRIu64 " can't be held before row %" PRIu64, first,
					   backend->held_rows);
	if (__builtin_add_overflow(first, n, &rows) || rows > SIZE_MAX / 4 / picture)
		return backend->host->fail(STATUS_DEVICE, "%s: no memory for so many pictures", backend->card.name);
	if (rows > backend->held_room)
		error = make_room(backend, rows, picture);
	if (error == cudaSuccess && n)
		error = cudaMemcpy(backend->held + first * picture, pixels, n * picture, cudaMemcpyHostToDevice);
	if (error == cudaSuccess && rows > backend->held_rows)
		backend->held_rows = rows;
	return cuda_trouble(backend, error, "keeping the data set");
}

static Status
check_images(const Backend *backend, const Batch *batch)
{
	const BackendHost *host = backend->host;

	if (!batch->n)
		return host->fail(STATUS_USAGE, "a batch of no samples");
	if (batch->n > backend->options.batch_most)
		return host->fail(STATUS_USAGE, "a batch of %" PRIu64 " samples; the backend was opened for %u", batch->n,
				  backend->options.batch_most);
	for (uint64_t i = 0; !batch->pixels && i < batch->n; i++)
		if (batch->rows[i] < 0 || static_cast<uint64_t>(batch->rows[i]) >= backend->held_rows)
			return host->fail(STATUS_USAGE, "row %" PRId64 " is not held; %" PRIu64 " rows are", batch->rows[i],
					  backend->held_rows);
	return STATUS_OK;
}

static Status
check_labels(const Backend *backend, const int32_t *labels, uint64_t n)
{
	for (uint64_t i = 0; labels && i < n; i++)
		if (labels[i] < 0 || static_cast<uint32_t>(labels[i]) >= backend->net->classes)
			return backend->host->fail(STATUS_INPUT, "label %d of sample %" PRIu64 " is not one of %u classes",
						   labels[i], i, backend->net->classes);
	return STATUS_OK;
}

/* ---- training ---- */

static Status
check_training(const Backend *backend, const Batch *batch)
{
	if (!backend->options.is_training)
		return backend->host->fail(STATUS_USAGE, "the backend was opened to predict, not to train");
	if (!batch)
		return STATUS_OK;
	Status status = check_images(backend, batch);
	if (status >= 0)
		status = check_labels(backend, batch->label_a, batch->n);
	return status < 0 ? status : check_labels(backend, batch->label_b, batch->n);
}

static Status
check_hyper(const Backend *backend, const Hyper *hyper)
{
	if (hyper->frozen < backend->net->stage_count)
		return STATUS_OK;
	return backend->host->fail(STATUS_USAGE, "%u stages are to stay as they are; of the network's %zu one at least must learn",
				   hyper->frozen, backend->net->stage_count);
}

static Status
cuda_gradient(Backend *backend, const Batch *batch)
{
	const Status status = check_training(backend, batch);

	return status < 0 ? status : step_run(backend, STEP_GRADIENT, batch, nullptr, VECTOR_PARAM);
}

static Status
cuda_update(Backend *backend, const Hyper *hyper)
{
	Status status = check_training(backend, nullptr);

	if (status >= 0)
		status = check_hyper(backend, hyper);
	return status < 0 ? status : step_run(backend, STEP_UPDATE, nullptr, hyper, VECTOR_PARAM);
}

static Status
cuda_step(Backend *backend, const Batch *batch, const Hyper *hyper)
{
	Status status = check_training(backend, batch);

	if (status >= 0)
		status = check_hyper(backend, hyper);
	return status < 0 ? status : step_run(backend, STEP_BOTH, batch, hyper, VECTOR_PARAM);
}

static Status
cuda_reduce(Backend *backend, Status (*fn)(void *context, float *vector, size_t count, bool is_device), void *context)
{
	Status status = check_training(backend, nullptr);

	if (status >= 0)
		status = cuda_trouble(backend, cudaStreamSynchronize(backend->work.stream), "computing a gradient");
	return status < 0 ? status : fn(context, backend->gradient, backend->net->param_count + 1, true);
}

static_assert(static_cast<int>(STEPS_MOST) == static_cast<int>(BACKEND_QUEUE_MOST), "loss.h knows nothing of backend.h");

static Status
cuda_drain_each(Backend *backend, Sums *each, uint32_t *count)
{
	const cudaStream_t stream = backend->work.stream;
	cudaError_t error = cudaMemcpyAsync(backend->sums_pinned, backend->sums, sizeof *backend->sums, cudaMemcpyDeviceToHost,
					    stream);

	if (error == cudaSuccess) /* bad_step stays, as do the numbers: new ones are written over them */
		error = cudaMemsetAsync(&backend->sums->count, 0, sizeof backend->sums->count, stream);
	if (error == cudaSuccess)
		error = cudaStreamSynchronize(stream);
	if (error != cudaSuccess)
		return cuda_trouble(backend, error, "during a step");
	*count = backend->sums_pinned->count;
	for (uint32_t i = 0; i < *count; i++) {
		const StepSums &step = backend->sums_pinned->each[i];

		each[i] = Sums{ step.loss, step.weight, step.correct, step.n, backend->sums_pinned->bad_step };
	}
	return STATUS_OK;
}

static Status
cuda_drain(Backend *backend, Sums *sums)
{
	Sums each[BACKEND_QUEUE_MOST];
	uint32_t count;
	const Status status = cuda_drain_each(backend, each, &count);

	if (status < 0)
		return status;
	*sums = Sums{ 0, 0, 0, 0, backend->sums_pinned->bad_step };
	for (uint32_t i = 0; i < count; i++) {
		sums->loss += each[i].loss;
		sums->weight += each[i].weight;
		sums->correct += each[i].correct;
		sums->n += each[i].n;
	}
	return STATUS_OK;
}

/* ---- prediction ---- */

static Status
check_vector(const Backend *backend, Vector vector)
{
	if (static_cast<unsigned>(vector) < VECTOR_COUNT && backend->vectors[vector])
		return STATUS_OK;
	return backend->host->fail(STATUS_USAGE, "vector %d is not kept by a backend opened to %s", static_cast<int>(vector),
				   backend->options.is_training ? "train" : "predict");
}

static Status
cuda_predict(Backend *backend, const Batch *batch, Vector which, float *prob)
{
	const size_t count = batch->n * backend->net->classes;
	Status status = check_vector(backend, which);
	cudaError_t error;

	if (status >= 0 && which != VECTOR_PARAM && which != VECTOR_EMA && which != VECTOR_BEST)
		status = backend->host->fail(STATUS_USAGE, "vector %d holds no weights to predict with", static_cast<int>(which));
	if (status >= 0)
		status = check_images(backend, batch);
	if (status >= 0)
		status = step_run(backend, STEP_PREDICT, batch, nullptr, which);
	if (status < 0)
		return status;
	error = cudaMemcpyAsync(backend->prob_pinned, backend->prob, count * sizeof *prob, cudaMemcpyDeviceToHost,
				backend->work.stream);
	if (error == cudaSuccess)
		error = cudaStreamSynchronize(backend->work.stream);
	if (error == cudaSuccess)
		memcpy(prob, backend->prob_pinned, count * sizeof *prob);
	return cuda_trouble(backend, error, "predicting");
}

/* ---- vectors ---- */

static size_t
vector_count(const Backend *backend, Vector vector)
{
	return vector_is_bn(vector) ? backend->net->bn_count : backend->net->param_count;
}

/* Copy a vector to or from the host, in whatever order it has. */
static cudaError_t
move_vector(Backend *backend, Vector vector, float *host, cudaMemcpyKind kind)
{
	const size_t size = vector_count(backend, vector) * sizeof *host;
	cudaError_t error = cudaStreamSynchronize(backend->work.stream);

	if (error != cudaSuccess || !size)
		return error;
	return kind == cudaMemcpyDeviceToHost ? cudaMemcpy(host, backend->vectors[vector], size, kind)
					      : cudaMemcpy(backend->vectors[vector], host, size, kind);
}

static float *
host_copy(const Backend *backend)
{
	return static_cast<float *>(malloc((backend->net->param_count + backend->net->bn_count + 1) * sizeof(float)));
}

static Status
cuda_read(Backend *backend, Vector vector, float *values)
{
	const Status status = check_vector(backend, vector);
	float *turned;
	cudaError_t error;

	if (status < 0)
		return status;
	turned = host_copy(backend);
	if (!turned)
		return backend->host->fail(STATUS_IO, "no memory to read the parameters");
	error = move_vector(backend, vector, turned, cudaMemcpyDeviceToHost);
	if (error == cudaSuccess && vector_is_bn(vector))
		memcpy(values, turned, backend->net->bn_count * sizeof *values);
	else if (error == cudaSuccess)
		layout_to_file(backend->net, turned, values);
	free(turned);
	return cuda_trouble(backend, error, "reading the parameters");
}

static Status
cuda_write(Backend *backend, Vector vector, const float *values)
{
	const Status status = check_vector(backend, vector);
	float *turned;
	cudaError_t error;

	if (status < 0)
		return status;
	turned = host_copy(backend);
	if (!turned)
		return backend->host->fail(STATUS_IO, "no memory to write the parameters");
	if (vector_is_bn(vector))
		memcpy(turned, values, backend->net->bn_count * sizeof *values);
	else
		layout_to_device(backend->net, values, turned);
	error = move_vector(backend, vector, turned, cudaMemcpyHostToDevice);
	free(turned);
	return cuda_trouble(backend, error, "writing the parameters");
}

static Status
cuda_copy(Backend *backend, Vector to, Vector from)
{
	Status status = check_vector(backend, from);

	if (status >= 0)
		status = check_vector(backend, to);
	if (status >= 0 && vector_is_bn(to) != vector_is_bn(from))
		status = backend->host->fail(STATUS_USAGE, "vectors %d and %d are not of one length", static_cast<int>(to),
					     static_cast<int>(from));
	const size_t size = vector_count(backend, from) * sizeof(float);
	if (status < 0 || to == from || !size)
		return status;
	return cuda_trouble(backend,
			    cudaMemcpyAsync(backend->vectors[to], backend->vectors[from], size, cudaMemcpyDeviceToDevice,
					    backend->work.stream),
			    "copying the parameters");
}

extern "C" const BackendTable cuda_backend = {
	FM_BACKEND_ABI, sizeof(BackendTable), "cuda",	    cuda_open,	  cuda_close, cuda_chosen, cuda_hold, cuda_step,
	cuda_gradient,	cuda_reduce,	      cuda_update,  cuda_drain,	  cuda_drain_each, cuda_predict, cuda_read, cuda_write, cuda_copy,
	nullptr,
};
