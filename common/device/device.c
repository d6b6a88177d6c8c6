/* device.c: which backend computes, opened. */
#include "device/device.h"

#include "cli/message.h"
#include "cpu/cpu.h"
#include "device/gpu.h"
#include "ref/ref.h"

#include <stdio.h>
#include <string.h>

const BackendHost *
device_host(void)
{
	static const BackendHost host = { .fail = fail };

	return &host;
}

static Status
open_built_in(Device *device, const BackendTable *table, const Net *net, const float *param, const float *bn,
	      const BackendOptions *options)
{
	device->table = table;
	return table->open(&device->backend, device_host(), net, param, bn, options);
}

/* auto: a GPU that is there and can't be used is worth a line; none at all is nobody's mistake. */
static void
say_fallback(Device *device, bool is_here, const char *why)
{
	if (is_here)
		warn("computing on the CPU, because the GPU can't be used: %s", why);
	snprintf(device->why, sizeof device->why, "%.1000s", why);
}

/* @return STATUS_OK; 1: auto goes on to the CPU */
static Status
open_gpu(Device *device, bool is_demanded, const Net *net, const float *param, const float *bn, const BackendOptions *options)
{
	GpuChoice choice;
	Status status;

	gpu_choose(&choice);
	if (!choice.table) {
		if (is_demanded)
			return fail(STATUS_DEVICE, "--device cuda: %s; use --device cpu or auto", choice.why);
		say_fallback(device, choice.is_here, choice.why);
		return 1;
	}
	status = choice.table->open(&device->backend, &choice.host, net, param, bn, options);
	if (status < 0 && is_demanded)
		return status;
	if (status < 0) {
		/* a precision that only the CPU has is no fault of the GPU's */
		say_fallback(device, status != STATUS_USAGE, status_message());
		return 1;
	}
	device->table = choice.table;
	snprintf(device->why, sizeof device->why, "%.1000s", choice.why);
	return STATUS_OK;
}

Status
device_open(Device *device, const char *name, const Net *net, const float *param, const float *bn, const BackendOptions *options)
{
	*device = (Device){ .why = "asked for" };
	if (!strcmp(name, "ref"))
		return open_built_in(device, &ref_backend, net, param, bn, options);
	if (!strcmp(name, "cpu"))
		return open_built_in(device, &cpu_backend, net, param, bn, options);

	const Status status = open_gpu(device, !strcmp(name, "cuda"), net, param, bn, options);
	return status == 1 ? open_built_in(device, &cpu_backend, net, param, bn, options) : status;
}

Precision
precision_from_name(const char *name)
{
	static const char *const names[] = { "auto", "fp32", "tf32", "bf16", "fp16", "int8" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (!strcmp(names[i], name))
			return (Precision)i;
	return PRECISION_AUTO;
}
