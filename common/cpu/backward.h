/* cpu/backward.h: what the files of the way back share: one stage of it. */
#ifndef FM_CPU_BACKWARD_H
#define FM_CPU_BACKWARD_H

#include "cpu/engine.h"

/** What dy of a stage takes. A convolution's goes no further than its input's and its weights' gradients: where there are
 * slices enough for all threads, the weights' follows a few images after dy, and both stay in the cache. */
typedef struct BackwardRoom {
	uint32_t chunk;		    /* images whose weights' gradient is taken at once, even; 0: after the whole batch */
	uint32_t thread_images;	    /* of the cells, that a thread has for itself; 0: those of the batch are kept */
	size_t images, pair_images; /* to be kept in all, as cells and in pairs */
} BackwardRoom;

typedef struct Backward {
	const struct Backward *before; /* whose sums are taken on the way, as soon as an image's gradient is there */
	Backend *backend;
	const Batch *batch;
	size_t s;
	const StageLayout *stage;
	StageMemory *memory;
	const KernelTable *kernels; /* of this stage's y and out */
	const void *y;
	void *dout;	 /* of this stage's output, without halo */
	void *din;	 /* NULL: the pixels need none, nor does a frozen stage */
	bool din_is_float;
	uint32_t n;
	uint32_t slices; /* of the weight gradient */
	BackwardRoom room;
	/* dy of all images, or of those at hand, in the thread's part of the room: from image dy_first on, pairs_first on */
	void *dy, *dy_pairs;
	uint32_t dy_first, pairs_first;
	Ahead ahead[AHEADS]; /* while the input's gradient is made */
} Backward;

/** Follows from the stage, and from whether there is enough to do for all threads; bits don't depend on it. */
BackwardRoom backward_room(const Backend *backend, const StageLayout *stage);

static inline size_t
backward_out_count(const StageLayout *stage)
{
	return (size_t)stage->out.h * stage->out.w * stage->out.lanes;
}

static inline Affine
backward_affine(const Backward *job)
{
	const StageChannels *channels = &job->memory->channels;

	/* where something is added, ReLU comes after that: what it stops is 0 in the gradient at z already */
	return (Affine){ .scale = channels->scale, .shift = channels->shift,
			 .is_relu = job->stage->is_relu && job->stage->other < 0 };
}

static inline const void *
backward_y(const Backward *job, uint32_t image)
{
	return cells_at(job->y, image * plane_image(&job->stage->y), job->kernels->cell);
}

static inline void *
backward_dout(const Backward *job, uint32_t image)
{
	return cells_at(job->dout, image * backward_out_count(job->stage), job->kernels->cell);
}

/* A first stage whose y is not stored. */
static inline bool
backward_is_first(const Backward *job)
{
	return job->s == 0 && job->backend->first;
}

/* back_sums.c: the sums that batch norm's gradient needs, and what they give */

/** y as floats to scratch->y[i], by floats for any pool and dropout. @return the gradient at z, [y.h][y.w][lanes] */
const float *backward_at_z(const Backward *job, uint32_t image, int i, Scratch *scratch);
void backward_begin_sums(const Backward *job, size_t slice);
/** Of some images, whose gradient is there. */
void backward_add_sums(const Backward *job, uint32_t image, uint32_t count, size_t slice, int thread);
/** A slice's, as a task of a team. */
void backward_sums(void *context, size_t task, int thread);
/** The sums of slice 0 to the gradients of gamma, beta or bias, and to coefficients. */
void backward_take_sums(const Backward *job);

/* back_input.c: the gradient of a stage's input, whose cells are those of stage `from` */

/** Of one or two images; where another stage has given the same input one before, it is added to that. */
void backward_input(const Backward *job, uint32_t image, uint32_t count, Scratch *scratch);
/** Of a dense layer, all images. */
void backward_dense(Backward *job);
/** How dy of a stage lies. */
Plane backward_dy_plane(const StageLayout *stage);

/* back_weights.c: the gradient of a stage's weights */

/** A slice's, so many floats: packed as the weights are, or with all taps of the points where it goes by columns. */
float *backward_slice_gradient(const Backward *job, size_t slice);
size_t backward_slice_count(const Backend *backend, const StageLayout *stage);
/** Of some images, at most a chunk, to a slice's; dy is theirs. */
void backward_chunk(const Backward *job, uint32_t image, uint32_t count, size_t slice, bool is_added, int thread);
/** The first convolution's weights, from one or two images whose dy is in scratch memory. */
void backward_patches(const Backward *job, uint32_t image, uint32_t count, float *to, bool is_added, Scratch *scratch);
/** A depthwise convolution's, from one or two images; added to. */
void backward_depthwise(const Backward *job, uint32_t image, uint32_t count, float *to);
/** Those of a whole batch; where chunks have been taken, their slices are added up. */
void backward_weights(Backward *job);

#endif
