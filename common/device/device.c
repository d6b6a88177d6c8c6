/* device.c: which backend computes. */
#include "device/device.h"

#include "cpu/cpu.h"
#include "ref/ref.h"

#include <string.h>

const BackendHost *
device_host(void)
{
	static const BackendHost host = { .fail = fail };

	return &host;
}

Status
device_choose(const char *name, const BackendTable **table, const char **why)
{
	if (!strcmp(name, "cuda"))
		return fail(STATUS_DEVICE, "--device cuda: this build has no GPU backend; use --device cpu or auto");
	*table = strcmp(name, "ref") ? &cpu_backend : &ref_backend;
	*why = strcmp(name, "auto") ? "asked for" : "this build has no GPU backend";
	return STATUS_OK;
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
