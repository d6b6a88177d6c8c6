/* Ten steps of a backend on random pixels, written with everything that went in, for torch.py to do again.
 *
 *	steps ARCH HEIGHT WIDTH CHANNELS CLASSES sgd|adam|adamw DEVICE FILE
 *
 * FILE is a checkpoint: the parameters after ten steps, and fm.* tensors as named below. */
#include "cli/atomic.h"
#include "device/device.h"
#include "net/model.h"
#include "net/shape.h"
#include "random/philox.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STEPS = 10, SAMPLES = 12, SEED = 5, EXTRAS = 16 };

typedef struct Peer {
	Model model;
	const BackendTable *table;
	Backend *backend;
	Optimizer optimizer;
	size_t size;	 /* bytes of a picture */
	uint8_t *pixels; /* [steps, samples, h, w, c] */
	int32_t label_a[STEPS * SAMPLES], label_b[STEPS * SAMPLES];
	float lambda[STEPS * SAMPLES], weight[STEPS * SAMPLES];
	int64_t ids[STEPS * SAMPLES];
	double losses[STEPS]; /* summed */
} Peer;

static void
require(Status status)
{
	if (!status)
		return;
	fprintf(stderr, "steps: %s\n", status_message());
	exit(-status);
}

static void
add_extra(Model *model, const char *name, Dtype dtype, const void *data, int rank, const uint64_t *shape)
{
	Tensor *tensor = &model->extra[model->extra_count++];

	*tensor = (Tensor){ .name = strdup(name), .dtype = dtype, .rank = rank, .size = dtype_size(dtype) };
	for (int i = 0; i < rank; i++) {
		tensor->shape[i] = shape[i];
		tensor->size *= shape[i];
	}
	tensor->data = malloc(tensor->size);
	memcpy(tensor->data, data, tensor->size);
}

static void
add_vector(Model *model, const char *name, const float *values, size_t count)
{
	add_extra(model, name, DTYPE_F32, values, 1, (const uint64_t[]){ count });
}

static void
draw_samples(Peer *peer)
{
	RandomKey key = random_key(SEED, "samples");
	uint32_t classes = peer->model.net.classes;

	peer->pixels = malloc(STEPS * SAMPLES * peer->size);
	for (uint64_t i = 0; i < STEPS * SAMPLES * peer->size; i++)
		peer->pixels[i] = (uint8_t)random_words(key, 0, 1, i).x[0];
	for (uint64_t i = 0; i < STEPS * SAMPLES; i++) {
		RandomWords words = random_words(key, 0, 0, i);

		peer->label_a[i] = (int32_t)(words.x[0] % classes);
		peer->label_b[i] = (int32_t)(words.x[1] % classes);
		peer->lambda[i] = (float)random_uniform(words.x[2]);
		peer->weight[i] = (float)(0.5 + random_uniform(words.x[3]));
		peer->ids[i] = (int64_t)random_u64(words);
	}
}

static Batch
batch_of(const Peer *peer, size_t step)
{
	size_t first = step * SAMPLES;

	return (Batch){ .n = SAMPLES,
			.pixels = peer->pixels + first * peer->size,
			.label_a = peer->label_a + first,
			.label_b = peer->label_b + first,
			.lambda = peer->lambda + first,
			.weight = peer->weight + first,
			.ids = peer->ids + first,
			.epoch = (uint32_t)step };
}

static void
peer_open(Peer *peer, char **argv)
{
	const BackendOptions options = { .is_training = true, .batch_most = SAMPLES, .threads = 2, .seed = SEED,
					 .precision = PRECISION_FP32, .optimizer = peer->optimizer,
					 .label_smoothing = 0.1, .ema_rate = 0.9 };
	Shape input = { (uint32_t)atoi(argv[2]), (uint32_t)atoi(argv[3]), (uint32_t)atoi(argv[4]), false };
	Model *model = &peer->model;
	Device device;
	char name[16];

	require(net_init(&model->net, argv[1], input, (uint32_t)atoi(argv[5])));
	model->param = calloc(model->net.param_count, sizeof *model->param);
	model->bn = calloc(model->net.bn_count + 1, sizeof *model->bn);
	model->classes = calloc(model->net.classes, sizeof *model->classes);
	model->extra = calloc(EXTRAS, sizeof *model->extra);
	for (uint32_t i = 0; i < model->net.classes; i++) {
		snprintf(name, sizeof name, "%u", i);
		model->classes[i] = strdup(name);
	}
	peer->size = shape_size(input);
	net_initialise(&model->net, SEED, model->param, model->bn);
	require(device_open(&device, argv[7], &model->net, model->param, model->bn, &options));
	peer->table = device.table;
	peer->backend = device.backend;
}

