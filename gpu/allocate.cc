/* allocate.cc: what lies on the device, sized by the plan and the largest batch. */
#include "engine.h"

#include "depthwise.h"
#include "layout.h"

#include <stdlib.h>
#include <string.h>

/* cuBLAS's own memory, ours so that its choice of algorithms is the same from run to run; NVIDIA's advice for Hopper. */
#ifndef FM_BLAS_WORKSPACE
#define FM_BLAS_WORKSPACE (32 << 20)
#endif
static const size_t blas_workspace = FM_BLAS_WORKSPACE;

static size_t
cell_size(const Backend *backend)
{
	return backend->is_narrow ? 2 : 4;
}

static size_t
most(size_t a, size_t b)
{
	return a > b ? a : b;
}

/* Rows of [n, h, w] in tiles of 128, the smallest that moments are taken of. */
static size_t
tiles_of(const Backend *backend, Shape shape)
{
	return (static_cast<size_t>(backend->options.batch_most) * shape.h * shape.w + 127) / 128;
}

/* The most tiles that a batch's way back sums in: a smaller batch may have more than a full one. */
static size_t
sum_tiles(const Backend *backend, Finish finish)
{
	finish.n = backend->options.batch_most;
	return finish_tiles_most(finish_rows(finish));
}

static float *
channels(Backend *backend, const StagePlan *plan)
{
	return memory_of<float>(&backend->memory, plan->middle.c);
}

static void
allocate_norm(Backend *backend, StagePlan *plan)
{
	const Layer *bn = plan->stage->bn;
	const float *param = backend->vectors[VECTOR_PARAM];
	Norm *norm = &plan->norm;

	norm->gamma = param + bn->weight;
	norm->beta = param + bn->bias;
	norm->bias = plan->bias == NO_TENSOR ? nullptr : param + plan->bias;
	norm->scale = channels(backend, plan);
	norm->shift = channels(backend, plan);
	norm->mean = channels(backend, plan);
	norm->inverse = channels(backend, plan);
	norm->batch_mean = backend->batch_bn + bn->mean;
	norm->batch_variance = backend->batch_bn + bn->variance;
	plan->norm_a = channels(backend, plan);
	plan->norm_b = channels(backend, plan);
	plan->norm_shift = channels(backend, plan);
}

static void
allocate_stage(Backend *backend, StagePlan *plan)
{
	const size_t n = backend->options.batch_most, cell = plan->is_last ? sizeof(float) : cell_size(backend);
	Memory *memory = &backend->memory;

	if (plan->is_copied)
		plan->flat = memory_device(memory, n * shape_elements(plan->in), cell_size(backend));
	if (plan->stage->main)
		plan->y = memory_device(memory, n * shape_elements(plan->middle), cell);
	plan->z = plan->has_finish ? memory_device(memory, n * shape_elements(plan->stage->out), cell) : plan->y;
	if (plan->finish.pool == POOL_MAX)
		plan->argmax = memory_device(memory, n * shape_elements(plan->stage->out), plan->finish.is_wide ? 4 : 1);
	if (plan->has_winners)
		plan->winners = memory_device(memory, n * shape_elements(plan->stage->out), cell);
	if (plan->stage->bn)
		allocate_norm(backend, plan);
}

static void
allocate_training(Backend *backend)
{
	const size_t n = backend->options.batch_most;
	Memory *memory = &backend->memory;

	backend->gradient = memory_of<float>(memory, backend->net->param_count + 1);
	backend->batch_bn = memory_of<float>(memory, backend->net->bn_count);
	backend->input = memory_device(memory, n * shape_elements(backend->net->input), cell_size(backend));
	backend->sample = memory_of<double>(memory, 3 * n);
	for (size_t s = 0; s < backend->net->stage_count; s++)
		allocate_stage(backend, &backend->stages[s]);
}

/* Scratch of convolutions, for those that each kind of kernel computes. */
/* Nobody asks for the pictures' derivative. */
static bool
needs_windows_back(const StagePlan *plan)
{
	return (plan->stage->from >= 0 && !plan->is_direct_input) || (!plan->is_direct_weight && !plan->is_first_weight);
}

