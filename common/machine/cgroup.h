/* machine/cgroup.h: what the control group, version 1 or 2, lets the process have. */
#ifndef FM_MACHINE_CGROUP_H
#define FM_MACHINE_CGROUP_H

#include <stdint.h>

/**
 * @param root  "" but in tests: put in front of /proc and /sys
 * @return processors' worth of time; infinite: no limit
 */
double cgroup_processors(const char *root);

/** @return bytes that may still be allocated; UINT64_MAX: no limit */
uint64_t cgroup_memory(const char *root);

#endif
