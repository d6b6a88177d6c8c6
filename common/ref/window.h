/* ref/window.h: where a window of conv or depthwise lies in its input. */
#ifndef FM_REF_WINDOW_H
#define FM_REF_WINDOW_H

#include "net/net.h"

#include <stdint.h>

/** Where output (oy, ox) meets kernel element (ky, kx) in the input, in rows of channels; -1: in the padding. */
static inline int64_t
window_row(const Layer *layer, uint32_t oy, uint32_t ox, uint32_t ky, uint32_t kx)
{
	int64_t y = (int64_t)oy * layer->stride + ky - layer->pad_top;
	int64_t x = (int64_t)ox * layer->stride + kx - layer->pad_left;

	return y < 0 || x < 0 || y >= layer->in.h || x >= layer->in.w ? -1 : y * layer->in.w + x;
}

#endif
