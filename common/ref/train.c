/* train.c: one batch's gradient, and what an update makes of it. */
#include "ref/state.h"

#include "ref/operations.h"

#include <inttypes.h>
#include <math.h>

static double
weight_of(const Batch *batch, uint64_t i)
{
	return batch->weight ? batch->weight[i] : 1;
}

/* Spread a share of the target: (1 - s) onehot + s / classes */
static void
add_target(const Backend *backend, int32_t label, double share)
{
	double smoothing = backend->options.label_smoothing;
	uint32_t classes = backend->net->classes;

	for (uint32_t k = 0; k < classes; k++)
		backend->target[k] += share * smoothing / classes;
	backend->target[label] += share * (1 - smoothing);
}

static void
make_target(const Backend *backend, const Batch *batch, uint64_t i)
{
	double share = batch->label_b ? batch->lambda[i] : 1;

	for (uint32_t k = 0; k < backend->net->classes; k++)
		backend->target[k] = 0;
	add_target(backend, batch->label_a[i], share);
	if (batch->label_b)
		add_target(backend, batch->label_b[i], 1 - share);
}

static Status
check_labels(const Backend *backend, uint64_t n, const int32_t *labels)
{
	for (uint64_t i = 0; labels && i < n; i++)
		if (labels[i] < 0 || (uint32_t)labels[i] >= backend->net->classes)
			return backend->host->fail(STATUS_INPUT, "label %d of sample %" PRIu64 " is not one of %u classes",
						   labels[i], i, backend->net->classes);
	return STATUS_OK;
}

static Status
check_batch(const Backend *backend, const Batch *batch)
{
	Status status;

	if (!backend->options.is_training)
		return backend->host->fail(STATUS_USAGE, "the backend was opened to predict, not to train");
	if (batch->n > backend->options.batch_most)
		return backend->host->fail(STATUS_USAGE, "a batch of %" PRIu64 " samples; the backend was opened for %u",
					   batch->n, backend->options.batch_most);
	status = check_labels(backend, batch->n, batch->label_a);
	return status ? status : check_labels(backend, batch->n, batch->label_b);
}

/* The loss of every sample; its derivatives by the logits go where the network's way back begins. */
static Sums
sum_losses(Backend *backend, const Batch *batch, const float *logits)
{
	uint32_t classes = backend->net->classes;
	Sums sums = { .n = (double)batch->n };

	for (uint64_t i = 0; i < batch->n; i++) {
		const float *row = logits + i * classes;
		double weight = weight_of(batch, i);

		make_target(backend, batch, i);
		sums.loss += weight * ref_cross_entropy(classes, row, backend->target, weight,
							network_dlogits(&backend->network) + i * classes);
		sums.weight += weight;
		sums.correct += ref_argmax(classes, row) == (uint32_t)batch->label_a[i];
	}
	return sums;
}

Status
ref_gradient(Backend *backend, const Batch *batch)
{
	const Pass pass = { .n = batch->n,
			    .is_training = true,
			    .param = backend->vector[VECTOR_PARAM],
			    .seed = backend->options.seed,
			    .epoch = batch->epoch,
			    .ids = batch->ids };
	Status status = check_batch(backend, batch);
	Sums sums;

	if (!status)
		status = input_fill(backend, batch);
	if (status)
		return status;
	sums = sum_losses(backend, batch, network_forward(&backend->network, &pass));
	network_backward(&backend->network, &pass, backend->gradient);
	/* NaN for a weight tells every rank, once it is summed over them, that none may update */
	backend->gradient[backend->net->param_count] = isfinite(sums.loss) ? (float)sums.weight : NAN;
	backend->gradient_n = batch->n;
	backend->sums.loss += sums.loss;
	backend->sums.weight += sums.weight;
	backend->sums.correct += sums.correct;
	backend->sums.n += sums.n;
	return STATUS_OK;
}

static void
update_tensor(Backend *backend, const Hyper *hyper, const TensorInfo *tensor, double weight)
{
	double decay = tensor_is_decayed(tensor) ? hyper->weight_decay : 0;
	size_t at = tensor->offset;
	const float *gradient = backend->gradient + at;
	float *param = backend->vector[VECTOR_PARAM] + at, *m = backend->vector[VECTOR_M] + at;
	float *v = backend->vector[VECTOR_V] + at;

	if (backend->options.optimizer == OPTIMIZER_SGD)
		ref_sgd(hyper, tensor->count, gradient, weight, decay, m, param);
	else
		ref_adam(hyper, tensor->count, gradient, weight,
			 backend->options.optimizer == OPTIMIZER_ADAMW ? decay : 0, m, v, param);
}

static void
update_averages(Backend *backend)
{
	const Net *net = backend->net;
	double rate = backend->options.ema_rate;

	if (!(rate > 0))
		return;
	ref_average(rate, net->param_count, backend->vector[VECTOR_PARAM], backend->vector[VECTOR_EMA]);
	ref_average(rate, net->bn_count, backend->vector[VECTOR_BN], backend->vector[VECTOR_EMA_BN]);
}

Status
ref_update(Backend *backend, const Hyper *hyper)
{
	const Net *net = backend->net;
	const size_t frozen = net_params_before(net, hyper->frozen);
	double weight = backend->gradient[net->param_count];

	if (!isfinite(weight) && !backend->sums.bad_step)
		backend->sums.bad_step = hyper->step;
	if (backend->sums.bad_step)
		return STATUS_OK;
	for (size_t i = 0; i < net->tensor_count; i++)
		if (net->tensors[i].vector == NET_PARAM && net->tensors[i].offset >= frozen)
			/* samples that all weigh nothing say nothing: 0 / 1 rather than 0 / 0 */
			update_tensor(backend, hyper, &net->tensors[i], weight != 0 ? weight : 1);
	network_move_statistics(&backend->network, backend->gradient_n, backend->vector[VECTOR_BN]);
	update_averages(backend);
	return STATUS_OK;
}
