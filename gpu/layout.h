/* layout.h: the order of parameters on the device against the model file's. Offsets of tensors are the same.
 *
 * File: conv [out, in, kh, kw], dense [out, in] with (c, h, w) order of what was flattened. Device: [kh, kw, in, out] and
 * [in, out] with (h, w, c) order: outputs lie together, and inputs as activations do, so that rows of both load as one. */
#ifndef FM_GPU_LAYOUT_H
#define FM_GPU_LAYOUT_H

#include "net/net.h"

/** @param file, device  [param_count], on the host both */
void layout_to_device(const Net *net, const float *file, float *device);
void layout_to_file(const Net *net, const float *device, float *file);

#endif
