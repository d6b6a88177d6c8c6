/* cpu/cpu.h: the fast CPU backend: kernels per instruction set, chosen once, at run time. */
#ifndef FM_CPU_CPU_H
#define FM_CPU_CPU_H

#include "backend.h"

extern const BackendTable cpu_backend;

#endif
