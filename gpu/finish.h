/* finish.h: what a stage does after its convolution or dense layer: affine map (batch norm or bias), ReLU, pool, dropout.
 *
 * y [n, in.h, in.w, c] is what the layer gave, z [n, out.h, out.w, c] what the next stage reads:
 * z = dropout(pool(relu(scale[c] y + shift[c] + add))). Nothing between y and z is stored; the way back computes it again. */
#ifndef FM_GPU_FINISH_H
#define FM_GPU_FINISH_H

#include "cell.h"
#include "divide.h"
#include "record.h"
#include "work.h"

#include <algorithm>

/* What the other branch of a residual is stored as. */
enum AddKind { ADD_FLOATS, ADD_HALVES, ADD_BRAINS };

template <typename Cell> inline AddKind add_kind_of(void);
template <> inline AddKind add_kind_of<float>(void) { return ADD_FLOATS; }
template <> inline AddKind add_kind_of<Half>(void) { return ADD_HALVES; }
template <> inline AddKind add_kind_of<Brain>(void) { return ADD_BRAINS; }

enum PoolKind { POOL_NONE, POOL_MAX, POOL_AVERAGE };

/** Dropout of fm-tools(7): unit j in (c, h, w) order by word j mod 4 of draw j / 4. */
struct Drop {
	bool is_on;
	uint2 key;
	uint32_t threshold; /* dropped below it */
	float scale;	    /* 1 / (1 - rate) of what stays */
	const Head *head;   /* epoch */
	const int64_t *ids; /* [n] */
};

/** A stage's shape; without a pool the window is one pixel. */
struct Finish {
	uint32_t n;
	uint32_t in_h, in_w, kernel_h, kernel_w, stride;
	Divisor c, out_h, out_w; /* values and how to divide by them */
	Divisor in_w_divisor, in_h_divisor, stride_divisor;
	PoolKind pool;
	bool has_relu;
	bool is_wide;	    /* argmax: 32 bits rather than 8 */
	const void *add;    /* [n, in.h, in.w, c] of cells of 16 bits or floats: added before ReLU; NULL: none */
	AddKind add_kind;
	const float *scale; /* [c], or NULL: 1 */
	const float *shift; /* [c], or NULL: 0 */
	Drop drop;
};

/** The same stage read from the winners of its pool's windows, [n, out.h, out.w, c], instead of from y. */
inline Finish
finish_of_winners(Finish finish)
{
	finish.in_h = finish.out_h.value;
	finish.in_w = finish.out_w.value;
	finish.kernel_h = finish.kernel_w = finish.stride = 1;
	finish.in_h_divisor = finish.out_h;
	finish.in_w_divisor = finish.out_w;
	finish.stride_divisor = divisor_of(1);
	finish.pool = POOL_NONE;
	return finish;
}

/** @param argmax  out: which element of each window is largest, [n, out.h, out.w, c] of 8 or 32 bits; NULL: not wanted */
template <typename Y, typename Z>
void finish_forward(Work &work, const Finish &finish, const Y *y, Z *z, void *argmax);

/** What batch norm's way back needs of a channel. dy = a dh + b (y - mean) + shift, dh: derivative by the affine map */
struct NormBack {
	const float *a, *b, *mean, *shift; /* [c]; a NULL: dy = dh */
};

/* ---- tiles of rows of z, of each of which there is a partial sum ---- */

#ifndef FM_SUM_TILES_MOST
#define FM_SUM_TILES_MOST 1024
#endif

/** Few rows, so that there are many threads and none goes through many; but no more tiles than are soon added up. */
enum { SUM_ROWS_LEAST = 16, SUM_TILES_MOST = FM_SUM_TILES_MOST };

/** Rows of z: a number of each channel. */
inline uint32_t
finish_rows(const Finish &finish)
{
	return finish.n * finish.out_h.value * finish.out_w.value;
}

/** How many of them a tile has: a power of two that follows from their number alone. */
inline uint32_t
finish_sum_rows(uint32_t rows)
{
	uint32_t tile_rows = SUM_ROWS_LEAST;

	while (rows > tile_rows * SUM_TILES_MOST)
		tile_rows *= 2;
	return tile_rows;
}

inline uint32_t
finish_tiles(uint32_t rows)
{
	const uint32_t tile_rows = finish_sum_rows(rows);

	return (rows + tile_rows - 1) / tile_rows;
}

/** The most tiles that so many rows or fewer have. */
inline uint32_t
finish_tiles_most(uint32_t rows)
{
	return finish_tiles(std::min<uint32_t>(rows, SUM_ROWS_LEAST * SUM_TILES_MOST));
}

/**
 * Partial sums of dh and of dh (y - mean) inverse over z's rows; from z's side, since only a window's largest counts.
 *
 * @param mean, inverse  [c], or NULL: the second sum is not wanted
 * @param partial        out: [finish_tiles(n out.h out.w), c] of (sum of dh, sum of dh normal)
 */
template <typename Y, typename Z>
void finish_sums(Work &work, const Finish &finish, const Y *y, const Z *dz, const void *argmax, const float *mean,
		 const float *inverse, float2 *partial);

/**
 * From dz to dy [n, in.h, in.w, c]. Windows may overlap: each place gathers what is due to it, in a fixed order.
 *
 * @param dadd  out: the derivative by `add`, as dy; NULL: not wanted
 */
template <typename Y, typename Z, typename DY>
void finish_back(Work &work, const Finish &finish, const Y *y, const Z *dz, const void *argmax, const NormBack &norm,
		 DY *dy, DY *dadd);

#endif
