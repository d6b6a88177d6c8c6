/* augment/lazy.h: epochs as rows of the data set and transforms, whose pixels the reader makes. */
#ifndef FM_AUGMENT_LAZY_H
#define FM_AUGMENT_LAZY_H

#include "augment/augment.h"

#include <stdint.h>

/** Makes and sends the records of an epoch. lazy_sender_release gives it back. */
typedef struct LazySender {
	Augmenter *augmenter;
	Writer *writer;
	const int64_t *ids; /* by row */
	const uint64_t *rows; /* of the record being made */
	Record record;
	Tensor tensors[4];
	int64_t *row;
	int32_t *affine, *tone, *erase;
} LazySender;

/** @param ids  [rows of the data set], borrowed  @return STATUS_OK or STATUS_IO */
MUST_CHECK Status lazy_sender_init(LazySender *sender, Augmenter *augmenter, Writer *writer, const int64_t *ids);

/** Send the samples of one epoch, in this order. @return as writer_send */
MUST_CHECK Status lazy_sender_send(LazySender *sender, const uint64_t *rows, uint64_t n, Part part, int64_t epoch);

void lazy_sender_release(LazySender *sender);

#endif
