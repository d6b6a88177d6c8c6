/* cpu/engine.h: what the files of this backend share; nobody else includes it. */
#ifndef FM_CPU_ENGINE_H
#define FM_CPU_ENGINE_H

#include "backend.h"
#include "cpu/dispatch.h"
#include "cpu/layout.h"
#include "random/philox.h"
#include "threads/team.h"

enum {
	SLICES = 16,	      /* of a batch: sums run within a slice, then over slices in a fixed tree */
	UPDATE_FLOATS = 8192, /* of the parameters that one task of an update takes */
	INFER_IMAGES = 32,    /* that a task of a prediction takes */
	INFER_PAIR = 2,	      /* that go through the convolutions at once, so that they stay in the cache; see Folded.few */
};

#define BN_EPSILON 1e-3
#define BN_KEEP 0.99 /* of the running statistics at every step */

typedef struct FirstMemory FirstMemory;
typedef struct Moved Moved;

/** Values of one stage's channels, [y.lanes] each. */
typedef struct StageChannels {
	float *scale, *shift, *mean; /* of the batch */
	float *coefficients;	     /* [3]: of the kernels' `back` */
	double *sums;		     /* [SLICES][2] */
	double *mean_batch, *variance_batch; /* unbiased, what the running statistics will take up */
	double *deviation_inverse;
} StageChannels;

/** A stage's activations of a batch: cells, or floats where the stage is flat. */
typedef struct StageMemory {
	StageChannels channels;
	void *y, *out, *dy; /* y and dy NULL: MAIN_NONE, whose y is its input */
	void *best;	    /* y of every pool window's largest; fused stages with a pool */
	void *out_cells;    /* flat: what a dense layer reads; elsewhere the same as out */
	void *bare;	    /* out_cells without halo, where some reader wants that */
	void *dy_cells;	    /* likewise */
	void *out_pairs, *dy_pairs; /* words of two images, where cells are smaller than words and weights need them */
	uint64_t words_version; /* of the vectors that the words of the weights were made from */
	uint8_t *keep;	    /* dropout: [n][out without halo], 1 = kept */
	RandomKey dropout_key;
} StageMemory;

/** One thread's scratch memory. */
typedef struct Scratch {
	float *y[2], *z, *dz, *out[2]; /* images of a stage that the fused kernels can't do */
	float *other;	  /* an image that is added to another; where the net branches */
	void *patches;	  /* a band of rows of MAIN_PATCHES, floats or words; what is left in unused lanes is finite */
	void *patches_half; /* the same, 16 bits a pixel */
	/* an input image amid its padding, one place a form: the frame is zeroed once, and what is a pixel of one form lies
	 * in another's frame */
	void *picture;	  /* floats */
	void *picture_half; /* 16 bits a pixel */
	void *pictures;	  /* words of two images */
	float *input[2];  /* one input image as floats */
	void *dy;	  /* of MAIN_PATCHES, a pair of images */
	void *dilated;	  /* dy of a strided convolution, zeros between its pixels */
	void *din;	  /* two images' gradients that are to be added to what another stage gave; where the net branches */
	void *panel;	  /* [batch words][PANEL_LANES] of a dense layer's inputs */
	float *panel_gradient; /* [PANEL_LANES][block] of its weights */
	void **infer;	  /* [stage]: outputs of a few images */
	void **infer_cells; /* [stage]: the same as cells */
	void **infer_bare;  /* [stage]: cells without halo, where some reader wants that */
	void *infer_in;	  /* stage 0's input; NULL for MAIN_ROWS, which has */
	void *infer_picture; /* a picture amid its padding, as cells */
	float *winograd_in, *winograd_out, *winograd_zeros; /* winograd.c */
	void *column_outside, *column_points; /* columns.c: a row of zeros, and images' points, cells */
	void *column_x, *column_dy; /* back_columns.c: likewise, words of two images */
	void *infer_y;	  /* of one stage and a few images, before its pool */
	float *ranges;	  /* [stage][2]: outputs seen, where they are wanted */
} Scratch;

/** A run of parameters that an update treats alike. */
typedef struct UpdateRange {
	size_t offset, count;
	bool is_decayed;
} UpdateRange;

/** What an update does to all parameters. */
typedef struct Update {
	OptimiserStep step;
	float keep_decayed, decay_decayed; /* of the ranges that decay applies to */
	uint32_t frozen_stages;
	size_t frozen; /* packed floats, theirs: the first */
} Update;

/** How a stage's numbers lie in bytes: x = step (q - zero). */
typedef struct Quantity {
	float step, zero;
} Quantity;

