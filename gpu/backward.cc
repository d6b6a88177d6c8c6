/* backward.cc: from the loss's derivative by the logits to that by every parameter. */
#include "engine.h"

#include "depthwise.h"
#include "flatten.h"
#include "network.h"
#include "product.h"
#include "readers.h"

/* Sums over the stage's rows: gamma's and beta's derivatives, or the bias's; and what batch norm's way back needs. */
template <typename Y, typename Z>
static void
stage_sums(Backend &backend, const StagePlan &plan, const StepForm &form, const Finish &finish, const Y *y, const Z *dz)
{
	const Layer *bn = plan.stage->bn;
	const uint32_t rows = form.n * plan.middle.h * plan.middle.w;
	const uint32_t tiles = finish_tiles(finish_rows(finish));
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

/* From dz, in the stage's lent, to dy; and to what was added, see dadd. Without dy nothing but the sums is wanted. */
template <typename Cell, typename Y, typename Z>
static void
finish_stage_back(Backend &backend, const StagePlan &plan, const StepForm &form, const Y *y, Cell *dy, Cell *dadd)
{
	const Finish finish = network_training_finish(backend, plan, form);
	const Z *dz = static_cast<const Z *>(plan.lent);
	NormBack norm = {};

	if (plan.stage->bn)
		norm = NormBack{ plan.norm_a, plan.norm_b, plan.norm.mean, plan.norm_shift };
	const bool has_sums = plan.stage->bn || plan.bias != NO_TENSOR;
	if (has_sums && plan.has_winners) /* a quarter of y */
		stage_sums(backend, plan, form, finish_of_winners(finish), static_cast<const Y *>(plan.winners), dz);
	else if (has_sums)
		stage_sums(backend, plan, form, finish, y, dz);
	if (dy)
		finish_back(backend.work, finish, y, dz, plan.argmax, norm, dy, dadd);
}

template <typename Cell>
static void
weight_back(Backend &backend, const StagePlan &plan, const StepForm &form, const Cell *dy)
{
	const Cell *x = static_cast<const Cell *>(plan.x);
	float *dweight = backend.gradient + plan.weight, alpha = 1 / backend.loss_scale;

	if (plan.is_direct_weight)
		direct_weight(backend.work, plan.convolution, form.n, x, dy, backend.slices, alpha, dweight);
	else if (plan.is_first_weight)
		first_weight(backend.work, plan.convolution, form.n, x, dy, backend.slices, alpha, dweight);
	else if (plan.is_depthwise)
		depthwise_weight(backend.work, plan.convolution, form.n, x, dy, backend.slices, alpha, dweight);
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
	else if (plan.is_depthwise)
		depthwise_input(backend.work, plan.convolution, form.n, dy, weight, dx);
	else if (plan.is_convolution)
		convolution_input(backend.work, plan.convolution, form.n, dy, weight, static_cast<Cell *>(backend.windows), dx);
	else
		product_input(backend.work, form.n, plan.units, plan.depth, dy, weight, dx);
}

/* ---- which way back there is ---- */

/* The pixels, and what no stage is (-1), don't learn. */
static bool
is_learning(const Backend &backend, int stage)
{
	return stage >= 0 && backend.stages[stage].is_learning;
}

/* All that a stage depends on stands before it. What reads one that learns does so too: whoever learns gets all its parts. */
static void
find_learning(Backend &backend, const StepForm &form)
{
	for (size_t s = 0; s < backend.net->stage_count; s++) {
		StagePlan &plan = backend.stages[s];
		const Stage *stage = plan.stage;

		plan.is_learning = (s >= form.frozen && (stage->main || stage->bn)) || is_learning(backend, stage->from) ||
				   (stage->add && is_learning(backend, stage->other));
		plan.has_derivative = false;
	}
}

/* ---- several readers: what each leaves is added up ---- */

/* Where the derivative by what a stage handed on is written: to its own place first, to scratch after that. */
template <typename Cell>
static Cell *
part_for(const Backend &backend, int stage)
{
	const StagePlan &plan = backend.stages[stage];

	return static_cast<Cell *>(plan.has_derivative ? backend.side[3] : plan.lent);
}

/* It has been written there, or lies somewhere else. */
template <typename Cell>
static void
leave_part(Backend &backend, const StepForm &form, int stage, const Cell *part)
{
	StagePlan &plan = backend.stages[stage];
	const uint32_t count = static_cast<uint32_t>(form.n * shape_elements(plan.stage->out));

	if (part != plan.lent)
		readers_pass(backend.work, count, part, plan.has_derivative, static_cast<Cell *>(plan.lent));
	plan.has_derivative = true;
}

/* ---- a stage ---- */

/* A last stage without a finish: its derivative, in floats, as cells. */
template <typename Cell>
static const Cell *
as_cells(Backend &backend, const StagePlan &plan, const StepForm &form)
{
	if (sizeof(Cell) == sizeof(float))
		return static_cast<const Cell *>(plan.lent);
	optimise_narrow(backend.work, form.n * plan.middle.c, static_cast<const float *>(plan.lent),
			static_cast<Cell *>(backend.side[2]));
	return static_cast<const Cell *>(backend.side[2]);
}

/* From dz to dy; what was added gets its part. @return where dy lies; NULL: nobody wants it */
template <typename Cell>
static const Cell *
dy_of(Backend &backend, const StagePlan &plan, const StepForm &form)
{
	Cell *dy = nullptr, *dadd = nullptr;
	const int other = plan.stage->other;

	if (!plan.has_finish)
		return plan.is_last ? as_cells<Cell>(backend, plan, form) : static_cast<const Cell *>(plan.lent);
	if (plan.stage->add && is_learning(backend, other))
		dadd = part_for<Cell>(backend, other);
	if (dadd || plan.stage->main || is_learning(backend, plan.stage->from))
		dy = static_cast<Cell *>(backend.side[2]);
	if (!plan.stage->main && plan.is_last)
		finish_stage_back<Cell, Cell, float>(backend, plan, form, static_cast<const Cell *>(plan.x), dy, dadd);
	else if (!plan.stage->main)
		finish_stage_back<Cell, Cell, Cell>(backend, plan, form, static_cast<const Cell *>(plan.x), dy, dadd);
	else if (plan.is_last)
		finish_stage_back<Cell, float, float>(backend, plan, form, static_cast<const float *>(plan.y), dy, dadd);
	else
		finish_stage_back<Cell, Cell, Cell>(backend, plan, form, static_cast<const Cell *>(plan.y), dy, dadd);
	if (dadd)
		leave_part<Cell>(backend, form, other, dadd);
	return dy;
}

template <typename Cell>
static void
stage_back(Backend &backend, const StagePlan &plan, const StepForm &form)
{
	const Cell *dy = dy_of<Cell>(backend, plan, form);
	const int from = plan.stage->from;

	if (plan.stage->main)
		weight_back<Cell>(backend, plan, form, dy);
	if (!is_learning(backend, from))
		return;
	if (!plan.stage->main && !plan.is_copied) {
		leave_part<Cell>(backend, form, from, dy);
		return;
	}
	Cell *part = part_for<Cell>(backend, from);
	if (plan.stage->main)
		input_back(backend, plan, form, dy, part);
	else
		flatten_back(backend.work, form.n, plan.stage->in, dy, part);
	leave_part<Cell>(backend, form, from, part);
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
	const StagePlan &last = backend.stages[stages - 1];

	network_forward<Cell>(backend, form);
	find_learning(backend, form);
	loss_of(backend, form, static_cast<const float *>(last.z), static_cast<float *>(last.lent));
	for (size_t s = stages; s-- > 0;)
		if (backend.stages[s].is_learning)
			stage_back<Cell>(backend, backend.stages[s], form);
}

#define MAKE(Cell) template void network_gradient<Cell>(Backend &, const StepForm &);
FOR_CELLS(MAKE)
