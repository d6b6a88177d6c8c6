/* device/device.h: which backend computes: --device auto|cpu|cuda|ref. */
#ifndef FM_DEVICE_DEVICE_H
#define FM_DEVICE_DEVICE_H

#include "backend.h"

#define DEVICE_CHOICES "auto|cpu|cuda|ref"
#define TRAINING_PRECISION_CHOICES "auto|fp32|tf32|bf16|fp16"
#define PRECISION_CHOICES TRAINING_PRECISION_CHOICES "|int8"

/** device_open; closed by table->close(backend). */
typedef struct Device {
	const BackendTable *table;
	Backend *backend;
	char why[1024]; /* this one was chosen: half a sentence for --verbose ("no GPU backend is installed") */
} Device;

/**
 * Choose a backend by name and open it, once, for a whole run. Asks for a GPU only where auto or cuda needs it; auto takes
 * the CPU, with one line of warning, where there is a GPU that can't be used.
 *
 * @param net, param, bn, options  as BackendTable.open has them
 * @return STATUS_OK; STATUS_DEVICE saying what is missing; or as BackendTable.open, of the one chosen
 */
MUST_CHECK Status device_open(Device *device, const char *name, const Net *net, const float *param, const float *bn,
			      const BackendOptions *options);

/** The host table that the built-in backends' open() is given. */
const BackendHost *device_host(void);

Precision precision_from_name(const char *name);

#endif
