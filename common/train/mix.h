/* train/mix.h: mixup and cutmix: a batch's samples mixed with one another, labels and all.
 *
 * Zhang, Cisse, Dauphin, Lopez-Paz, "mixup: beyond empirical risk minimization", ICLR 2018, arXiv 1710.09412;
 * Yun, Han, Oh, Chun, Choe, Yoo, "CutMix", ICCV 2019, arXiv 1905.04899. */
#ifndef FM_TRAIN_MIX_H
#define FM_TRAIN_MIX_H

#include "net/net.h"
#include "random/philox.h"
#include "status.h"
#include "train/ring.h"

#include <stdint.h>

/** A feed whose batches are mixed; it is itself what Feed.fill is called with. mix_open, mix_close. */
typedef struct Mix {
	double mixup;  /* alpha: lambda is drawn from Beta(alpha, alpha); 0: none */
	double cutmix; /* the share of samples that get a box of another; 0: none */
	RandomKey mixup_key, cutmix_key;
	Shape input;
	Feed feed;	/* whose batches they were */
	uint8_t *first; /* a batch's first picture, as it was */
} Mix;

/** @param feed  of pictures of this shape; copied. @return STATUS_OK, or STATUS_IO (memory) */
MUST_CHECK Status mix_open(Mix *mix, double mixup, double cutmix, uint64_t seed, Shape input, const Feed *feed);

/**
 * Fill a slot, then mix: each sample with the next one of its batch, the last with the first. What a sample's share
 * lambda is depends on its id and the epoch alone, so a resumed run draws the same. Of pictures, lambda is a multiple of
 * 2^-16 and levels are rounded half up, in integers.
 *
 * @param mix   a Mix
 * @param slot  also gets label_b and lambda
 * @return as Feed.fill
 */
Status mix_fill(void *mix, Slot *slot);

void mix_close(Mix *mix);

/**
 * From Beta(alpha, alpha) by Jöhnk's method, "Erzeugung von betaverteilten und gammaverteilten Zufallszahlen", Metrika 8,
 * 1964: u^(1/alpha) and v^(1/alpha), drawn until their sum is at most 1; after 64 tries 1.
 *
 * @param alpha  above 0, at most 1
 * @return 0 … 1
 */
double mix_beta(RandomKey key, double alpha, uint32_t epoch, uint64_t id);

#endif
