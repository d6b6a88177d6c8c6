/* A libcuda.so.1 that shows the GPUs which the environment describes; preloaded, so that it also is what
 * /proc/driver/nvidia/version says. With -DFAKE_EMPTY it has nothing: as if there were no driver.
 *
 *	FAKE_GPUS     NAME:MAJOR:MINOR:MEGABYTES, commas between them
 *	FAKE_CUDA     what cuDriverGetVersion says: 12020
 *	FAKE_VERSION  the kernel module's version; unset: no such file
 *	FAKE_INIT     what cuInit returns
 *	FAKE_LOG      a file that cuInit appends to
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef FAKE_EMPTY
int fake_driver_is_empty;
#else

static int
number(const char *name, int otherwise)
{
	const char *text = getenv(name);

	return text ? atoi(text) : otherwise;
}

int
cuInit(unsigned flags)
{
	const char *path = getenv("FAKE_LOG");
	FILE *log = path ? fopen(path, "a") : NULL;

	(void)flags;
	if (log) {
		fputs("cuInit\n", log);
		fclose(log);
	}
	return number("FAKE_INIT", 0);
}

int
cuDriverGetVersion(int *version)
{
	*version = number("FAKE_CUDA", 12020);
	return 0;
}

int
cuGetErrorString(int error, const char **text)
{
	*text = error == 999 ? "unknown error" : "a fake error";
	return 0;
}

/* @return the description of GPU ordinal, or NULL */
static const char *
gpu(int ordinal)
{
	const char *text = getenv("FAKE_GPUS");

	for (; text && *text && ordinal > 0; ordinal--) {
		text = strchr(text, ',');
		text = text ? text + 1 : NULL;
	}
	return text && *text ? text : NULL;
}

int
cuDeviceGetCount(int *count)
{
	for (*count = 0; gpu(*count);)
		++*count;
	return 0;
}

int
cuDeviceGet(int *device, int ordinal)
{
	*device = ordinal;
	return gpu(ordinal) ? 0 : 101;
}

int
cuDeviceGetName(char *name, int size, int device)
{
	snprintf(name, (size_t)size, "%.*s", (int)strcspn(gpu(device), ":"), gpu(device));
	return 0;
}

static int
field(int device, int which)
{
	const char *text = gpu(device);

	while (which-- > 0)
		text = strchr(text, ':') + 1;
	return atoi(text);
}

int
cuDeviceGetAttribute(int *value, int attribute, int device)
{
	*value = field(device, attribute == 75 ? 1 : 2);
	return attribute == 75 || attribute == 76 ? 0 : 1;
}

int
cuDeviceTotalMem_v2(size_t *bytes, int device)
{
	*bytes = (size_t)field(device, 3) << 20;
	return 0;
}

FILE *
fopen(const char *path, const char *mode)
{
	FILE *(*real)(const char *, const char *) = (FILE * (*)(const char *, const char *)) dlsym(RTLD_NEXT, "fopen");
	const char *version = getenv("FAKE_VERSION");
	static char text[256];

	if (strcmp(path, "/proc/driver/nvidia/version") != 0)
		return real(path, mode);
	if (!version)
		return NULL;
	snprintf(text, sizeof text,
		 "NVRM version: NVIDIA UNIX x86_64 Kernel Module  %s  Sat Aug 19 01:15:15 UTC 2023\nGCC version:  gcc 12.2.0\n", version);
	return fmemopen(text, strlen(text), "r");
}
#endif
