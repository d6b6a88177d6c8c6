/* info/devices.h: what this machine computes with, as one JSON object, and that object as text for people. */
#ifndef FM_INFO_DEVICES_H
#define FM_INFO_DEVICES_H

#include "status.h"

#include <jansson.h>
#include <stdio.h>

/**
 * {schema, kind: "devices", auto: "cpu" or "cuda:N", cpu: {uses, can: [names for FM_CPU]}, driver: {version, cuda, why},
 * folder, backends: [{file, toolkit, machine, ptx, why}], gpus: [{device, name, architecture, memory, backend, why,
 * refused: [text]}]}. What isn't known or isn't so is null. Loads every plug-in.
 *
 * @param description  out: new reference
 */
MUST_CHECK Status describe_devices(json_t **description);

/** As text, a line a device, control bytes made visible. */
void devices_print(const json_t *description, FILE *out);

#endif
