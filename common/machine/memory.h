/* machine/memory.h: how much memory may be taken when nobody says. */
#ifndef FM_MACHINE_MEMORY_H
#define FM_MACHINE_MEMORY_H

#include <stdint.h>

/** @return bytes: a quarter of what is free, the control group's limit respected; at least 64 MiB */
uint64_t memory_share(void);

#endif
