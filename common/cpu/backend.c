/* backend.c: the CPU behind the door: checks what it is given, then hands on. */
#include "cpu/cpu.h"
#include "cpu/fold.h"
#include "cpu/moved.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static Status
out_of_memory(const Backend *backend)
{
	return backend->host->fail(STATUS_IO, "no memory for a batch of %u: use a smaller one",
				   backend->options.batch_most);
}

/* ---- open and close ---- */

static Status
check_plan(const BackendHost *host, const Net *net, const BackendOptions *options)
{
	const Stage *last = &net->stages[net->stage_count - 1];

	if (options->precision == PRECISION_TF32 || options->precision == PRECISION_FP16)
		return host->fail(STATUS_USAGE, "this precision is not among the CPU's: use %s",
				  options->is_training ? "auto, fp32 or bf16" : "auto, fp32, bf16 or int8");
	if (options->precision == PRECISION_INT8 && options->is_training)
		return host->fail(STATUS_USAGE, "int8 is for prediction: train in auto, fp32 or bf16");
	if (options->precision == PRECISION_INT8 && !options->ranges)
		return host->fail(STATUS_USAGE, "int8 needs the ranges of activations");
	for (size_t s = 0; s < net->stage_count && options->precision == PRECISION_INT8; s++) {
		const Stage *stage = &net->stages[s];

		if (stage->from < 0 && stage->main && stage->main->kind == LAYER_DEPTHWISE)
			return host->fail(STATUS_USAGE, "int8 is for networks that don't begin with depthwise: use --precision fp32");
	}
	if (last->out.h * last->out.w != 1 || last->out.c != net->classes)
		return host->fail(STATUS_USAGE, "the last layer gives %ux%ux%u, wanted are %u numbers", last->out.h,
				  last->out.w, last->out.c, net->classes);
	return STATUS_OK;
}

static void
cpu_close(Backend *backend)
{
	if (!backend)
		return;
	team_close(backend->team);
	moved_close(backend);
	engine_free(backend);
	free(backend);
}

/* Averages begin at the initial weights; the best ones are those until there are better. */
static void
set_initial(Backend *backend, const float *param, const float *bn)
{
	static const Vector copies[] = { VECTOR_EMA, VECTOR_BEST };
	static const Vector statistics[] = { VECTOR_BN, VECTOR_EMA_BN, VECTOR_BEST_BN };

	layout_pack(&backend->layout, param, backend->vectors[VECTOR_PARAM]);
	for (int i = 0; i < 2; i++)
		if (backend->vectors[copies[i]]) /* packing takes longer */
			memcpy(backend->vectors[copies[i]], backend->vectors[VECTOR_PARAM],
			       backend->layout.packed_count * sizeof(float));
	for (int i = 0; i < 3; i++)
		if (backend->vectors[statistics[i]] && backend->net->bn_count)
			memcpy(backend->vectors[statistics[i]], bn, backend->net->bn_count * sizeof *bn);
}

static Status
open_with(Backend *backend, const float *param, const float *bn)
{
	const KernelTable *predict = backend->options.is_training ? backend->kernels->floats : backend->kernels;

	backend->folded.kernels = predict; /* while training, as fm-predict will do it unless told otherwise */
	if (!layout_init(&backend->layout, backend->net, backend->kernels, !backend->options.is_training) ||
	    !layout_init(&backend->folded.layout, backend->net, predict, true) || !engine_allocate(backend))
		return out_of_memory(backend);
	if (backend->folded.quantities)
		for (size_t s = 0; s < backend->net->stage_count; s++)
			if (quantise_is_too_deep(&backend->folded.layout.stages[s]))
				return backend->host->fail(STATUS_USAGE,
							   "stage %zu adds up too many products for int8: use --precision fp32", s);
	backend->team = team_open(backend->threads);
	if (!backend->team)
		return backend->host->fail(STATUS_IO, "can't start %d threads", backend->threads);
	set_initial(backend, param, bn);
	backend->version = 1;
	snprintf(backend->chosen, sizeof backend->chosen, "cpu %s %s", backend->kernels->name,
		 backend->kernels->cell == sizeof(float) ? "fp32" : backend->kernels->cell == 1 ? "int8" : "bf16");
	return STATUS_OK;
}