static void
allocate_convolutions(Backend *backend)
{
	const uint32_t n = backend->options.batch_most;
	size_t windows = 0, turned = 0, slices = 0;

	for (size_t s = 0; s < backend->net->stage_count; s++) {
		const StagePlan *plan = &backend->stages[s];
		const Convolution *shape = &plan->convolution;

		if (plan->is_depthwise)
			slices = most(slices, depthwise_weight_room(*shape, n));
		if (!plan->is_convolution)
			continue;
		if (!plan->is_direct_forward || (backend->options.is_training && needs_windows_back(plan)))
			windows = most(windows, convolution_window_room(*shape, n));
		if (plan->is_direct_input)
			turned = most(turned, static_cast<size_t>(shape->kernel_h) * shape->kernel_w * shape->in_c * shape->out_c);
		if (plan->is_direct_weight)
			slices = most(slices, direct_weight_room(*shape, n));
		if (plan->is_first_weight)
			slices = most(slices, first_weight_room(*shape, n));
	}
	backend->windows = memory_device(&backend->memory, windows, sizeof(float));
	if (!backend->options.is_training)
		return;
	backend->turned = memory_device(&backend->memory, turned, sizeof(float));
	backend->slices = memory_of<float>(&backend->memory, slices);
}

/* What stages share: scratch as large as the neediest wants it. */
static void
allocate_scratch(Backend *backend)
{
	const size_t n = backend->options.batch_most;
	size_t largest = shape_elements(backend->net->input), partial = 0, widest = 0;
	Memory *memory = &backend->memory;

	for (size_t s = 0; s < backend->net->stage_count; s++) {
		const StagePlan *plan = &backend->stages[s];

		largest = most(largest, most(shape_elements(plan->in), most(shape_elements(plan->middle), shape_elements(plan->stage->out))));
		partial = most(partial, tiles_of(backend, plan->middle) * plan->middle.c);
		partial = most(partial, sum_tiles(backend, plan->finish) * plan->middle.c);
		widest = most(widest, plan->middle.c);
	}
	for (void *&side : backend->side)
		side = memory_device(memory, n * largest, sizeof(float));
	for (size_t s = 0; s < backend->net->stage_count; s++) {
		StagePlan *plan = &backend->stages[s];

		plan->lent = backend->is_branching ? memory_device(memory, n * shape_elements(plan->stage->out), sizeof(float))
						   : backend->side[s % 2];
	}
	backend->partial = memory_of<float2>(memory, partial);
	backend->fold_scale = memory_of<float>(memory, widest);
	backend->fold_shift = memory_of<float>(memory, widest);
}

static void
allocate_slots(Backend *backend)
{
	const uint32_t n = backend->options.batch_most;
	const size_t size = record_head_size(n) + n * shape_elements(backend->net->input);

	for (Slot &slot : backend->slots) {
		slot.device_memory = memory_device(&backend->memory, size, 1);
		slot.pinned_memory = memory_pinned(&backend->memory, size, 1);
		slot.device = record_at(slot.device_memory, n);
		slot.pinned = record_at(slot.pinned_memory, n);
	}
}

static void
allocate_vectors(Backend *backend)
{
	const Net *net = backend->net;

	for (int i = 0; i < VECTOR_COUNT; i++) {
		const Vector vector = static_cast<Vector>(i);

		if (backend->options.is_training || vector == VECTOR_PARAM || vector == VECTOR_BN)
			backend->vectors[i] = memory_of<float>(&backend->memory,
							       vector_is_bn(vector) ? net->bn_count : net->param_count);
	}
}

/* ---- what lies there at first ---- */

static void
set(Memory *memory, void *device, const void *host, size_t size)
{
	if (memory->error == cudaSuccess && size)
		memory->error = cudaMemcpy(device, host, size, cudaMemcpyHostToDevice);
}

/* Averages begin at the initial weights, as the best ones do; moments at 0. */
static void
set_vectors(Backend *backend, const float *param, const float *bn)
{
	const Net *net = backend->net;
	const size_t count = net->param_count + net->bn_count + 1;
	float *turned = static_cast<float *>(malloc(count * sizeof *turned));
	float *zeros = static_cast<float *>(calloc(count, sizeof *zeros));

	if (!turned || !zeros)
		backend->memory.error = cudaErrorMemoryAllocation;
	else
		layout_to_device(net, param, turned);
	for (int i = 0; i < VECTOR_COUNT; i++) {
		const bool is_bn = vector_is_bn(static_cast<Vector>(i)), is_moment = i == VECTOR_M || i == VECTOR_V;

		if (backend->vectors[i])
			set(&backend->memory, backend->vectors[i], is_moment ? zeros : is_bn ? bn : turned,
			    (is_bn ? net->bn_count : net->param_count) * sizeof(float));
	}
	if (backend->gradient) /* biases before batch norm have no gradient: nothing will ever write theirs */
		set(&backend->memory, backend->gradient, zeros, (net->param_count + 1) * sizeof(float));
	free(turned);
	free(zeros);
}

static bool
is_decayed(const TensorInfo *tensor)
{
	const Layer *layer = tensor->layer;

	return (layer->kind == LAYER_CONV || layer->kind == LAYER_DEPTHWISE || layer->kind == LAYER_DENSE) &&
	       tensor->offset == layer->weight;
}

