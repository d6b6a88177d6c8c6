/* compare.h: kernels by themselves against the reference: numbers to give them, where these lie, how far off they are.
 *
 * Numbers are multiples of 1/8 in [-1, 1], which TF32 and both kinds of 16 bits hold, so that only sums and results round.
 * Device memory begins as 0xff, which is NaN, and a NaN is never near anything. */
#ifndef FM_TESTS_CUDA_COMPARE_H
#define FM_TESTS_CUDA_COMPARE_H

#include "cell.h"
#include "cuda_runtime.h"
#include "emulator.h"
#include "work.h"
#include "written.h"

extern "C" {
#include "net/net.h"
#include "ref/operations.h"
}
#include "unit/check.h"

#include <math.h>
#include <stdlib.h>
#include <vector>

typedef std::vector<float> Floats;

/* ---- where kernels are queued ---- */

inline Work host_work;
inline void *workspace;

/** Open `work`. @return false where that failed */
inline bool
compare_open(void)
{
	if (cudaStreamCreateWithFlags(&host_work.stream, cudaStreamNonBlocking) || cudaMalloc(&workspace, 1024) ||
	    cublasCreate(&host_work.blas) || cublasSetStream(host_work.blas, host_work.stream) || cublasSetWorkspace(host_work.blas, workspace, 1024))
		return false;
	host_work.compute = CUBLAS_COMPUTE_32F;
	return true;
}

inline void
compare_close(void)
{
	cublasDestroy(host_work.blas);
	cudaFree(workspace);
	cudaStreamDestroy(host_work.stream);
}

/** Do what is queued. @return whether all went well */
inline bool
compare_wait(void)
{
	return work_is_well(host_work) && cudaStreamSynchronize(host_work.stream) == cudaSuccess;
}

/** Run a template, check_all<Cell>(), as a test for each kind of cell. */
#define RUN_KINDS(check)                                                                                               \
	(check_run("floats", check<float>), check_run("halves", check<Half>), check_run("bfloats", check<Brain>))

/* What the order changes is for one build to find: sanitizers are slow, and a second compiler changes none. */
#if defined __SANITIZE_ADDRESS__ || defined __clang__
enum { ORDER_FIRST = EMULATOR_RANDOM };
#else
enum { ORDER_FIRST = EMULATOR_FORWARD };
#endif

/** Run every test in each order of blocks and threads. */
inline int
compare_main(void (*run)(void))
{
	static const char *const names[] = { "forward", "in reverse", "in random order" };

	if (!compare_open())
		return 1;
	for (int order = ORDER_FIRST; order <= EMULATOR_RANDOM; order++) {
		printf("# threads %s\n", names[order]);
		emulator_order(static_cast<EmulatorOrder>(order));
		run();
	}
	compare_close();
	return check_done();
}

/* ---- numbers ---- */

inline uint64_t noise_state = 5;

inline uint32_t
noise_bits(void)
{
	noise_state = noise_state * 6364136223846793005u + 1442695040888963407u;
	return static_cast<uint32_t>(noise_state >> 33);
}

/** A multiple of 1/8 in [-1, 1]. */
inline float
noise(void)
{
	return static_cast<float>(static_cast<int>(noise_bits() % 17) - 8) / 8;
}

inline Floats
noises(size_t count)
{
	Floats values(count);

	for (float &value : values)
		value = noise();
	return values;
}

inline size_t
shape_size(Shape of)
{
	return static_cast<size_t>(of.h) * of.w * of.c;
}

/* ---- on the device, where the host may look in here ---- */

template <typename T>
struct Buffer {
	T *cells;
	size_t count;

	explicit Buffer(size_t size) : count(size)
	{
		void *memory;

		if (cudaMalloc(&memory, size * sizeof(T)))
			abort();
		cells = static_cast<T *>(memory);
	}
	explicit Buffer(const Floats &values) : Buffer(values.size())
	{
		for (size_t i = 0; i < count; i++)
			cells[i] = narrow<T>(values[i]);
		emulator::written_mark(cells, count * sizeof(T));
	}
	Buffer(const Buffer &) = delete;
	~Buffer() { cudaFree(cells); }
};

/** Values as they are, of a type that isn't rounded. */
template <typename T>
inline void
buffer_put(Buffer<T> &to, const T *from)
{
	for (size_t i = 0; i < to.count; i++)
		to.cells[i] = from[i];
	emulator::written_mark(to.cells, to.count * sizeof(T));
}

/* ---- how far off ---- */

/** Half a unit in the last place of a stored cell, or what fp32 sums of some thousand products lose. */
template <typename Cell> inline double tolerance(void);
template <> inline double tolerance<float>(void) { return 1e-6; }
template <> inline double tolerance<Half>(void) { return 1.0 / 2048; }
template <> inline double tolerance<Brain>(void) { return 1.0 / 256; }

/** The largest error of what a kernel wrote, in parts of 1 + the right number's size; infinite where a number is none. */
template <typename Cell>
inline double
worst(const Buffer<Cell> &found, const Floats &right)
{
	double most = found.count == right.size() ? 0 : INFINITY;

	for (size_t i = 0; i < right.size() && i < found.count; i++) {
		const double truth = static_cast<double>(right[i]);
		const double error = fabs(static_cast<double>(widen(found.cells[i])) - truth) / (1 + fabs(truth));

		if (!(error <= most))
			most = isnan(error) ? INFINITY : error;
	}
	return most;
}

#endif
