/* net/net.h: architecture text -> layers -> shapes -> fused plan. What a network is, before anything computes it. */
#ifndef FM_NET_NET_H
#define FM_NET_NET_H

#include "status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum LayerKind {
	LAYER_CONV, LAYER_BN, LAYER_RELU, LAYER_MAXPOOL, LAYER_AVGPOOL, LAYER_GLOBALAVGPOOL,
	LAYER_FLATTEN, LAYER_DENSE, LAYER_DROPOUT, LAYER_SOFTMAX, LAYER_DEPTHWISE, LAYER_RESIDUAL,
} LayerKind;

enum { LAYER_KINDS = LAYER_RESIDUAL + 1 };

/** What flows between layers, channels last in memory; after flatten, globalavgpool or dense: 1 x 1 x c. */
typedef struct Shape {
	uint32_t h, w, c;
	bool is_flat;
} Shape;

#define NO_TENSOR SIZE_MAX

/** Instead of a layer's index: the pixels. */
#define FROM_PIXELS SIZE_MAX

/** What a network may be at most, so that sizes can be multiplied and a text from outside can ask for little. */
enum {
	NET_TEXT_MOST = 64 << 10,     /* bytes of architecture text */
	NET_LAYERS_MOST = 1000,
	NET_NESTING_MOST = 32,	      /* residuals within residuals */
	NET_SIDE_MOST = 1024,	      /* height and width of the input, kernels, strides */
	NET_CHANNELS_MOST = 16,	      /* of the input */
	NET_UNITS_MOST = 65536,	      /* of one layer, and classes */
	NET_ACTIVATIONS_MOST = 1 << 28, /* floats of one sample after one layer */
	NET_FLOATS_MOST = 1 << 30,    /* of all tensors together */
};

/**
 * One layer of the text; layers stand in an order in which each comes after what it reads. residual(A | B) is A's layers,
 * B's layers, then one that adds what both leave: `first` is the first of A, `second` the first of B, or the residual
 * itself where B is empty. Offsets count floats in the vectors of TensorInfo.vector, NO_TENSOR where there is none.
 */
typedef struct Layer {
	LayerKind kind;
	char name[24];		     /* kind + ordinal of that kind in text order: "conv1", "fc1", "bn4", "dropout1" */
	size_t from;		     /* the layer that it reads, or FROM_PIXELS; of a residual the last of A */
	size_t other;		     /* residual: the last of B; where B is empty what A reads */
	size_t first, second;	     /* residual: see above */
	Shape in, out;
	uint32_t units;		     /* conv: output channels; dense: outputs */
	uint32_t kernel_h, kernel_w; /* conv, depthwise, pools */
	uint32_t stride;
	bool is_same;		     /* conv, depthwise: pads as TensorFlow does, else valid */
	uint32_t pad_top, pad_left;  /* what TensorFlow puts before; after it goes what is missing */
	double rate;		     /* dropout */
	size_t weight, bias;	     /* conv [out,in,kh,kw], depthwise [c,1,kh,kw], dense [out,in] (in: (c,h,w) order), bn
				      * gamma, beta: in param */
	size_t mean, variance;	     /* bn: in bn */
} Layer;

typedef enum NetVector { NET_PARAM, NET_BN } NetVector;

/** One tensor of the model file. */
typedef struct TensorInfo {
	char name[48]; /* "conv1.weight", "bn1.running_mean" */
	NetVector vector;
	size_t offset, count; /* floats, in that vector */
	int rank;
	uint32_t shape[4];
	const Layer *layer;
} TensorInfo;

/**
 * A group that a backend can compute in one go: at most one of each, in this order; absent ones are NULL.
 *
 * Where is_flattened, units are taken in (c, h, w) order before anything else: a dense stage may read `in` as it lies in
 * memory, [h, w, c], and permute its weights instead; a stage without main hands on 1 x 1 x c in (c, h, w) order.
 */
typedef struct Stage {
	const Layer *main;    /* conv, depthwise, dense, or NULL */
	const Layer *bn;
	const Layer *add;     /* residual: the output of stage `other`, of the same shape, is added here */
	const Layer *relu;
	const Layer *pool;    /* maxpool, avgpool or globalavgpool */
	const Layer *dropout; /* in training only */
	int from;	      /* the stage whose output this one reads; -1: the pixels, which only one stage reads */
	int other;	      /* with add: an earlier stage, never the pixels */
	uint32_t readers;     /* how many stages read this one's output, as `from` or `other` */
	bool is_flattened;    /* a flatten of more than 1 x 1 x c stands before the first layer */
	Shape in, out;	      /* in: what stage `from` left in memory; main->in is flat where is_flattened */
} Stage;

typedef struct Net {
	Shape input;
	uint32_t classes;
	size_t layer_count;
	Layer *layers; /* softmax, where written, is the last one; the loss always ends in it */
	size_t tensor_count;
	TensorInfo *tensors; /* the model file's order: by layer; weight, bias, running_mean, running_var */
	size_t param_count;  /* floats of vectors param, m, v, ema, best: all trainable tensors in the file's order */
	size_t bn_count;     /* floats of vectors bn, ema.bn: running_mean and running_var in the file's order */
	size_t stage_count;
	Stage *stages;	     /* the fused plan, each after what it reads; a chain where nothing branches; flatten dissolves */
	char *text;	     /* canonical architecture text, classes as a number */
	float scale[NET_CHANNELS_MOST], shift[NET_CHANNELS_MOST]; /* x = pixel * scale[c] + shift[c], fp32, before padding */
} Net;

/**
 * Read architecture text, or a preset's name ("seed").
 *
 * @param text     as fm-train(1) describes; "dense classes" becomes `classes`
 * @param input    of the pictures; scale 1/255, shift 0
 * @return STATUS_OK; STATUS_USAGE naming the layer and the shapes that don't fit; nothing is held then
 */
MUST_CHECK Status net_init(Net *net, const char *text, Shape input, uint32_t classes);

void net_release(Net *net);

/** Names of the presets, NULL-terminated; preset_text is NULL for an unknown one. */
const char *const *preset_names(void);
const char *preset_text(const char *name);

/**
 * Fresh parameters: He normal (truncated, corrected) for conv, depthwise and dense weights, Glorot uniform for the last dense layer,
 * biases and beta 0, gamma 1, running mean 0 and variance 1. Random numbers: purpose "init NAME".
 *
 * @param param  out, [param_count]
 * @param bn     out, [bn_count]
 */
void net_initialise(const Net *net, uint64_t seed, float *param, float *bn);

/** Floats of vector param that are those of the stages before this one, which come first. Here, for plug-ins have it too. */
static inline size_t
net_params_before(const Net *net, size_t stage)
{
	for (; stage < net->stage_count; stage++) {
		const Layer *first = net->stages[stage].main ? net->stages[stage].main : net->stages[stage].bn;
		if (first)
			return first->weight;
	}
	return net->param_count;
}

/** True for conv, depthwise and dense layers, which have a weight and perhaps a bias. */
bool layer_multiplies(const Layer *layer);

/** True for conv, depthwise and dense weights: what weight decay applies to. */
bool tensor_is_decayed(const TensorInfo *tensor);

#endif
