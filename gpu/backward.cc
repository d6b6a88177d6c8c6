/* backward.cc: from the loss's derivative by the logits to that by every parameter. */
#include "engine.h"

#include "flatten.h"
#include "network.h"
#include "product.h"

/* Where a derivative lies: in one of the two sides. */
template <typename Cell>
static Cell *
side(const Backend &backend, int at)
{
	return static_cast<Cell *>(backend.side[at]);
}

/* Sums over the stage's rows: gamma's and beta's derivatives, or the bias's; and what batch norm's way back needs. */
template <typename Y, typename Z>
static void
stage_sums(Backend &backend, const StagePlan &plan, const StepForm &form, const Finish &finish, const Y *y, const Z *dz)
{
	const Layer *bn = plan.stage->bn;
	const uint32_t rows = form.n * plan.middle.h * plan.middle.w;
	const uint32_t tiles = (form.n * finish.out_h.value * finish.out_w.value + SUM_ROWS - 1) / SUM_ROWS;
	NormDerivatives norm = {};

	norm.loss_scale = backend.loss_scale;
	norm.dbeta = backend.gradient + (bn ? bn->bias : plan.bias);
	if (bn) {
		norm.gamma = plan.norm.gamma;
		norm.inverse = plan.norm.inverse;
		norm.dgamma = backend.gradient + bn->weight;
		norm.a = plan.norm_a;
		norm.b = plan.norm_b;
		norm.shift = plan.norm_shift;
	}
	finish_sums(backend.work, finish, y, dz, plan.argmax, bn ? plan.norm.mean : nullptr, bn ? plan.norm.inverse : nullptr,
		    backend.partial);
	norm_derivatives(backend.work, rows, tiles, plan.middle.c, backend.partial, norm);
}

/* From dz in side[at] to dy in the other one. */
template <typename Cell, typename Y, typename Z>
static void
finish_stage_back(Backend &backend, const StagePlan &plan, const StepForm &form, const Y *y, int at)
{
	const Finish finish = network_training_finish(backend, plan, form);
	const Z *dz = side<Z>(backend, at);
	NormBack norm = {};

	if (plan.stage->bn)
		norm = NormBack{ plan.norm_a, plan.norm_b, plan.norm.mean, plan.norm_shift };
	if (plan.stage->bn || plan.bias != NO_TENSOR)
		stage_sums(backend, plan, form, finish, y, dz);
	finish_back(backend.work, finish, y, dz, plan.argmax, norm, side<Cell>(backend, !at));
}

template <typename Cell>
static void
weight_back(Backend &backend, const StagePlan &plan, const StepForm &form, const Cell *dy)
{
	const Cell *x = static_cast<const Cell *>(plan.x);
	float *dweight = backend.gradient + plan.weight, alpha = 1 / backend.loss_scale;

	if (plan.is_direct_weight)
		direct_weight(backend.work, plan.convolution, form.n, x, dy, backend.slices, alpha, dweight);
	else if (plan.is_convolution)
		convolution_weight(backend.work, plan.convolution, form.n, x, dy, static_cast<Cell *>(backend.windows), alpha,
				   dweight);
	else
		product_weight(backend.work, form.n, plan.units, plan.depth, x, dy, alpha, false, dweight);
}

template <typename Cell>
static void
input_back(Backend &backend, const StagePlan &plan, const StepForm &form, const Cell *dy, Cell *dx)
{
	const Cell *weight = network_weights<Cell>(backend, VECTOR_PARAM) + plan.weight;

	if (plan.is_direct_input)
		direct_input(backend.work, plan.convolution, form.n, dy, weight, static_cast<Cell *>(backend.turned), dx);
	else if (plan.is_convolution)
		convolution_input(backend.work, plan.convolution, form.n, dy, weight, static_cast<Cell *>(backend.windows), dx);
	else
		product_input(backend.work, form.n, plan.units, plan.depth, dy, weight, dx);
}

/* A last stage without a finish: its derivative, in floats, as cells. */
template <typename Cell>
static int
as_cells(Backend &backend, const StagePlan &plan, const StepForm &form, int at)
{
	if (sizeof(Cell) == sizeof(float))
		return at;
	optimise_narrow(backend.work, form.n * plan.middle.c, side<float>(backend, at), side<Cell>(backend, !at));
	return !at;
}

/* dz lies in side[at]. @return the side where dy lies */
template <typename Cell>
static int
dy_of(Backend &backend, const StagePlan &plan, const StepForm &form, int at)
{
	if (!plan.has_finish)
		return plan.is_last ? as_cells<Cell>(backend, plan, form, at) : at;
	if (!plan.stage->main && plan.is_last)
		finish_stage_back<Cell, Cell, float>(backend, plan, form, static_cast<const Cell *>(plan.x), at);
	else if (!plan.stage->main)
		finish_stage_back<Cell, Cell, Cell>(backend, plan, form, static_cast<const Cell *>(plan.x), at);
	else if (plan.is_last)
		finish_stage_back<Cell, float, float>(backend, plan, form, static_cast<const float *>(plan.y), at);
	else
		finish_stage_back<Cell, Cell, Cell>(backend, plan, form, static_cast<const Cell *>(plan.y), at);
	return !at;
}

/* @return the side where the derivative by what the stage before hands on lies */
template <typename Cell>
static int
stage_back(Backend &backend, const StagePlan &plan, const StepForm &form, int at, bool is_first)
{
	at = dy_of<Cell>(backend, plan, form, at);
	if (plan.stage->main) {
		weight_back<Cell>(backend, plan, form, side<Cell>(backend, at));
		if (!is_first)
			input_back(backend, plan, form, side<Cell>(backend, at), side<Cell>(backend, !at));
		at = !at;
	}
	if (plan.is_copied && !is_first) {
		flatten_back(backend.work, form.n, plan.stage->in, side<Cell>(backend, at), side<Cell>(backend, !at));
		at = !at;
	}
	return at;
}

static void
loss_of(Backend &backend, const StepForm &form, const float *logits, float *dlogits)
{
	Loss loss;

	loss.n = form.n;
	loss.classes = backend.net->classes;
	loss.smoothing = backend.options.label_smoothing;
	loss.scale = backend.loss_scale;
	loss.record = backend.slots[form.slot].device;
	loss.logits = logits;
	loss.dlogits = dlogits;
	loss.sample = backend.sample;
	loss.sums = backend.sums;
	loss.total_weight = backend.gradient + backend.net->param_count;
	loss_fill(backend.work, loss);
}

template <typename Cell>
void
network_gradient(Backend &backend, const StepForm &form)
{
	const size_t stages = backend.net->stage_count;
	int at = 0;

	network_forward<Cell>(backend, form);
	loss_of(backend, form, static_cast<const float *>(backend.stages[stages - 1].z), side<float>(backend, at));
	for (size_t s = stages; s-- > 0;)
		at = stage_back<Cell>(backend, backend.stages[s], form, at, s == 0);
}

#define MAKE(Cell) template void network_gradient<Cell>(Backend &, const StepForm &);
FOR_CELLS(MAKE)
