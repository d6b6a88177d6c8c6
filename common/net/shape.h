/* net/shape.h: what a layer makes of its input's shape. */
#ifndef FM_NET_SHAPE_H
#define FM_NET_SHAPE_H

#include "net/net.h"
#include "status.h"

/** Elements of one sample. */
static inline size_t
shape_size(Shape shape)
{
	return (size_t)shape.h * shape.w * shape.c;
}

/**
 * Fill out, pad_top and pad_left, and a depthwise layer's units, from in, units, kernel, stride and is_same.
 *
 * @return STATUS_OK, or STATUS_USAGE naming the layer and the shape that doesn't fit
 */
MUST_CHECK Status layer_infer(Layer *layer);

/** "7x7x64", or "64" of a flat one. @return text */
enum { SHAPE_TEXT_MOST = 40 };
char *shape_text(Shape shape, char text[static SHAPE_TEXT_MOST]);

#endif
