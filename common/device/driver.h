/* device/driver.h: NVIDIA's driver and the GPUs that it shows, asked without being linked to it. */
#ifndef FM_DEVICE_DRIVER_H
#define FM_DEVICE_DRIVER_H

#include <stdint.h>

enum { DRIVER_GPUS_MOST = 64 };

typedef struct Gpu {
	char name[128]; /* "Tesla P100-PCIE-16GB" */
	int major, minor; /* 6, 0: sm_60 */
	uint64_t memory; /* bytes */
} Gpu;

typedef struct Driver {
	char version[32]; /* the kernel module's, "535.104.05"; "": not known */
	int cuda;	  /* the newest CUDA that it knows: 12020 is 12.2; 0: there is no driver */
	int gpus;
	Gpu gpu[DRIVER_GPUS_MOST]; /* as it counts them: CUDA_VISIBLE_DEVICES chooses */
	char why[256];		   /* there is no GPU, half a sentence; "": there is */
} Driver;

/** Ask once; what is asked stays loaded, because plug-ins use it too. Takes a tenth of a second where there is a GPU. */
void driver_probe(Driver *driver);

/**
 * Find the version in the text of /proc/driver/nvidia/version.
 *
 * @param version  out: "" where there is none
 */
void driver_version(const char *text, char version[static 32]);

/** Is version at least least, number by number ("450.80.02")? */
int driver_is_as_new(const char *version, const char *least);

#endif