/** Weights for prediction, batch norm's scale in them. */
typedef struct Folded {
	const KernelTable *kernels;
	NetLayout layout;
	float *weight;	 /* packed */
	void *words;	 /* the same, as it is multiplied */
	float **winograd; /* [stage]: the same as winograd.c multiplies it, or NULL */
	uint32_t few;	 /* images that go through the convolutions at once */
	float **scale, **shift; /* [stage]; scale is 1 where it is in the weights */
	Quantity *quantities; /* int8: [stage], of the outputs; else NULL */
	float **map;	 /* int8: [stage], [y.h][y.w][y.lanes] in place of shift, or NULL */
	double *offsets; /* int8: room for a block's */
	int32_t **column_start; /* int8: [stage], Conv.start, or NULL */
	float *column_block;	/* int8: room for a block of weights of points */
	void *table;	 /* MAIN_ROWS: [c][256] what pixels are worth, in cells */
	uint64_t version;
	Vector vector;
} Folded;

/** Memory for pieces, on large pages. */
typedef struct Mapping {
	void *raw;
	char *begin;
	size_t raw_size, size, used; /* of raw; from begin on */
} Mapping;

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
	uint64_t version;	      /* of the vectors: counts changes */
	float *gradient;	      /* packed: sums over samples */
	float gradient_weight;	      /* the summed weight; NaN after a loss that is not finite */
	void *words, *back;	      /* weights as they are multiplied, both ways */
	const StageLayout **words_stages; /* [stages] room for optimise_words */
	size_t *words_begin;
	float *partial;		      /* slices of a weight gradient */
	Update update;		      /* the step's, as soon as it is known */
	bool is_stepping;	      /* the gradient will be applied, so that whoever has a part of it may */
	size_t late_range_count, update_range_count; /* the first are left for a step's end */
	UpdateRange *update_ranges;

	StageMemory *stages;
	FirstMemory *first; /* NULL: the first stage is like others */
	void *input;	   /* stage 0's input, where it is not the pixels themselves */
	void **dout;	   /* [stage]: gradients of the outputs, without halo; two places that take turns in a chain */
	void *din;	   /* a dense layer's input gradient that is to be added to what another stage gave */
	Scratch *scratch;  /* [threads] */
	double slice_loss[SLICES], slice_weight[SLICES], slice_correct[SLICES];
	Sums sums;

	uint8_t *held;
	uint64_t held_rows, held_room;
	Moved *moved; /* NULL: no batch has had transforms */

	Folded folded;

	size_t piece_count, room_count; /* of memory: all of the above but held and moved */
	Mapping *rooms;
};

/** Slice i of n images: begin <= image < end, from n alone. Pairs of images are never parted. */
typedef struct Slice {
	uint32_t begin, end;
} Slice;

static inline Slice
slice_of(uint64_t n, uint32_t slices, uint32_t i)
{
	return (Slice){ (uint32_t)(n * i / slices), (uint32_t)(n * (i + 1) / slices) };
}

static inline Slice
slice_of_images(uint64_t n, uint32_t slices, uint32_t i)
{
	const Slice pairs = slice_of((n + 1) / 2, slices, i);
	const uint32_t end = 2 * pairs.end;

	return (Slice){ 2 * pairs.begin < n ? 2 * pairs.begin : (uint32_t)n, end < n ? end : (uint32_t)n };
}

static inline const KernelTable *
stage_kernels(const KernelTable *kernels, const StageLayout *stage)
{
	return stage->is_flat ? kernels->floats : kernels;
}

/** Is ReLU done together with the affine? After a sum that is not fused it comes by itself. */
static inline bool
stage_has_early_relu(const StageLayout *stage)
{
	return stage->is_relu && (stage->other < 0 || stage->is_fused);
}

static inline const uint8_t *
batch_pixels(const Backend *backend, const Batch *batch, uint64_t image)
{
	const size_t size = (size_t)backend->net->input.h * backend->net->input.w * backend->net->input.c;

	return batch->pixels ? batch->pixels + image * size : backend->held + (uint64_t)batch->rows[image] * size;
}

/** What a stage reads as cells, all images: another stage's output, or the pixels. */
static inline const void *
stage_input(const Backend *backend, const StageLayout *stage)
{
	const StageMemory *from = stage->from < 0 ? NULL : &backend->stages[stage->from];

	if (!from)
		return backend->input;
	return from->bare && stage->kind != MAIN_CONV ? from->bare : from->out_cells;
}