/* Tensors cut into runs, so that a block knows whether its elements are decayed. */
static uint32_t
cut_runs(const Net *net, Run *runs)
{
	const size_t most_elements = RUN_ELEMENTS;
	uint32_t count = 0;

	for (size_t i = 0; i < net->tensor_count; i++) {
		const TensorInfo *tensor = &net->tensors[i];

		if (tensor->vector != NET_PARAM)
			continue;
		for (size_t at = 0; at < tensor->count; at += most_elements, count++) {
			const size_t left = tensor->count - at;

			if (runs)
				runs[count] = Run{ static_cast<uint32_t>(tensor->offset + at),
						   static_cast<uint32_t>(left < most_elements ? left : most_elements),
						   is_decayed(tensor) };
		}
	}
	return count;
}

static void
set_runs(Backend *backend)
{
	Run *runs;

	backend->run_count = cut_runs(backend->net, nullptr);
	backend->runs = memory_of<Run>(&backend->memory, backend->run_count);
	runs = static_cast<Run *>(calloc(backend->run_count + 1, sizeof *runs));
	if (!runs)
		backend->memory.error = cudaErrorMemoryAllocation;
	else
		cut_runs(backend->net, runs);
	set(&backend->memory, backend->runs, runs, backend->run_count * sizeof *runs);
	free(runs);
}

static void
set_sums(Backend *backend)
{
	const DeviceSums none = {};

	backend->sums = memory_of<DeviceSums>(&backend->memory, 1);
	backend->sums_pinned = static_cast<DeviceSums *>(memory_pinned(&backend->memory, 1, sizeof(DeviceSums)));
	set(&backend->memory, backend->sums, &none, sizeof none);
}

/* ---- streams, cuBLAS ---- */

static cudaError_t
open_streams(Backend *backend)
{
	cudaError_t error = cudaStreamCreateWithFlags(&backend->work.stream, cudaStreamNonBlocking);

	if (error == cudaSuccess)
		error = cudaStreamCreateWithFlags(&backend->copies, cudaStreamNonBlocking);
	for (Slot &slot : backend->slots) {
		if (error == cudaSuccess)
			error = cudaEventCreateWithFlags(&slot.copied, cudaEventDisableTiming);
		if (error == cudaSuccess)
			error = cudaEventCreateWithFlags(&slot.used, cudaEventDisableTiming);
	}
	return error;
}

static Status
open_blas(Backend *backend)
{
	void *workspace = memory_device(&backend->memory, blas_workspace, 1);
	cublasStatus_t status;

	if (!workspace)
		return cuda_failed(backend->host, &backend->card, backend->memory.error, "making room for cuBLAS");
	status = cublasCreate(&backend->work.blas);
	if (status == CUBLAS_STATUS_SUCCESS)
		status = cublasSetStream(backend->work.blas, backend->work.stream);
	if (status == CUBLAS_STATUS_SUCCESS)
		status = cublasSetWorkspace(backend->work.blas, workspace, blas_workspace);
	if (status != CUBLAS_STATUS_SUCCESS)
		return backend->host->fail(STATUS_DEVICE, "%s: cuBLAS doesn't start (its status %d)", backend->card.name,
					   static_cast<int>(status));
	backend->exact = backend->work;
	backend->exact.compute = CUBLAS_COMPUTE_32F;
	backend->exact.has_tensor_cores = false;
	return STATUS_OK;
}

Status
engine_allocate(Backend *backend, const float *param, const float *bn)
{
	const cudaError_t error = open_streams(backend);
	Status status;

	if (error != cudaSuccess)
		return cuda_failed(backend->host, &backend->card, error, "opening streams");
	status = open_blas(backend);
	if (status < 0)
		return status;
	allocate_vectors(backend);
	if (backend->is_narrow)
		backend->narrow = memory_device(&backend->memory, backend->net->param_count, 2);
	if (backend->options.is_training && backend->memory.error == cudaSuccess)
		allocate_training(backend);
	allocate_scratch(backend);
	allocate_convolutions(backend);
	allocate_slots(backend);
	backend->prob = memory_of<float>(&backend->memory, static_cast<size_t>(backend->options.batch_most) * backend->net->classes);
	backend->prob_pinned = static_cast<float *>(memory_pinned(
		&backend->memory, static_cast<size_t>(backend->options.batch_most) * backend->net->classes, sizeof(float)));
	set_sums(backend);
	set_runs(backend);
	set_vectors(backend, param, bn);
	if (backend->memory.error != cudaSuccess)
		return cuda_failed(backend->host, &backend->card, backend->memory.error, "making room for the network");
	return STATUS_OK;
}
