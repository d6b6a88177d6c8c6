/* export/model.h: a model file into a file of another format. */
#ifndef FM_EXPORT_MODEL_H
#define FM_EXPORT_MODEL_H

#include "status.h"

#include <stdbool.h>
#include <stddef.h>

/**
 * As ONNX.
 *
 * @param path    of the model; "-" for stdin
 * @param target  appears whole or not at all; NULL for stdout
 * @param fold    put batch norm into the layer before it
 */
MUST_CHECK Status export_onnx(const char *path, const char *target, bool fold);

/**
 * As TARGET, which ends in .c, and the header beside it. The header appears first; both or, unless the disk fails between
 * the two, neither.
 *
 * @param size   out: bytes of its static arena
 */
MUST_CHECK Status export_c(const char *path, const char *target, size_t *size);

#endif
