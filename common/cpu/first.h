/* cpu/first.h: what a first stage whose result is not stored needs; first.c says why that works. */
#ifndef FM_CPU_FIRST_H
#define FM_CPU_FIRST_H

#include "cpu/engine.h"

enum {
	GRAM_ADDS_MOST = 16512, /* of two products of bytes, to an int32 */
	GRAM_LANES = 16,	/* int32 that one sum is spread over */
};

/** One thread's part. */
typedef struct FirstScratch {
	void *mixed[2], *planes; /* pictures amid padding; planes are mixed[0] where there is one channel */
	int16_t *shorts;
	int32_t *products, *pixels; /* as the kernel `gram` has them */
	uint32_t adds;		 /* to any of them at most */
	int64_t *products_total, *pixels_total;
	void *windows;
} FirstScratch;

struct FirstMemory {
	First shape;
	uint32_t taps, row_taps, classes; /* of the kernel, of its row; of rows of pixels */
	float scale[NET_CHANNELS_MOST];
	void *words;	  /* of the weights, as they are multiplied */
	float *rows;	  /* room for one row's weights of a block */
	double *weights;  /* [lanes][taps]: what the words say */
	double *gram, *pixels; /* [taps][taps], [taps] */
	double *product;  /* [lanes][taps]: weights times gram */
	uint8_t *winner;  /* [n][out_h / 2][out_w / 2][lanes] */
	float *slice_taps, *slice_total; /* [SLICES][taps][lanes], [SLICES][lanes] */
	FirstScratch *scratch; /* [threads] */
};

/* sums of products, before classes of rows are put together */
static inline size_t
first_gram_count(const First *shape)
{
	const size_t taps = (size_t)shape->kernel_w * shape->channels;

	return (2 * (size_t)shape->kernel_h - 1) * shape->kernel_h * taps * taps;
}

/* adds to any of them that one image may bring */
static inline uint64_t
first_gram_adds(const First *shape)
{
	return shape->out_h * (((uint64_t)shape->out_w + 31) / 32);
}

#endif
