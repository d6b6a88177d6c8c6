/* device/device.h: which backend computes: --device auto|cpu|cuda|ref. */
#ifndef FM_DEVICE_DEVICE_H
#define FM_DEVICE_DEVICE_H

#include "backend.h"

#define DEVICE_CHOICES "auto|cpu|cuda|ref"
#define PRECISION_CHOICES "auto|fp32|tf32|bf16|fp16|int8"

/**
 * Choose by name; auto takes the best that can run here, once. Probes nothing before it is called.
 *
 * @param table  out
 * @param why    out: half a sentence for --verbose and the log ("no GPU backend is installed"); static
 * @return STATUS_OK, or STATUS_DEVICE saying what is missing
 */
MUST_CHECK Status device_choose(const char *name, const BackendTable **table, const char **why);

/** The host table that every open() is given. */
const BackendHost *device_host(void);

Precision precision_from_name(const char *name);

#endif
