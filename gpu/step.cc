/* step.cc: send what a step needs, then do it: by hand at first, by a captured graph from the second time on.
 *
 * The first time warms up whatever CUDA and cuBLAS load late, and spares the graph of what happens once. */
#include "engine.h"

#include "optimise.h"

#include <math.h>
#include <string.h>

/* ---- what is sent ---- */

static Head
head_of(const Backend *backend, const Batch *batch, const Hyper *hyper)
{
	Head head = {};

	head.held = backend->held;
	if (hyper) {
		head.rate = hyper->rate;
		head.beta1 = hyper->beta1;
		head.weight_decay = hyper->weight_decay;
		head.correct1 = 1 - pow(hyper->beta1, static_cast<double>(hyper->step));
		head.correct2 = 1 - pow(0.999, static_cast<double>(hyper->step));
		head.keep = 1 - hyper->rate * hyper->weight_decay;
		head.step = hyper->step;
		head.frozen = static_cast<uint32_t>(net_params_before(backend->net, hyper->frozen));
	}
	if (batch) {
		head.epoch = batch->epoch;
		head.is_mixed = batch->label_b != nullptr;
		head.is_weighted = batch->weight != nullptr;
		head.fill = batch->fill;
		head.fill_value = batch->fill_value;
	}
	return head;
}

template <typename T>
static void
put(T *to, const T *from, size_t count)
{
	if (from)
		memcpy(to, from, count * sizeof *to);
}

static void
fill_record(const Record &record, const Batch *batch, size_t picture)
{
	const size_t n = batch->n;

	put(record.ids, batch->ids, n);
	put(record.row, batch->pixels ? nullptr : batch->rows, n);
	put(record.label_a, batch->label_a, n);
	put(record.label_b, batch->label_b, n);
	put(record.lambda, batch->label_b ? batch->lambda : nullptr, n);
	put(record.weight, batch->weight, n);
	put(record.affine, batch->affine, 6 * n);
	put(record.tone, batch->affine ? batch->tone : nullptr, 2 * n);
	put(record.erase, batch->affine ? batch->erase : nullptr, 5 * n);
	put(record.pixels, batch->pixels, n * picture);
}

/* Write the pinned record once its last copy is over; copy it once the last step that read the device's is over. */
static cudaError_t
send(Backend *backend, Slot *slot, const Batch *batch, const Hyper *hyper)
{
	const size_t picture = shape_elements(backend->net->input), head = record_head_size(backend->options.batch_most);
	size_t size = sizeof(Head);
	cudaError_t error = cudaEventSynchronize(slot->copied);

	if (error != cudaSuccess)
		return error;
	*slot->pinned.head = head_of(backend, batch, hyper);
	if (batch) {
		fill_record(slot->pinned, batch, picture);
		size = batch->pixels ? head + batch->n * picture : head;
	}
	error = cudaStreamWaitEvent(backend->copies, slot->used, 0);
	if (error == cudaSuccess)
		error = cudaMemcpyAsync(slot->device_memory, slot->pinned_memory, size, cudaMemcpyHostToDevice, backend->copies);
	if (error == cudaSuccess)
		error = cudaEventRecord(slot->copied, backend->copies);
	if (error == cudaSuccess)
		error = cudaStreamWaitEvent(backend->work.stream, slot->copied, 0);
	return error;
}

/* ---- what is done ---- */

static void
queue_update(Backend *backend, const StepForm &form)
{
	const Net *net = backend->net;
	const BackendOptions *options = &backend->options;
	float **vectors = backend->vectors;
	Optimise job = {};

	job.head = backend->slots[form.slot].device.head;
	job.runs = backend->runs;
	job.run_count = backend->run_count;
	job.param_count = static_cast<uint32_t>(net->param_count);
	job.bn_count = static_cast<uint32_t>(net->bn_count);
	job.is_sgd = options->optimizer == OPTIMIZER_SGD;
	job.decays_weight = options->optimizer == OPTIMIZER_ADAMW;
	job.decays_gradient = options->optimizer == OPTIMIZER_SGD;
	job.ema_rate = options->ema_rate;
	job.gradient = backend->gradient;
	job.batch_bn = backend->batch_bn;
	job.param = vectors[VECTOR_PARAM];
	job.m = vectors[VECTOR_M];
	job.v = vectors[VECTOR_V];
	job.ema = vectors[VECTOR_EMA];
	job.bn = vectors[VECTOR_BN];
	job.ema_bn = vectors[VECTOR_EMA_BN];
	job.sums = backend->sums;
	optimise(backend->work, job);
}

