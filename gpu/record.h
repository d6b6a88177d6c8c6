/* record.h: what changes from step to step, as it lies in the device's memory: a captured graph reads it anew each time.
 *
 * One block of memory for each of two steps, so that the next one's copy runs beside this one's kernels. */
#ifndef FM_GPU_RECORD_H
#define FM_GPU_RECORD_H

#include <stddef.h>
#include <stdint.h>

/** The record's head. */
struct Head {
	double rate, beta1, weight_decay;
	double correct1, correct2; /* 1 - beta^step */
	double keep;		   /* what AdamW leaves of a decayed weight: 1 - rate weight_decay */
	uint64_t step;
	const uint8_t *held; /* rows of the data set, for `row` */
	uint32_t frozen; /* floats of param, the first, that stay with their moments */
	uint32_t epoch;
	uint8_t is_mixed, is_weighted; /* label_b and lambda count; weight counts */
	uint8_t fill, fill_value;
};

/** Addresses within one record, on the device or in its pinned twin. */
struct Record {
	Head *head;
	int64_t *ids, *row;
	int32_t *label_a, *label_b, *affine, *tone, *erase;
	float *lambda, *weight;
	uint8_t *pixels;
};

/** Bytes up to pixels, for a largest batch. */
size_t record_head_size(uint32_t batch_most);

/** Place a record's parts in memory on 256 bytes. */
Record record_at(void *memory, uint32_t batch_most);

#endif