/** y of a stage, all images: where there is no main operation, what it reads; floats where it is flat. */
static inline void *
stage_y(const Backend *backend, const StageLayout *stage)
{
	const StageMemory *memory = &backend->stages[stage - backend->layout.stages];

	if (memory->y)
		return memory->y;
	if (stage->from >= 0 && stage->is_flat)
		return backend->stages[stage->from].out;
	return (void *)(uintptr_t)stage_input(backend, stage);
}

/* pieces.c: memory that lasts as long as the backend */

/** Zeroed, on 64 bytes. @return NULL: no memory */
void *engine_piece(Backend *backend, size_t size);
void engine_free_pieces(Backend *backend);

/* memory.c: everything whose size follows from the plan and the options */
bool engine_allocate(Backend *backend);
void engine_free(Backend *backend);
/** Into how many slices of the batch the gradient of a stage's weights is split: from the plan alone; a power of 2. */
uint32_t wgrad_slices(const StageLayout *stage);
/** From where all stages are flat; what comes before goes through the cache few images at a time. */
size_t first_flat(const NetLayout *layout);

/* input.c: pixels to what the first stage reads */

/** One image as cells, [h][w][in.lanes]. @param floats  room for it */
void input_image(const Backend *backend, const KernelTable *kernels, const StageLayout *stage, const uint8_t *pixels,
		 void *to, float *floats);
/** One image amid its padding; or two, second may be NULL, as words of pairs. */
void input_picture(const Backend *backend, const KernelTable *kernels, const StageLayout *stage,
		   const uint8_t *const pixels[2], bool is_paired, Scratch *scratch);
/** Where input_picture has put one image, and where its windows go. */
const void *input_picture_of(const KernelTable *kernels, const Scratch *scratch);
void *input_patches_of(const KernelTable *kernels, const Scratch *scratch);
size_t input_picture_units(const StageLayout *stage);
/** Rows first <= y < end of the first convolution's output as windows, [row][column][input_patch_lanes] of unit bytes. */
void input_patches(const StageLayout *stage, const void *picture, size_t unit, uint32_t first, uint32_t end, void *patches);
uint32_t input_patch_lanes(const StageLayout *stage);
/** How many rows of patches are made at once. */
uint32_t input_band(const StageLayout *stage);

/* rows.c: the first convolution of a prediction */

/** Room for a picture amid its padding. */
size_t rows_picture_bytes(const StageLayout *stage, size_t cell);
/** What every pixel is worth: table[c][256] of cells. */
void rows_table(const Net *net, const KernelTable *kernels, void *table);
/** Can main_rows do the stage's pool too? */
bool rows_can_pool(const StageLayout *stage);

/* mainstage.c: conv, patches, dense and flatten as jobs of the two kernels that multiply */

typedef struct MainJob {
	const Backend *backend;
	const KernelTable *kernels;
	const StageLayout *stage;
	const void *words; /* of all stages */
	Team *team;	   /* that shares it; NULL: this thread's alone */
	const float *bias; /* [y.lanes] or NULL */
	size_t bias_pixel; /* 0, or floats from one output pixel's bias to the next */
	const float *scale; /* [y.lanes] of bytes; else NULL */
	bool y_is_float;   /* else cells; of a dense layer, floats it always is */
	bool is_relu;
	double *sum, *square; /* [y.lanes] or NULL: of y, added to */
	Ahead ahead[AHEADS];  /* of a convolution */
	bool asks_ahead; /* a dense layer, for its next words: of one block and many images; for a few it costs more than it saves */
} MainJob;

/** One range more; without room for it nothing. */
void ahead_add(Ahead *all, const void *data, size_t bytes);

/** n images of a convolution. */
void main_images(const MainJob *job, const void *in, void *y, const Plane *y_plane, uint32_t n, Scratch *scratch);
void main_images_back(const Backend *backend, const StageLayout *stage, const void *dy, void *din, uint32_t n,
		      const Ahead *ahead, Scratch *scratch);
/** Images from `image` on, an even number. @param dy  theirs, or of their pairs where words are two cells */
void main_images_wgrad(const Backend *backend, const StageLayout *stage, uint32_t image, uint32_t n, uint32_t block,
		       const void *dy, float *dweight, bool is_added);

/** One image of a depthwise convolution, cells. @param param  the packed vector that its weights lie in */
Depthwise main_depthwise(const StageLayout *stage, size_t cell, const float *param, const void *x, const void *y,
			 const Plane *y_plane);

