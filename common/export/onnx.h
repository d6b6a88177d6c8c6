/* export/onnx.h: a model as ONNX, operator set 13. */
#ifndef FM_EXPORT_ONNX_H
#define FM_EXPORT_ONNX_H

#include "export/graph.h"
#include "status.h"

enum { ONNX_OPSET = 13, ONNX_IR = 7 };

/**
 * Write it to an open descriptor: input `image`, uint8 [n, h, w, c] pixels 0..255; output `prob`, float [n, classes]. Equal
 * graphs are equal bytes.
 *
 * @param name  for messages
 * @return STATUS_OK; STATUS_INPUT for a model larger than the 2 GB that protobuf can hold; STATUS_IO
 */
MUST_CHECK Status onnx_write(const Graph *graph, int fd, const char *name);

#endif
