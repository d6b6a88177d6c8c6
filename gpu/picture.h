/* picture.h: from pixels, sent or held, through each sample's transform, to the network's first numbers. */
#ifndef FM_GPU_PICTURE_H
#define FM_GPU_PICTURE_H

#include "record.h"
#include "work.h"

#include "net/net.h"

/** Normalisation of each channel: x = pixel scale + shift. */
struct Normal {
	float scale[NET_CHANNELS_MOST], shift[NET_CHANNELS_MOST];
};

/**
 * x[n, h, w, c] = the batch's pixels, transformed bit for bit as pixel/transform.h says, normalised.
 *
 * @param record    on the device
 * @param is_held   rows of head->held, not record.pixels
 * @param is_moved  affine, tone and erase count
 */
template <typename Cell>
void picture_fill(Work &work, const Record &record, uint32_t n, Shape shape, const Normal &normal, bool is_held,
		  bool is_moved, Cell *x);

#endif
