/* driver.c: libcuda.so.1 through dlopen; its functions and codes are those of NVIDIA's CUDA driver API, from 11.0 on. */
#include "device/driver.h"

#include <ctype.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CUDA_SUCCESS = 0,
	CUDA_ERROR_NO_DEVICE = 100,
	CUDA_ERROR_SYSTEM_DRIVER_MISMATCH = 803,
	ATTRIBUTE_CAPABILITY_MAJOR = 75,
	ATTRIBUTE_CAPABILITY_MINOR = 76,
};

typedef struct Calls {
	int (*init)(unsigned flags);
	int (*driver_version)(int *version);
	int (*device_count)(int *count);
	int (*device)(int *device, int ordinal);
	int (*device_name)(char *name, int size, int device);
	int (*attribute)(int *value, int attribute, int device);
	int (*memory)(size_t *bytes, int device);
	int (*error_text)(int error, const char **text); /* NULL in a driver older than 6.0 */
} Calls;

/* Where it lies when the loader of shared libraries doesn't know: containers, WSL. */
static const char *const names[] = {
	"libcuda.so.1", "/usr/lib/wsl/lib/libcuda.so.1", "/usr/local/nvidia/lib64/libcuda.so.1", "/usr/lib64/libcuda.so.1",
};

/* A function's address through dlsym's void *: POSIX promises it, ISO C has no cast for it. */
static int
find(void *library, const char *name, void *pointer)
{
	void *address = dlsym(library, name);

	memcpy(pointer, &address, sizeof address);
	return address != NULL;
}

static int
load(Calls *calls)
{
	void *library = NULL;

	memset(calls, 0, sizeof *calls);
	for (size_t i = 0; !library && i < sizeof names / sizeof *names; i++)
		library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
	if (!library)
		return 0;
	find(library, "cuGetErrorString", &calls->error_text);
	return find(library, "cuInit", &calls->init) && find(library, "cuDriverGetVersion", &calls->driver_version) &&
	       find(library, "cuDeviceGetCount", &calls->device_count) && find(library, "cuDeviceGet", &calls->device) &&
	       find(library, "cuDeviceGetName", &calls->device_name) &&
	       find(library, "cuDeviceGetAttribute", &calls->attribute) &&
	       find(library, "cuDeviceTotalMem_v2", &calls->memory);
}

static void
refused(Driver *driver, const Calls *calls, int error, const char *doing)
{
	const char *text = NULL;

	driver->gpus = 0;
	if (calls->error_text)
		calls->error_text(error, &text);
	if (error == CUDA_ERROR_NO_DEVICE)
		snprintf(driver->why, sizeof driver->why, "the NVIDIA driver sees no GPU");
	else if (error == CUDA_ERROR_SYSTEM_DRIVER_MISMATCH)
		snprintf(driver->why, sizeof driver->why,
			 "the NVIDIA driver's kernel module (%s) and its library are of different versions; restart the machine",
			 *driver->version ? driver->version : "version unknown");
	else
		snprintf(driver->why, sizeof driver->why, "the NVIDIA driver fails %s: %s (error %d)", doing, text ? text : "?",
			 error);
}

static int
ask_gpu(const Calls *calls, int ordinal, Gpu *gpu)
{
	int device, error = calls->device(&device, ordinal);
	size_t memory = 0;

	if (!error)
		error = calls->device_name(gpu->name, sizeof gpu->name, device);
	if (!error)
		error = calls->attribute(&gpu->major, ATTRIBUTE_CAPABILITY_MAJOR, device);
	if (!error)
		error = calls->attribute(&gpu->minor, ATTRIBUTE_CAPABILITY_MINOR, device);
	if (!error)
		error = calls->memory(&memory, device);
	gpu->name[sizeof gpu->name - 1] = '\0';
	gpu->memory = memory;
	return error;
}

static void
ask_gpus(Driver *driver, const Calls *calls)
{
	int count = 0, error = calls->device_count(&count);

	if (error || count < 1) {
		refused(driver, calls, error ? error : CUDA_ERROR_NO_DEVICE, "counting GPUs");
		return;
	}
	driver->gpus = count < DRIVER_GPUS_MOST ? count : DRIVER_GPUS_MOST;
	for (int i = 0; i < driver->gpus; i++) {
		error = ask_gpu(calls, i, &driver->gpu[i]);
		if (error) {
			refused(driver, calls, error, "describing a GPU");
			return;
		}
	}
}

void
driver_version(const char *text, char version[static 32])
{
	*version = '\0';
	for (const char *c = text; *c; c++) {
		size_t length = strspn(c, "0123456789.");
		const char *dot = memchr(c, '.', length);

		/* a word of digits with a dot between them; the gcc line's comes later */
		if ((c == text || isspace((unsigned char)c[-1])) && isdigit((unsigned char)*c) && dot && length < 32 &&
		    (c[length] == '\0' || isspace((unsigned char)c[length]))) {
			memcpy(version, c, length);
			version[length] = '\0';
			return;
		}
	}
}

static void
read_version(Driver *driver)
{
	char text[512] = "";
	FILE *file = fopen("/proc/driver/nvidia/version", "re");

	if (!file)
		return;
	text[fread(text, 1, sizeof text - 1, file)] = '\0';
	fclose(file);
	driver_version(text, driver->version);
}

int
driver_is_as_new(const char *version, const char *least)
{
	while (*least) {
		char *end_version, *end_least;
		const long ours = strtol(version, &end_version, 10), theirs = strtol(least, &end_least, 10);

		if (ours != theirs)
			return ours > theirs;
		version = *end_version == '.' ? end_version + 1 : end_version;
		least = *end_least == '.' ? end_least + 1 : end_least;
		if (end_least == least)
			break; /* no number: nothing more to compare */
	}
	return 1;
}

void
driver_probe(Driver *driver)
{
	Calls calls;

	memset(driver, 0, sizeof *driver);
	if (!load(&calls)) {
		snprintf(driver->why, sizeof driver->why, "there is no NVIDIA driver (libcuda.so.1)");
		return;
	}
	read_version(driver);
	/* answers before cuInit, and where that fails */
	if (calls.driver_version(&driver->cuda) != CUDA_SUCCESS)
		driver->cuda = 0;
	const int error = calls.init(0);

	if (error)
		refused(driver, &calls, error, "to start");
	else
		ask_gpus(driver, &calls);
}
