/* cpu/dispatch.h: which instruction set computes. */
#ifndef FM_CPU_DISPATCH_H
#define FM_CPU_DISPATCH_H

#include "backend.h"
#include "cpu/kernels.h"

/**
 * The best kernels that processor and system can run; the environment's FM_CPU (plain, avx2, avx512) demands one.
 *
 * @return NULL after host->fail, naming what was demanded and what is there
 */
const KernelTable *cpu_kernels(const BackendHost *host);

#endif