/* What reduce hands out: the first step's gradient. */
static Status
keep_gradient(void *context, float *vector, size_t count, bool is_device)
{
	if (is_device)
		return STATUS_DEVICE;
	add_vector(context, "fm.gradient", vector, count);
	return STATUS_OK;
}

static void
run(Peer *peer)
{
	for (size_t step = 0; step < STEPS; step++) {
		Batch batch = batch_of(peer, step);
		Hyper hyper = { .step = step + 1, .rate = 1e-3, .beta1 = 0.9,
				.weight_decay = peer->optimizer == OPTIMIZER_ADAM ? 0 : 0.01 };
		Sums sums;

		require(peer->table->gradient(peer->backend, &batch));
		if (!step)
			require(peer->table->reduce(peer->backend, keep_gradient, &peer->model));
		require(peer->table->update(peer->backend, &hyper));
		require(peer->table->drain(peer->backend, &sums));
		peer->losses[step] = sums.loss;
	}
}

static void
add_samples(Peer *peer)
{
	Model *model = &peer->model;
	Shape input = model->net.input;
	const uint64_t pictures[] = { STEPS, SAMPLES, input.h, input.w, input.c }, samples[] = { STEPS, SAMPLES };

	add_extra(model, "fm.pixels", DTYPE_U8, peer->pixels, 5, pictures);
	add_extra(model, "fm.label_a", DTYPE_I32, peer->label_a, 2, samples);
	add_extra(model, "fm.label_b", DTYPE_I32, peer->label_b, 2, samples);
	add_extra(model, "fm.lambda", DTYPE_F32, peer->lambda, 2, samples);
	add_extra(model, "fm.weight", DTYPE_F32, peer->weight, 2, samples);
	add_extra(model, "fm.ids", DTYPE_I64, peer->ids, 2, samples);
	add_vector(model, "fm.param", model->param, model->net.param_count);
	add_vector(model, "fm.bn", model->bn, model->net.bn_count);
}

/* Parameters, averages and predictions after the last step. */
static void
add_results(Peer *peer)
{
	Model *model = &peer->model;
	const Net *net = &model->net;
	float *ema = calloc(net->param_count, sizeof *ema), *prob = calloc((size_t)SAMPLES * net->classes, sizeof *prob);
	Batch batch = batch_of(peer, 0);

	require(peer->table->read(peer->backend, VECTOR_PARAM, model->param));
	require(peer->table->read(peer->backend, VECTOR_BN, model->bn));
	require(peer->table->read(peer->backend, VECTOR_EMA, ema));
	require(peer->table->predict(peer->backend, &batch, VECTOR_PARAM, prob));
	add_vector(model, "fm.ema", ema, net->param_count);
	add_extra(model, "fm.prob", DTYPE_F32, prob, 2, (const uint64_t[]){ SAMPLES, net->classes });
	add_extra(model, "fm.losses", DTYPE_F64, peer->losses, 1, (const uint64_t[]){ STEPS });
	free(ema);
	free(prob);
}

int
main(int argc, char **argv)
{
	static Peer peer;
	AtomicFile file;

	if (argc != 9) {
		fprintf(stderr, "usage: steps ARCH HEIGHT WIDTH CHANNELS CLASSES sgd|adam|adamw DEVICE FILE\n");
		return 2;
	}
	peer.optimizer = !strcmp(argv[6], "sgd")    ? OPTIMIZER_SGD
			 : !strcmp(argv[6], "adam") ? OPTIMIZER_ADAM
						    : OPTIMIZER_ADAMW;
	peer_open(&peer, argv);
	draw_samples(&peer);
	add_samples(&peer);
	run(&peer);
	add_results(&peer);
	require(atomic_open(&file, argv[8]));
	require(model_write(&peer.model, file.fd, argv[8]));
	require(atomic_commit(&file));
	peer.table->close(peer.backend);
	model_release(&peer.model);
	free(peer.pixels);
	return 0;
}