/** One image of the first convolution; wgrad: of a pair's words, the second image may be missing. */
void main_patches(const MainJob *job, const uint8_t *pixels, void *y, const Plane *y_plane, Scratch *scratch);
void main_patches_wgrad(const Backend *backend, const uint8_t *const pixels[2], const void *dy, Scratch *scratch,
			float *dweight, bool is_added);

/** All n images of a dense layer, some blocks of its outputs; back: of its inputs; wgrad: a panel of its inputs, whose
 * weights are updated at once in a step. */
void main_dense(const MainJob *job, const void *in, float *y, uint32_t n, uint32_t first_block, uint32_t end_block);
void main_dense_back(const Backend *backend, const StageLayout *stage, const void *dy, void *din, bool din_is_float,
		     uint32_t n, uint32_t first_block, uint32_t end_block);
void main_dense_wgrad(const Backend *backend, size_t s, const void *in, uint32_t n, uint32_t panel, Scratch *scratch);

/** One image to floats in (c, h, w) order, and its gradient back to cells. */
void main_flatten(const KernelTable *kernels, const StageLayout *stage, const void *in, float *y, Scratch *scratch);
void main_unflatten(const KernelTable *kernels, const StageLayout *stage, const float *dy, void *din, Scratch *scratch);

/** rows.c: one image; y is the stage's output where is_pooled. */
void main_rows(const MainJob *job, const uint8_t *pixels, void *y, const Plane *y_plane, bool is_pooled, Scratch *scratch);

/* finish.c: from y to the stage's output and, of its gradient, back; two images at a time, the second may be missing */

typedef struct Ends {
	const Backend *backend;
	const KernelTable *kernels;
	const NetLayout *layout; /* that the stage belongs to */
	const StageLayout *stage;
	Affine affine; /* with add: ReLU comes after the sum, and is here only where the stage is fused */
	const void *y[2];
	const void *other[2]; /* with add: the image of stage `other`, its halo included */
	void *out[2];	 /* first pixel, in stage->out's rows */
	void *best[2];
	void *out_pairs; /* first pixel */
	const Batch *batch; /* for dropout; NULL in prediction */
	StageMemory *memory;
	uint32_t image;
	Scratch *scratch;
} Ends;

void ends_finish(const Ends *ends);
/** z = affine(y) + the other image, then ReLU where the stage has it. @param z  [y.h][y.w][lanes] floats, affine(y) already */
void ends_add(const KernelTable *kernels, const NetLayout *layout, const StageLayout *stage, const void *other, Scratch *scratch,
	      float *z);
/** An image without its halo. */
void ends_bare(const Plane *plane, size_t cell, const void *image, void *bare);

/* first.c: training a first stage whose result is not stored */

/** Whether the first stage is such a one; what that takes. @return false: no memory */
bool first_is_possible(const Backend *backend);
bool first_allocate(Backend *backend);
/** The batch's moments of y to channels.sums of slice 0, from the pixels and the weights, which are made ready. */
void first_moments(Backend *backend, const Batch *batch);
/** One or two images to the stage's output. */
void first_forward(Backend *backend, const Batch *batch, uint32_t image, uint32_t count, int thread);
/** Some images' share of the gradient, as sums of a slice, which are zeroed first where it begins. */
void first_begin_slice(Backend *backend, size_t slice);
void first_back(Backend *backend, const Batch *batch, uint32_t image, uint32_t count, size_t slice, int thread);
/** The sums of d and d (y - mean) to channels.sums of slice 0; then, once coefficients are known, the weights' gradient. */
void first_sums(Backend *backend);
void first_gradient(Backend *backend);

/* forward.c, backward.c, loss.c: training, batch by batch */
void train_forward(Backend *backend, const Batch *batch);
void train_loss(Backend *backend, const Batch *batch);
void train_backward(Backend *backend, const Batch *batch);

/* optimise.c */

/** Before a step's backward pass, once the loss is known: from now on parts of the gradient may be applied. */
void optimise_begin(Backend *backend, const Hyper *hyper);
/** What is left of an update. */
void optimise_update(Backend *backend, const Hyper *hyper);
/** Update some parameters; gradient: theirs. */
void optimise_floats(const Backend *backend, size_t offset, size_t count, bool is_decayed, const float *gradient);
/** Whether a step updates the stage's weights as soon as their gradient is there, and makes their words at once. */
bool optimise_is_early(const Backend *backend, const StageLayout *stage);
/** Make the words of the weights, unless they are those already. */
void optimise_words(Backend *backend);

/* infer.c */
void infer_predict(Backend *backend, const Batch *batch, Vector which, float *prob);

/** prob[classes] = softmax(logits) */
void softmax(const float *logits, uint32_t classes, float *prob);

#endif
