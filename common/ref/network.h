/* ref/network.h: the whole network, layer by layer as its text has them. */
#ifndef FM_REF_NETWORK_H
#define FM_REF_NETWORK_H

#include "net/net.h"
#include "status.h"

#include <stdbool.h>
#include <stdint.h>

/** What lies between the layers of one batch. network_init, network_release. */
typedef struct Network {
	const Net *net;
	float **activation; /* [layers + 1]: the input, then each layer's output, [n, h, w, c] */
	float **delta;	    /* [layers + 1]: the loss's derivatives by them; NULL when only predicting */
	float *part;	    /* one layer's share of a delta that several layers give */
	double *statistics; /* [bn_count]: the last training batch's means and biased variances, where bn has the running */
	double *running;    /* [bn_count]: the running ones, widened, of the last pass in inference mode */
} Network;

/** Parameters and what else a pass depends on. */
typedef struct Pass {
	uint64_t n;
	bool is_training; /* batch statistics and dropout */
	const float *param, *bn;
	uint64_t seed; /* these three for dropout */
	uint32_t epoch;
	const int64_t *ids;
} Pass;

/** @return STATUS_OK, or STATUS_IO (no memory; errno says so) and network_release is still to be called */
MUST_CHECK Status network_init(Network *network, const Net *net, uint64_t batch_most, bool is_training);

/** From activation[0] to the logits. @return the logits, [n, classes] */
const float *network_forward(Network *network, const Pass *pass);

/** Where the derivative by the logits is to be put before network_backward, [n, classes]. */
float *network_dlogits(Network *network);

/**
 * From the derivative by the logits to that by every parameter; after a forward pass in training.
 *
 * @param gradient  out, [param_count]
 */
void network_backward(Network *network, const Pass *pass, float *gradient);

/** Move running statistics towards the last batch's. */
void network_move_statistics(const Network *network, uint64_t n, float *bn);

void network_release(Network *network);

#endif
