/* gpu/under_test.h: the CUDA backend that a test program is linked with: the plug-in on a GPU, or gpu/ on the host. */
#ifndef FM_TESTS_GPU_UNDER_TEST_H
#define FM_TESTS_GPU_UNDER_TEST_H

#include "backend.h"

#ifdef __cplusplus
extern "C" {
#endif

/** @return the backend, or NULL where it can't run here; *why says so then */
const BackendTable *under_test(const char **why);

/** For its open(). */
const BackendHost *under_test_host(void);

/** Ways that must give the same bits, 1 on a GPU; on the host orders of threads and when streams do their work. */
int under_test_ways(void);
void under_test_way(int way);
const char *under_test_way_name(int way);

/** Graphs captured so far and launches by them; 0 where nobody counts. */
typedef struct GraphCounts {
	unsigned long long made, launched;
} GraphCounts;
GraphCounts under_test_graphs(void);

/** Kernels that have run so far; 0 where nobody counts. */
unsigned long long under_test_launches(void);

/** Bytes on the device and pinned now; 0 where nobody counts. */
unsigned long long under_test_memory(void);

/** Be a device of that compute capability (60: 6.0) from now on. @return false where that can't be had */
bool under_test_capability(int capability);

/** The device's memory from now on, and whether it is broken. @return false where that can't be had */
bool under_test_damage(unsigned long long memory, bool is_lost);

#ifdef __cplusplus
}
#endif

#endif
