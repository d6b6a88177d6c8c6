/* cpu/engine.h: what the files of this backend share; nobody else includes it. */
#ifndef FM_CPU_ENGINE_H
#define FM_CPU_ENGINE_H

#include "backend.h"
#include "cpu/dispatch.h"
#include "cpu/layout.h"
#include "cpu/team.h"
#include "random/philox.h"

enum {
	SLICES = 16,	      /* of a batch: sums run within a slice, then over slices in a fixed tree */
	UPDATE_FLOATS = 8192, /* of the parameters that one task of an update takes */
	INFER_IMAGES = 32,    /* that a task of a prediction takes */
	INFER_PAIR = 2,	      /* that go through the convolutions at once, so that they stay in the cache */
};

/** Values of one stage's channels, [y.lanes] each. */
typedef struct StageChannels {
	float *scale, *shift, *mean; /* of the batch */
	float *coefficients;	     /* [3]: of affine_back */
	double *sums;		     /* [SLICES][2] */
	double *mean_batch, *variance_batch; /* unbiased, what the running statistics will take up */
	double *deviation_inverse;
} StageChannels;

/** A stage's activations of a batch. */
typedef struct StageMemory {
	StageChannels channels;
	float *y, *out, *dy; /* y NULL: MAIN_NONE */
	uint8_t *keep;	     /* dropout: [n][out], 1 = kept */
	RandomKey dropout_key;
} StageMemory;

/** One thread's scratch memory. */
typedef struct Scratch {
	float *z, *dz;	  /* an image before its pool, and the gradient there */
	float *patches;	  /* a band of rows of MAIN_PATCHES */
	float *picture;	  /* one input image as floats, with what padding surrounds it */
	float *dilated;	  /* dy of a strided convolution, zeros between its pixels */
	float *panel;	  /* [batch][16] of a dense layer's inputs */
	float **infer;	  /* [stage]: outputs of a few images */
	float *infer_in;  /* stage 0's input as floats */
	float *infer_y;	  /* of one stage and a few images, before its pool */
} Scratch;

/** A run of parameters that an update treats alike. */
typedef struct UpdateRange {
	size_t offset, count;
	bool is_decayed;
} UpdateRange;

struct Backend {
	const BackendHost *host;
	const Net *net;
	const KernelTable *kernels;
	NetLayout layout;
	BackendOptions options;
	int threads;
	Team *team;
	char chosen[64];

	float *vectors[VECTOR_COUNT]; /* param kinds packed, bn kinds in the file's order; NULL where not kept */
	float *gradient;	      /* packed: sums over samples */
	float gradient_weight;	      /* the summed weight; NaN after a loss that is not finite */
	float *back;		      /* transposed weights */
	float *partial;		      /* slices of a weight gradient */
	size_t update_range_count;
	UpdateRange *update_ranges;

	StageMemory *stages;
	float *input;	   /* stage 0's input as floats, where it needs that */
	float *dout[2];	   /* gradients of the outputs of even and odd stages */
	Scratch *scratch;  /* [threads] */
	double slice_loss[SLICES], slice_weight[SLICES], slice_correct[SLICES];
	Sums sums;

	uint8_t *held;
	uint64_t held_rows, held_room;

	float *folded;	   /* weights for prediction, packed, times batch norm's scale */
	float **infer_scale, **infer_shift; /* [stage] */
	uint64_t version, folded_version;   /* version counts changes of the vectors */
	Vector folded_vector;

	size_t piece_count; /* of memory: all of the above but held */
	void **pieces;
};

/** Slice i of n: begin <= image < end, from n alone. */
typedef struct Slice {
	uint32_t begin, end;
} Slice;

static inline Slice
slice_of(uint64_t n, uint32_t slices, uint32_t i)
{
	return (Slice){ (uint32_t)(n * i / slices), (uint32_t)(n * (i + 1) / slices) };
}

static inline uint32_t
blocks_of_stage(const Backend *backend, const StageLayout *stage)
{
	return (stage->y.lanes + backend->kernels->block - 1) / backend->kernels->block;
}

static inline Affine
stage_affine(const StageLayout *stage, const StageChannels *channels)
{
	return (Affine){ .scale = channels->scale, .shift = channels->shift, .is_relu = stage->is_relu };
}

