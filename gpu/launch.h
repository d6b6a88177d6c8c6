/* launch.h: what differs between nvcc and the compiler that tests the very same sources on the host. */
#ifndef FM_GPU_LAUNCH_H
#define FM_GPU_LAUNCH_H

#include <cuda_runtime.h>

#include <tuple>
#include <utility>

/** Where and how large a kernel runs. */
struct Grid {
	dim3 blocks, threads;
	size_t shared; /* bytes of dynamic shared memory */
	cudaStream_t stream;
};

/* FM_KERNELS: this compiler reads kernels. Files without any are compiled by the host's compiler with CUDA's headers. */
#if defined __CUDACC__ || defined FM_CUDA_ON_HOST
#define FM_KERNELS 1
#endif

/** Start a kernel; one with a comma in its template arguments stands in parentheses. @return a cudaError_t */
#define LAUNCH(grid, kernel, ...) launch_named(grid, #kernel, kernel, __VA_ARGS__)

#ifdef __CUDACC__

/** A block's variable, of a type without constructors; undefined at first. */
#define SHARED(Type, name) __shared__ Type name
/** The block's dynamic shared memory, on 16 bytes. */
#define SHARED_DYNAMIC(Type, name)                                                                                     \
	extern __shared__ __align__(16) unsigned char dynamic_shared_memory[];                                         \
	Type *const name = reinterpret_cast<Type *>(dynamic_shared_memory)

template <typename... Parameters, typename... Arguments>
inline cudaError_t
launch_named(const Grid &grid, const char *, void (*kernel)(Parameters...), Arguments... arguments)
{
	kernel<<<grid.blocks, grid.threads, grid.shared, grid.stream>>>(static_cast<Parameters>(arguments)...);
	return cudaGetLastError();
}

#elif defined FM_CUDA_ON_HOST

#define SHARED(Type, name)                                                                                             \
	static const char name##_key = 0;                                                                              \
	Type &name = *static_cast<Type *>(emulator::shared(&name##_key, sizeof(Type)))
#define SHARED_DYNAMIC(Type, name) Type *const name = static_cast<Type *>(emulator::shared_dynamic())

template <typename... Parameters, typename... Arguments>
inline cudaError_t
launch_named(const Grid &grid, const char *name, void (*kernel)(Parameters...), Arguments... arguments)
{
	std::tuple<Parameters...> copies(static_cast<Parameters>(arguments)...);
	emulator::Launch job = { name, reinterpret_cast<const void *>(kernel), grid.blocks, grid.threads,
				 grid.shared, [kernel, copies] { std::apply(kernel, copies); } };

	const cudaError_t error = static_cast<cudaError_t>(emulator::enqueue(grid.stream, std::move(job)));
	/* an error that nobody asked for is a launch's, as above */
	return error == cudaSuccess ? cudaGetLastError() : error;
}

#endif

#endif
