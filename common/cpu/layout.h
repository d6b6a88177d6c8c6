/* cpu/layout.h: a network's plan as the kernels want it: windows, padded channels, halos, packed weights.
 *
 * Every stage becomes: main (conv, depthwise, dense, a change of order, or nothing), whose result is called y; then z =
 * affine(y), where the affine is batch norm or only a bias; another stage's output is added, perhaps; ReLU; pool; dropout;
 * the result is called out. */
#ifndef FM_CPU_LAYOUT_H
#define FM_CPU_LAYOUT_H

#include "cpu/kernels.h"
#include "net/net.h"

/** A tensor of the model file, [dims], within the packed vector: element (o, i, j, k) is at offset +
 *  o / block * block_stride + o % block + i strides[0] + j strides[1] + k strides[2]. */
typedef struct TensorLayout {
	size_t file;   /* offset in the model file's vector */
	size_t offset; /* in the packed vector */
	size_t count;  /* packed floats, zeros between them included; a multiple of 16 */
	uint32_t dims[4];
	size_t block_stride, strides[3];
	bool is_decayed;
} TensorLayout;

typedef enum MainKind {
	MAIN_NONE,    /* y is the input */
	MAIN_CONV,
	MAIN_PATCHES, /* the first convolution: each pixel's window, written out, times the weights */
	MAIN_ROWS,    /* the same in prediction: a tap is a row of the window, read where it lies */
	MAIN_DEPTHWISE,
	MAIN_DENSE,
	MAIN_FLATTEN, /* y is the input in (c, h, w) order */
} MainKind;

/** Height, width, channels with padding, halo columns. */
typedef struct Plane {
	uint32_t h, w, lanes, left, right;
} Plane;

typedef struct StageLayout {
	const Stage *stage;
	int from, other;    /* the stages that it reads and adds; -1: the pixels, nothing */
	MainKind kind;
	bool is_flat;	    /* one pixel an image: y and out are floats, whatever cells are */
	bool is_fused;	    /* pool, dropout and sum leave it to the kernels `finish` and `back` */
	Plane in, y, out;   /* y has no halo; in is out of `from`, or that without its halo */
	bool has_bare;	    /* out has a halo, and some of its readers want it without */
	bool adds_from, adds_other; /* going back: a later stage has given `from`, or `other`, a gradient before */
	bool shares_gradient;	    /* none has: the gradient of its sum becomes that of `other` where it lies */
	Window window;	    /* MAIN_CONV, MAIN_DEPTHWISE, and MAIN_PATCHES and MAIN_ROWS as written in the text */
	uint32_t taps;	    /* whose products are summed one after another; MAIN_PATCHES and MAIN_DENSE have one */
	uint32_t depth;	    /* channels that one tap sums over */
	uint32_t depth_words;
	uint32_t channels;  /* of y, without padding */
	uint32_t blocks;    /* of y */
	bool has_pool;
	Pool pool;
	bool is_relu;
	const TensorLayout *weight, *bias, *gamma, *beta; /* NULL where there is none */
	size_t words;	    /* offset in the vector of words that are multiplied going forward */
	size_t words_block; /* from one block to the next */
	uint32_t word_taps; /* taps, or COLUMN_TAPS of a convolution that goes by columns, see Columns */

	/* back to the input: the same loops over dy, on weights transposed and flipped */
	Plane dy;	     /* with its halo; where dilation > 1, that of the dilated one */
	Window back_window;
	uint32_t dilation;   /* the convolution's stride: zeros between the pixels of dy */
	bool has_back;
	size_t back_words;   /* offset in the vector of transposed weights */
	size_t back_block;
	uint32_t back_blocks;
	uint32_t back_taps; /* likewise */
} StageLayout;

enum { COLUMN_TAPS = COLUMN_POINTS * 3 };

typedef struct NetLayout {
	const Net *net;
	uint32_t block, per_word; /* cells */
	bool is_prediction;
	size_t stage_count;
	StageLayout *stages;
	size_t tensor_count;
	TensorLayout *tensors; /* of the vector param */
	size_t packed_count;   /* floats */
	size_t words_count, back_count; /* words */
	bool is_chain; /* every stage reads the one before and adds nothing */
} NetLayout;

/** @param is_prediction  nothing goes back  @return false: no memory */
bool layout_init(NetLayout *layout, const Net *net, const KernelTable *kernels, bool is_prediction);
void layout_release(NetLayout *layout);

/** The model file's order to the packed one, whose padding is zeroed, and back. */
void layout_pack(const NetLayout *layout, const float *file, float *packed);
void layout_unpack(const NetLayout *layout, const float *packed, float *file);

static inline bool
stage_has_columns(const StageLayout *stage)
{
	return stage->word_taps != stage->taps;
}

/* words.c: the weights as they are multiplied */

/** The weights of one column of a kernel, all its rows, of a block of outputs and as many inputs: floats
 * [rows][count][block], `row` floats from one row to the next. */
typedef struct Unit {
	uint32_t block, column, first, count; /* first, count: inputs */
	uint32_t columns, rows;		      /* of the kernel */
	size_t row, at, offset;		      /* of the first row's first: in the block, in the packed vector */
} Unit;

size_t layout_units(const StageLayout *stage, uint32_t block);
Unit layout_unit(const StageLayout *stage, uint32_t block, size_t i);

/** Packed weights to the words of both directions; units may be done at once. @param back  NULL: of a prediction's layout, which
 * has no way back */
void layout_words(const StageLayout *stage, const KernelTable *kernels, const Unit *unit, const float *packed, void *words,
		  void *back);
/** Both directions of some inputs of one block of a dense layer; first: a multiple of PANEL_LANES; weight: of the first. */
void layout_dense(const StageLayout *stage, const KernelTable *kernels, uint32_t block, uint32_t first, uint32_t count,
		  const float *weight, void *words, void *back);

static inline uint32_t
channels_padded(uint64_t channels)
{
	return (uint32_t)((channels + CHANNEL_ALIGN - 1) / CHANNEL_ALIGN * CHANNEL_ALIGN);
}

/** Floats of an image in a plane, halo included, and where its first pixel is. */
static inline size_t
plane_row(const Plane *plane)
{
	return (size_t)(plane->left + plane->w + plane->right) * plane->lanes;
}

static inline size_t
plane_image(const Plane *plane)
{
	const size_t floats = plane->h * plane_row(plane);

	return (floats + CHANNEL_ALIGN - 1) / CHANNEL_ALIGN * CHANNEL_ALIGN;
}

static inline void *
cells_at(const void *base, size_t index, size_t cell)
{
	return (char *)(uintptr_t)base + index * cell;
}

/** The plane without halo. */
static inline Plane
plane_bare(const Plane *plane)
{
	return (Plane){ .h = plane->h, .w = plane->w, .lanes = plane->lanes };
}

static inline bool
plane_has_halo(const Plane *plane)
{
	return plane->left + plane->right > 0;
}

/** A plane as something to write, strides in its own cells; or, by words, to read. */
static inline Grid
plane_grid(const Plane *plane, const void *data, size_t cell, size_t unit)
{
	return (Grid){
		.data = cells_at(data, (size_t)plane->left * plane->lanes, cell),
		.pixel = plane->lanes * cell / unit,
		.row = plane_row(plane) * cell / unit,
		.image = plane_image(plane) * cell / unit,
	};
}

#endif