static Status
cpu_open(Backend **result, const BackendHost *host, const Net *net, const float *param, const float *bn,
	 const BackendOptions *options)
{
	Status status = check_plan(host, net, options);
	const KernelTable *kernels;
	Backend *backend;

	*result = NULL;
	if (status < 0)
		return status;
	kernels = cpu_kernels(host, options->precision, options->is_training);
	if (!kernels)
		return STATUS_DEVICE;
	backend = calloc(1, sizeof *backend);
	if (!backend)
		return host->fail(STATUS_IO, "no memory");
	backend->host = host;
	backend->net = net;
	backend->kernels = kernels;
	backend->options = *options;
	backend->threads = options->threads > 0 ? options->threads : 1;
	status = open_with(backend, param, bn);
	if (status < 0)
		cpu_close(backend);
	else
		*result = backend;
	return status;
}

static const char *
cpu_chosen(const Backend *backend)
{
	return backend->chosen;
}

/* ---- data ---- */

static Status
cpu_hold(Backend *backend, uint64_t first, uint64_t n, const uint8_t *pixels)
{
	const Shape *shape = &backend->net->input;
	const size_t row = (size_t)shape->h * shape->w * shape->c;
	uint64_t rows, room;
	uint8_t *held;

	if (first > backend->held_rows)
		return backend->host->fail(STATUS_USAGE, "row %llu can't be held before row %llu", (unsigned long long)first,
					   (unsigned long long)backend->held_rows);
	if (__builtin_add_overflow(first, n, &rows) || rows > SIZE_MAX / 2 / row)
		return backend->host->fail(STATUS_IO, "no memory for so many images");
	if (rows > backend->held_room) {
		room = rows < 2 * backend->held_room ? 2 * backend->held_room : rows;
		held = realloc(backend->held, room * row);
		if (!held)
			return backend->host->fail(STATUS_IO, "no memory to hold %llu images", (unsigned long long)rows);
		backend->held = held;
		backend->held_room = room;
	}
	memcpy(backend->held + first * row, pixels, n * row);
	if (rows > backend->held_rows)
		backend->held_rows = rows;
	return STATUS_OK;
}

static Status
check_images(const Backend *backend, const Batch *batch)
{
	const BackendHost *host = backend->host;

	if (batch->n > backend->options.batch_most)
		return host->fail(STATUS_USAGE, "a batch of %llu, but at most %u were announced",
				  (unsigned long long)batch->n, backend->options.batch_most);
	for (uint64_t i = 0; !batch->pixels && i < batch->n; i++)
		if (batch->rows[i] < 0 || (uint64_t)batch->rows[i] >= backend->held_rows)
			return host->fail(STATUS_INPUT, "image %lld is not among the %llu that are held",
					  (long long)batch->rows[i], (unsigned long long)backend->held_rows);
	return STATUS_OK;
}

static Status
check_labels(const Backend *backend, const int32_t *labels, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		if (labels[i] < 0 || (uint32_t)labels[i] >= backend->net->classes)
			return backend->host->fail(STATUS_INPUT, "label %d, but there are %u classes", labels[i],
						   backend->net->classes);
	return STATUS_OK;
}

/* ---- training ---- */

static Status
check_training(const Backend *backend, const Batch *batch)
{
	Status status = check_images(backend, batch);

	if (status < 0)
		return status;
	if (!backend->options.is_training || !batch->n)
		return backend->host->fail(STATUS_USAGE, "nothing to train on");
	status = check_labels(backend, batch->label_a, batch->n);
	if (status >= 0 && batch->label_b)
		status = check_labels(backend, batch->label_b, batch->n);
	return status;
}

static Status
cpu_gradient(Backend *backend, const Batch *batch)
{
	Batch still;
	Status status = check_training(backend, batch);

	if (status >= 0)
		status = moved_batch(backend, batch, &still);
	if (status < 0)
		return status;
	train_forward(backend, &still);
	train_loss(backend, &still);
	train_backward(backend, &still);
	return STATUS_OK;
}

static Status
cpu_update(Backend *backend, const Hyper *hyper)
{
	optimise_update(backend, hyper);
	return STATUS_OK;
}

