/* convolution.h: a convolution of any shape as matrix products of written-out windows (im2col), a few samples at a time.
 *
 * x [n, in.h, in.w, in.c], y [n, out.h, out.w, out.c], weights [kernel.h, kernel.w, in.c][out.c]. Three times the bytes of
 * a direct kernel: for shapes that nobody tuned, and to check the tuned ones by. */
#ifndef FM_GPU_CONVOLUTION_H
#define FM_GPU_CONVOLUTION_H

#include "cell.h"
#include "work.h"

struct Convolution {
	uint32_t in_h, in_w, in_c, out_h, out_w, out_c;
	uint32_t kernel_h, kernel_w, stride, pad_top, pad_left;
};

/** Elements of one written-out sample: out.h out.w kernel.h kernel.w in.c; 0 where x itself serves (1x1, stride 1). */
uint64_t convolution_window_size(const Convolution &shape);

/** Room for windows: as many samples as fit in 32 M elements, and one at least. @return elements */
uint64_t convolution_window_room(const Convolution &shape, uint32_t n);

/** @param windows  scratch, convolution_window_room() elements, in all three */
template <typename Cell, typename Out>
void convolution_forward(Work &work, const Convolution &shape, uint32_t n, const Cell *x, const Cell *weight, Cell *windows,
			 Out *y);

template <typename Cell>
void convolution_input(Work &work, const Convolution &shape, uint32_t n, const Cell *dy, const Cell *weight, Cell *windows,
		       Cell *dx);

/** dw = alpha times the weights' derivative, summed over samples */
template <typename Cell>
void convolution_weight(Work &work, const Convolution &shape, uint32_t n, const Cell *x, const Cell *dy, Cell *windows,
			float alpha, float *dw);

#endif
