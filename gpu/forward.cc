/* forward.cc: from pixels to logits: in training, where what backward needs stays; and in prediction, where nothing does. */
#include "engine.h"

#include "depthwise.h"
#include "flatten.h"
#include "network.h"
#include "product.h"

/* ---- both ---- */

/* moments, winners: where a kernel that can puts those of y, or NULL */
template <typename Cell, typename Out>
static void
main_forward(Work &work, const StagePlan &plan, uint32_t n, const Cell *x, const Cell *weight, Cell *windows, Out *y,
	     float2 *moments, const Winners<Cell> &winners)
{
	if (plan.is_direct_forward) /* then y is of cells, see plan.cc */
		direct_forward(work, plan.convolution, n, x, weight, reinterpret_cast<Cell *>(y), moments, winners);
	else if (plan.is_depthwise)
		depthwise_forward(work, plan.convolution, n, x, weight, y);
	else if (plan.is_convolution)
		convolution_forward(work, plan.convolution, n, x, weight, windows, y);
	else
		product_forward(work, n, plan.units, plan.depth, x, weight, y);
}

/* Rows that batch norm takes its means over. */
static uint32_t
rows_of(const StagePlan &plan, uint32_t n)
{
	return n * plan.middle.h * plan.middle.w;
}

static const float *
bias_of(const StagePlan &plan, const float *param)
{
	return plan.bias == NO_TENSOR ? nullptr : param + plan.bias;
}

Finish
network_finish(const StagePlan &plan, uint32_t n, const Record &record, const float *scale, const float *shift)
{
	Finish finish = plan.finish;

	finish.n = n;
	finish.scale = scale;
	finish.shift = shift;
	finish.drop.head = record.head;
	finish.drop.ids = record.ids;
	return finish;
}

Finish
network_training_finish(const Backend &backend, const StagePlan &plan, const StepForm &form)
{
	const float *shift = plan.stage->bn ? plan.norm.shift : bias_of(plan, backend.vectors[VECTOR_PARAM]);

	Finish finish = network_finish(plan, form.n, backend.slots[form.slot].device,
				       plan.stage->bn ? plan.norm.scale : nullptr, shift);
	if (plan.stage->add)
		finish.add = backend.stages[plan.stage->other].z;
	return finish;
}

/* By the sign of batch norm's gamma: what wins its pool's windows. */
template <typename Cell>
static Winners<Cell>
winners_of(const StagePlan &plan, const float *param, void *value, void *element)
{
	const Layer *bn = plan.stage->bn;

	return Winners<Cell>{ bn ? param + bn->weight : nullptr, static_cast<Cell *>(value), static_cast<uint8_t *>(element) };
}

/* ---- training ---- */

template <typename Y, typename Z>
static void
finish_stage(Backend &backend, const StagePlan &plan, const StepForm &form, const Y *y, Z *z)
{
	const uint32_t rows = rows_of(plan, form.n);
	Work &work = backend.work;

	if (plan.stage->bn && plan.is_direct_forward)
		norm_finish(work, rows, DIRECT_ROWS, plan.middle.c, backend.partial, plan.norm);
	else if (plan.stage->bn)
		norm_statistics(work, rows, plan.middle.c, y, backend.partial, plan.norm);
	const Finish finish = network_training_finish(backend, plan, form);
	if (plan.has_winners)
		finish_forward(work, finish_of_winners(finish), static_cast<const Y *>(plan.winners), z, nullptr);
	else if (plan.has_finish)
		finish_forward(work, finish, y, z, plan.argmax);
}

template <typename Cell, typename Out>
static void
forward_stage(Backend &backend, const StagePlan &plan, const StepForm &form, const Cell *x)
{
	const Cell *weights = network_weights<Cell>(backend, VECTOR_PARAM);
	Out *z = static_cast<Out *>(plan.z);

	if (!plan.stage->main) {
		finish_stage(backend, plan, form, x, z);
		return;
	}
	const Winners<Cell> winners = winners_of<Cell>(plan, backend.vectors[VECTOR_PARAM], plan.winners, plan.argmax);
	main_forward(backend.work, plan, form.n, x, weights + plan.weight, static_cast<Cell *>(backend.windows),
		     static_cast<Out *>(plan.y), plan.stage->bn ? backend.partial : nullptr, winners);
	finish_stage(backend, plan, form, static_cast<const Out *>(plan.y), z);
}