static inline const uint8_t *
batch_pixels(const Backend *backend, const Batch *batch, uint64_t image)
{
	const size_t size = (size_t)backend->net->input.h * backend->net->input.w * backend->net->input.c;

	return batch->pixels ? batch->pixels + image * size : backend->held + (uint64_t)batch->rows[image] * size;
}

#define BN_EPSILON 1e-3
#define BN_KEEP 0.99 /* of the running statistics at every step */

/* memory.c: everything whose size follows from the plan and the options */
bool engine_allocate(Backend *backend);
void engine_free(Backend *backend);

/* input.c: pixels to what the first stage reads */

/** One image as floats, [h][w][in.lanes]. */
void input_image(const Backend *backend, const StageLayout *stage, const uint8_t *pixels, float *to);
/** One image as floats amid its padding. */
void input_picture(const Backend *backend, const StageLayout *stage, const uint8_t *pixels, float *picture);
size_t input_picture_floats(const StageLayout *stage);
/** Rows first <= y < end of the first convolution's output as windows of pixels, [row][column][input_patch_lanes]. */
void input_patches(const StageLayout *stage, const float *picture, uint32_t first, uint32_t end, float *patches);
uint32_t input_patch_lanes(const StageLayout *stage);
/** How many rows of patches are made at once. */
uint32_t input_band(const StageLayout *stage);

/* mainstage.c: conv, patches, dense, flatten, forward and backward */
typedef struct MainJob {
	Backend *backend;
	const StageLayout *stage;
	const float *weight; /* packed, of the stage */
	const float *bias;   /* [y.lanes] or NULL */
	bool is_relu;
} MainJob;

/** n images of a convolution. */
void main_images(const MainJob *job, const float *in, float *y, const Plane *y_plane, uint32_t n);
void main_images_back(const Backend *backend, const StageLayout *stage, const float *dy, float *din, uint32_t n);
void main_images_wgrad(const Backend *backend, const StageLayout *stage, const float *in, const float *dy, uint32_t n,
		       uint32_t block, float *dweight);

/** One image of the first convolution. */
void main_patches(const MainJob *job, const uint8_t *pixels, float *y, const Plane *y_plane, Scratch *scratch);
void main_patches_wgrad(const Backend *backend, const StageLayout *stage, const uint8_t *pixels, const float *dy,
			Scratch *scratch, float *dweight, bool is_added);

/** All n images of a dense layer, some blocks of its outputs; back: of its inputs; wgrad: a panel of 16 inputs. */
void main_dense(const MainJob *job, const float *in, float *y, uint32_t n, uint32_t first_block, uint32_t end_block);
void main_dense_back(const Backend *backend, const StageLayout *stage, const float *dy, float *din, uint32_t n,
		     uint32_t first_block, uint32_t end_block);
void main_dense_wgrad(const Backend *backend, const StageLayout *stage, const float *in, const float *dy, uint32_t n,
		      uint32_t panel, Scratch *scratch, float *dweight);

/** One image to (c, h, w) order, and its gradient back. */
void main_flatten(const StageLayout *stage, const float *in, float *y);
void main_unflatten(const StageLayout *stage, const float *dy, float *din);

/* finish.c: from y to the stage's output, but for dropout */

/** @param affine  NULL: y is z already  @param z  room for an image before its pool */
void stage_finish(const KernelTable *kernels, const StageLayout *stage, const Affine *affine, const float *y, float *out,
		  float *z);

/** Into how many slices of the batch the gradient of a stage's weights is split: from the plan alone. */
uint32_t wgrad_slices(const Backend *backend, const StageLayout *stage);

/* forward.c, backward.c, loss.c: training, batch by batch */
void train_forward(Backend *backend, const Batch *batch);
void train_loss(Backend *backend, const Batch *batch);
void train_backward(Backend *backend, const Batch *batch);

/* optimise.c */
void optimise_update(Backend *backend, const Hyper *hyper);

/* infer.c */
/** The first stage of those that a dense layer begins; what comes before goes through the cache few images at a time. */
size_t infer_first_flat(const NetLayout *layout);
void infer_predict(Backend *backend, const Batch *batch, Vector which, float *prob);

/** prob[classes] = softmax(logits) */
void softmax(const float *logits, uint32_t classes, float *prob);

#endif
