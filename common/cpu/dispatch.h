/* cpu/dispatch.h: which instruction set computes. */
#ifndef FM_CPU_DISPATCH_H
#define FM_CPU_DISPATCH_H

#include "backend.h"
#include "cpu/kernels.h"

/**
 * The best kernels that processor and system can run at this precision; auto is bf16 for training where there are
 * instructions for it, else fp32. The environment's FM_CPU (plain, avx2, avxvnni, avx512, avx512vnni, avx512bf16; or
 * neon) is the most that is used; the two with VNNI have kernels for int8 alone.
 *
 * @return NULL after host->fail, naming what was demanded and what is there
 */
const KernelTable *cpu_kernels(const BackendHost *host, Precision precision, bool is_training);

enum { CPU_SETS_MOST = 8 };

/**
 * The instruction sets that run here, which FM_CPU may name, from what runs everywhere up to the fastest.
 *
 * @return how many, at most CPU_SETS_MOST
 */
int cpu_sets(const char *names[static CPU_SETS_MOST]);

#endif