template <typename Cell>
void
network_forward(Backend &backend, const StepForm &form)
{
	Cell *input = static_cast<Cell *>(backend.input);

	network_narrow<Cell>(backend, backend.work, VECTOR_PARAM);
	picture_fill(backend.work, backend.slots[form.slot].device, form.n, backend.net->input, backend.normal, form.is_held,
		     form.is_moved, input);
	for (size_t s = 0; s < backend.net->stage_count; s++) {
		StagePlan &plan = backend.stages[s];
		Cell *x = plan.stage->from < 0 ? input : static_cast<Cell *>(backend.stages[plan.stage->from].z);

		if (plan.is_copied) {
			flatten_forward(backend.work, form.n, plan.stage->in, x, static_cast<Cell *>(plan.flat));
			x = static_cast<Cell *>(plan.flat);
		}
		plan.x = x;
		plan.finish.add_kind = add_kind_of<Cell>();
		if (!plan.stage->main && !plan.has_finish)
			plan.z = x; /* a flatten and nothing else */
		if (plan.is_last)
			forward_stage<Cell, float>(backend, plan, form, x);
		else
			forward_stage<Cell, Cell>(backend, plan, form, x);
	}
}

/* ---- prediction ---- */

static Vector
statistics_with(Vector which)
{
	return which == VECTOR_EMA ? VECTOR_EMA_BN : which == VECTOR_BEST ? VECTOR_BEST_BN : VECTOR_BN;
}

/* The affine map of running statistics, or of a bias. */
static Finish
predict_finish(Backend &backend, Work &work, const StagePlan &plan, const StepForm &form)
{
	const float *param = backend.vectors[form.which], *running = backend.vectors[statistics_with(form.which)];
	const Layer *bn = plan.stage->bn;
	Norm norm = {};

	if (bn) {
		norm.gamma = param + bn->weight;
		norm.beta = param + bn->bias;
		norm.bias = bias_of(plan, param);
		norm.scale = backend.fold_scale;
		norm.shift = backend.fold_shift;
		norm_fold(work, plan.middle.c, running + bn->mean, running + bn->variance, norm);
	}
	Finish finish = network_finish(plan, form.n, backend.slots[form.slot].device, bn ? backend.fold_scale : nullptr,
				       bn ? backend.fold_shift : bias_of(plan, param));
	finish.drop.is_on = false;
	if (plan.stage->add)
		finish.add = backend.stages[plan.stage->other].handed;
	return finish;
}

template <typename Cell, typename Out>
static void
predict_stage(Backend &backend, Work &work, StagePlan &plan, const StepForm &form, const Cell *x)
{
	Out *z = static_cast<Out *>(plan.lent), *y = plan.has_finish ? static_cast<Out *>(backend.side[2]) : z;

	plan.handed = z;
	if (!plan.stage->main && !plan.has_finish) {
		plan.handed = x;
		return;
	}
	/* winners stand in y's place, and y itself nowhere */
	const Winners<Cell> winners = winners_of<Cell>(plan, backend.vectors[form.which], plan.has_winners ? y : nullptr, nullptr);
	if (plan.stage->main)
		main_forward(work, plan, form.n, x, network_weights<Cell>(backend, form.which) + plan.weight,
			     static_cast<Cell *>(backend.windows), plan.has_winners ? nullptr : y, nullptr, winners);
	if (!plan.has_finish)
		return;
	Finish finish = predict_finish(backend, work, plan, form);
	if (plan.has_winners)
		finish = finish_of_winners(finish);
	if (plan.stage->main)
		finish_forward(work, finish, static_cast<const Out *>(y), z, nullptr);
	else
		finish_forward(work, finish, x, z, nullptr);
}

template <typename Cell>
void
network_predict(Backend &backend, const StepForm &form)
{
	Work &work = backend.options.is_training ? backend.exact : backend.work;
	const Net *net = backend.net;
	Cell *input = static_cast<Cell *>(backend.side[1]); /* the first stage's lent is side[0] or its own */

	network_narrow<Cell>(backend, work, form.which);
	picture_fill(work, backend.slots[form.slot].device, form.n, net->input, backend.normal, form.is_held, form.is_moved, input);
	for (size_t s = 0; s < net->stage_count; s++) {
		StagePlan &plan = backend.stages[s];
		const Cell *x = plan.stage->from < 0 ? input : static_cast<const Cell *>(backend.stages[plan.stage->from].handed);

		plan.finish.add_kind = add_kind_of<Cell>();
		if (plan.is_copied) {
			/* where nothing follows that would write elsewhere, the copy is what is handed on */
			Cell *flat = static_cast<Cell *>(plan.has_finish ? backend.side[3] : plan.lent);

			flatten_forward(work, form.n, plan.stage->in, x, flat);
			x = flat;
		}
		if (plan.is_last)
			predict_stage<Cell, float>(backend, work, plan, form, x);
		else
			predict_stage<Cell, Cell>(backend, work, plan, form, x);
	}
	loss_softmax(work, form.n, net->classes, static_cast<const float *>(backend.stages[net->stage_count - 1].handed),
		     backend.prob);
}

#define MAKE(Cell)                                                                                                     \
	template void network_forward<Cell>(Backend &, const StepForm &);                                              \
	template void network_predict<Cell>(Backend &, const StepForm &);
FOR_CELLS(MAKE)