static void
queue(Backend *backend, const StepForm &form)
{
	if (form.kind == STEP_PREDICT)
		backend->predict_pass(*backend, form);
	if (form.kind == STEP_GRADIENT || form.kind == STEP_BOTH)
		backend->gradient_pass(*backend, form);
	if (form.kind == STEP_UPDATE || form.kind == STEP_BOTH)
		queue_update(backend, form);
}

/* ---- graphs ---- */

static bool
is_same(const StepForm &a, const StepForm &b)
{
	return a.kind == b.kind && a.n == b.n && a.is_held == b.is_held && a.is_moved == b.is_moved && a.slot == b.slot &&
	       a.which == b.which && a.frozen == b.frozen;
}

/* The form's graph. @return NULL the first time, or where there are too many already */
static StepGraph *
graph_of(Backend *backend, const StepForm &form)
{
	for (int i = 0; i < backend->graph_count; i++)
		if (is_same(backend->graphs[i].form, form))
			return &backend->graphs[i];
	if (backend->graph_count < GRAPHS_MOST)
		backend->graphs[backend->graph_count++] = StepGraph{ form, false, nullptr };
	return nullptr;
}

static cudaError_t
instantiate(cudaGraphExec_t *exec, cudaGraph_t graph)
{
#if CUDART_VERSION >= 12000
	return cudaGraphInstantiate(exec, graph, 0);
#else
	return cudaGraphInstantiate(exec, graph, nullptr, nullptr, 0);
#endif
}

static void
capture(Backend *backend, StepGraph *to)
{
	Work &work = backend->work;
	cudaGraph_t graph = nullptr;

	work_note(work, cudaStreamBeginCapture(work.stream, cudaStreamCaptureModeThreadLocal));
	if (!work_is_well(work))
		return;
	queue(backend, to->form);
	const cudaError_t error = cudaStreamEndCapture(work.stream, &graph);
	work_note(work, error);
	if (work_is_well(work))
		work_note(work, instantiate(&to->exec, graph));
	if (graph)
		cudaGraphDestroy(graph);
	to->is_captured = work_is_well(work);
}

static void
perform(Backend *backend, const StepForm &form)
{
	StepGraph *graph = graph_of(backend, form);
	Work &work = backend->work;

	if (!graph) {
		queue(backend, form);
		return;
	}
	if (!graph->is_captured)
		capture(backend, graph);
	if (graph->is_captured && work_is_well(work))
		work_note(work, cudaGraphLaunch(graph->exec, work.stream));
}

static Status
outcome(Backend *backend)
{
	Work *works[] = { &backend->work, &backend->exact };

	for (Work *work : works) {
		const cudaError_t error = work->error;
		const cublasStatus_t blas = work->blas_error;

		work->error = cudaSuccess;
		work->blas_error = CUBLAS_STATUS_SUCCESS;
		if (error != cudaSuccess)
			return cuda_failed(backend->host, &backend->card, error, "during a step");
		if (blas != CUBLAS_STATUS_SUCCESS)
			return backend->host->fail(STATUS_DEVICE, "%s: cuBLAS failed during a step (its status %d)",
						   backend->card.name, static_cast<int>(blas));
	}
	return STATUS_OK;
}

Status
step_run(Backend *backend, StepKind kind, const Batch *batch, const Hyper *hyper, Vector which)
{
	const int at = static_cast<int>(backend->turn++ % 2);
	const StepForm form = { kind, batch ? static_cast<uint32_t>(batch->n) : 0, batch && !batch->pixels,
				batch && batch->affine, at, which, kind == STEP_BOTH ? hyper->frozen : 0 };
	Slot *slot = &backend->slots[at];

	work_note(backend->work, send(backend, slot, batch, hyper));
	if (work_is_well(backend->work))
		perform(backend, form);
	if (work_is_well(backend->work))
		work_note(backend->work, cudaEventRecord(slot->used, backend->work.stream));
	return outcome(backend);
}

void
step_release(Backend *backend)
{
	for (int i = 0; i < backend->graph_count; i++)
		if (backend->graphs[i].is_captured)
			cudaGraphExecDestroy(backend->graphs[i].exec);
	for (Slot &slot : backend->slots) {
		if (slot.copied)
			cudaEventDestroy(slot.copied);
		if (slot.used)
			cudaEventDestroy(slot.used);
	}
}