static Status
cpu_step(Backend *backend, const Batch *batch, const Hyper *hyper)
{
	Batch still;
	Status status = check_training(backend, batch);

	if (status >= 0)
		status = moved_batch(backend, batch, &still);
	if (status < 0)
		return status;
	train_forward(backend, &still);
	train_loss(backend, &still);
	optimise_begin(backend, hyper);
	train_backward(backend, &still);
	optimise_update(backend, hyper);
	return STATUS_OK;
}

static Status
cpu_reduce(Backend *backend, Status (*fn)(void *context, float *vector, size_t count, bool is_device), void *context)
{
	const size_t count = backend->net->param_count;
	float *vector = malloc((count + 1) * sizeof *vector);
	Status status;

	if (!vector)
		return out_of_memory(backend);
	layout_unpack(&backend->layout, backend->gradient, vector);
	vector[count] = backend->gradient_weight;
	status = fn(context, vector, count + 1, false);
	layout_pack(&backend->layout, vector, backend->gradient);
	backend->gradient_weight = vector[count];
	free(vector);
	return status;
}

static Status
cpu_drain(Backend *backend, Sums *sums)
{
	*sums = backend->sums;
	backend->sums = (Sums){ .bad_step = sums->bad_step };
	return STATUS_OK;
}

/* ---- prediction ---- */

static Status
not_kept(const Backend *backend, Vector vector)
{
	return backend->host->fail(STATUS_USAGE, "vector %d is not kept in this run", (int)vector);
}

static bool
is_bn(Vector vector)
{
	return vector == VECTOR_BN || vector == VECTOR_EMA_BN || vector == VECTOR_BEST_BN;
}

static bool
is_kept(const Backend *backend, Vector vector)
{
	return (unsigned)vector < VECTOR_COUNT && backend->vectors[vector];
}

static Status
cpu_predict(Backend *backend, const Batch *batch, Vector which, float *prob)
{
	Batch still;
	Status status = check_images(backend, batch);

	if (status < 0)
		return status;
	if (!is_kept(backend, which) || is_bn(which))
		return not_kept(backend, which);
	status = moved_batch(backend, batch, &still);
	if (status >= 0)
		infer_predict(backend, &still, which, prob);
	return status;
}

/* ---- vectors ---- */

static Status
cpu_read(Backend *backend, Vector vector, float *values)
{
	if (!is_kept(backend, vector))
		return not_kept(backend, vector);
	if (is_bn(vector))
		memcpy(values, backend->vectors[vector], backend->net->bn_count * sizeof *values);
	else
		layout_unpack(&backend->layout, backend->vectors[vector], values);
	return STATUS_OK;
}

static Status
cpu_write(Backend *backend, Vector vector, const float *values)
{
	if (!is_kept(backend, vector))
		return not_kept(backend, vector);
	if (is_bn(vector))
		memcpy(backend->vectors[vector], values, backend->net->bn_count * sizeof *values);
	else
		layout_pack(&backend->layout, values, backend->vectors[vector]);
	backend->version++;
	return STATUS_OK;
}

static Status
cpu_copy(Backend *backend, Vector to, Vector from)
{
	if (!is_kept(backend, to) || !is_kept(backend, from))
		return not_kept(backend, is_kept(backend, to) ? from : to);
	if (is_bn(to) != is_bn(from))
		return backend->host->fail(STATUS_USAGE, "vectors %d and %d differ in length", (int)to, (int)from);
	if (to != from)
		memcpy(backend->vectors[to], backend->vectors[from],
		       (is_bn(to) ? backend->net->bn_count : backend->layout.packed_count) * sizeof(float));
	backend->version++;
	return STATUS_OK;
}

const BackendTable cpu_backend = {
	.abi = FM_BACKEND_ABI,
	.size = sizeof(BackendTable),
	.name = "cpu",
	.open = cpu_open,
	.close = cpu_close,
	.chosen = cpu_chosen,
	.hold = cpu_hold,
	.step = cpu_step,
	.gradient = cpu_gradient,
	.reduce = cpu_reduce,
	.update = cpu_update,
	.drain = cpu_drain,
	.predict = cpu_predict,
	.read = cpu_read,
	.write = cpu_write,
	.copy = cpu_copy,
};
