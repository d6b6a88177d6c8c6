/* memory.cc: the device, its memory, pinned memory, and copies that stay within them. */
#include "control.h"
#include "cuda_runtime.h"
#include "written.h"

#include <map>
#include <stdarg.h>
#include <stdlib.h>

namespace emulator
{

Control control = { EMULATOR_FORWARD, false, false, static_cast<size_t>(1) << 30, 80, {} };

static std::map<uintptr_t, size_t> device_memory, pinned_memory;
static std::map<const void *, int> allowed_shared;
static cudaError_t last_error;

void
die(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fputs("cuda-on-host: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	abort();
}

static bool
is_within(const std::map<uintptr_t, size_t> &allocations, const void *memory, size_t size)
{
	const uintptr_t at = reinterpret_cast<uintptr_t>(memory);
	auto after = allocations.upper_bound(at);

	if (after == allocations.begin())
		return false;
	--after;
	return at - after->first <= after->second && size <= after->second - (at - after->first);
}

void
check_device(const char *what, const void *memory, size_t size)
{
	if (!is_within(device_memory, memory, size))
		die("%s %zu bytes at %p, which don't lie in one allocation of the device", what, size, memory);
}

void
check_pinned(const char *what, const void *memory, size_t size)
{
	if (!is_within(pinned_memory, memory, size))
		die("%s %zu bytes at %p, which is not pinned memory", what, size, memory);
}

void
copy(void *to, const void *from, size_t size)
{
	written_check(from, size);
	memcpy(to, from, size);
	written_mark(to, size);
	control.counts.copies++;
}

static cudaError_t
result(cudaError_t error)
{
	if (control.is_lost)
		error = cudaErrorECCUncorrectable;
	if (error != cudaSuccess)
		last_error = error;
	return error;
}

static cudaError_t
allocate(std::map<uintptr_t, size_t> *allocations, unsigned long long *bytes, void **memory, size_t size)
{
	*memory = nullptr;
	if (is_capturing())
		return result(cudaErrorStreamCaptureUnsupported);
	if (posix_memalign(memory, 256, size ? size : 1))
		return result(cudaErrorMemoryAllocation);
	memset(*memory, 0xff, size);
	(*allocations)[reinterpret_cast<uintptr_t>(*memory)] = size;
	*bytes += size;
	return result(cudaSuccess);
}

static cudaError_t
release(std::map<uintptr_t, size_t> *allocations, unsigned long long *bytes, void *memory)
{
	auto found = allocations->find(reinterpret_cast<uintptr_t>(memory));

	if (!memory)
		return cudaSuccess;
	if (found == allocations->end())
		die("memory at %p is freed, but was never allocated so", memory);
	finish_all(); /* as CUDA does */
	*bytes -= found->second;
	allocations->erase(found);
	free(memory);
	return cudaSuccess;
}

} // namespace emulator

using namespace emulator;

void emulator_order(EmulatorOrder order) { control.order = order; }
void emulator_eager(int is_eager) { control.is_eager = is_eager; }
void emulator_lose(int is_lost) { control.is_lost = is_lost; }
EmulatorCounts emulator_counts(void) { return control.counts; }

void
emulator_device(size_t memory, int capability)
{
	control.memory = memory;
	control.capability = capability;
}

cudaError_t
emulator_allow_shared(const void *kernel, int bytes)
{
	if (bytes > SHARED_DYNAMIC_MOST)
		return result(cudaErrorInvalidValue);
	allowed_shared[kernel] = bytes;
	return result(cudaSuccess);
}

const char *
cudaGetErrorName(cudaError_t error)
{
	return error == cudaSuccess ? "cudaSuccess" : error == cudaErrorMemoryAllocation ? "cudaErrorMemoryAllocation" : "cudaError";
}

const char *
cudaGetErrorString(cudaError_t error)
{
	switch (error) {
	case cudaSuccess:
		return "no error";
	case cudaErrorMemoryAllocation:
		return "out of memory";
	case cudaErrorECCUncorrectable:
		return "uncorrectable ECC error encountered";
	case cudaErrorInvalidConfiguration:
		return "invalid configuration argument";
	default:
		return "an error that the emulator has no text for";
	}
}

cudaError_t
cudaGetLastError(void)
{
	const cudaError_t error = control.is_lost ? cudaErrorECCUncorrectable : last_error;

	last_error = cudaSuccess;
	return error;
}

cudaError_t
cudaPeekAtLastError(void)
{
	return control.is_lost ? cudaErrorECCUncorrectable : last_error;
}

cudaError_t
cudaGetDeviceCount(int *count)
{
	*count = 1;
	return result(cudaSuccess);
}

cudaError_t
cudaGetDevice(int *device)
{
	*device = 0;
	return result(cudaSuccess);
}

cudaError_t
cudaSetDevice(int device)
{
	return result(device ? cudaErrorInvalidDevice : cudaSuccess);
}

cudaError_t
cudaGetDeviceProperties(struct cudaDeviceProp *properties, int device)
{
	*properties = cudaDeviceProp();
	snprintf(properties->name, sizeof properties->name, "CUDA on the host");
	properties->totalGlobalMem = control.memory;
	properties->major = control.capability / 10;
	properties->minor = control.capability % 10;
	properties->multiProcessorCount = 2;
	properties->sharedMemPerBlockOptin = SHARED_DYNAMIC_MOST;
	return result(device ? cudaErrorInvalidDevice : cudaSuccess);
}

cudaError_t
cudaDeviceGetAttribute(int *value, enum cudaDeviceAttr attribute, int device)
{
	*value = attribute == cudaDevAttrMultiProcessorCount	    ? 2
		 : attribute == cudaDevAttrComputeCapabilityMajor   ? control.capability / 10
		 : attribute == cudaDevAttrComputeCapabilityMinor   ? control.capability % 10
								    : static_cast<int>(SHARED_DYNAMIC_MOST);
	return result(device ? cudaErrorInvalidDevice : cudaSuccess);
}

cudaError_t
cudaDriverGetVersion(int *version)
{
	*version = CUDART_VERSION;
	return result(cudaSuccess);
}

cudaError_t
cudaRuntimeGetVersion(int *version)
{
	*version = CUDART_VERSION;
	return result(cudaSuccess);
}

cudaError_t
cudaDeviceSynchronize(void)
{
	if (is_capturing())
		return result(cudaErrorStreamCaptureUnsupported);
	finish_all();
	return result(cudaSuccess);
}

cudaError_t
cudaMalloc(void **memory, size_t size)
{
	*memory = nullptr;
	if (size > control.memory || control.counts.device_bytes > control.memory - size)
		return result(cudaErrorMemoryAllocation);
	const cudaError_t error = allocate(&device_memory, &control.counts.device_bytes, memory, size);

	if (!error)
		written_open(*memory, size);
	return error;
}

cudaError_t
cudaFree(void *memory)
{
	const cudaError_t error = release(&device_memory, &control.counts.device_bytes, memory);

	written_close(memory);
	return error;
}

cudaError_t
cudaMallocHost(void **memory, size_t size)
{
	return allocate(&pinned_memory, &control.counts.pinned_bytes, memory, size);
}

cudaError_t
cudaFreeHost(void *memory)
{
	return release(&pinned_memory, &control.counts.pinned_bytes, memory);
}

cudaError_t
cudaMemGetInfo(size_t *available, size_t *total)
{
	*total = control.memory;
	*available = control.memory - control.counts.device_bytes;
	return result(cudaSuccess);
}

/* It waits for no stream that was made not to block, and all of ours are. */
cudaError_t
cudaMemcpy(void *to, const void *from, size_t size, enum cudaMemcpyKind kind)
{
	if (is_capturing())
		return result(cudaErrorStreamCaptureUnsupported);
	if (kind != cudaMemcpyHostToDevice)
		check_device("copy from", from, size);
	if (kind != cudaMemcpyDeviceToHost)
		check_device("copy to", to, size);
	copy(to, from, size);
	return result(cudaSuccess);
}

/* Kernels may be asked for more threads or shared memory than there is: CUDA says so at the launch. */
static bool
is_possible(const emulator::Launch &launch)
{
	const size_t threads = static_cast<size_t>(launch.block.x) * launch.block.y * launch.block.z;
	auto allowed = allowed_shared.find(launch.kernel);
	const size_t shared = allowed == allowed_shared.end() ? static_cast<size_t>(SHARED_STATIC_MOST) : static_cast<size_t>(allowed->second);

	return threads && threads <= THREADS_MOST && launch.grid.x && launch.grid.y && launch.grid.z &&
	       launch.grid.x <= 0x7fffffff && launch.grid.y <= GRID_Y_MOST && launch.grid.z <= GRID_Y_MOST &&
	       launch.shared <= shared;
}

cudaError_t emulator_queue(cudaStream_t stream, std::function<void()> work);

int
emulator::enqueue(cudaStream_t stream, Launch launch)
{
	if (!is_possible(launch))
		return result(cudaErrorInvalidConfiguration);
	if (!stream) { /* the default stream: at once, whatever waits in streams that were made not to wait for it */
		run(launch);
		return result(cudaSuccess);
	}
	return result(emulator_queue(stream, [launch] { run(launch); }));
}
