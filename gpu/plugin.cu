/* plugin.cu: what a plug-in shows of itself, and whether the card that it was given computes. */
#include "plugin.h"

#include "cuda.h"
#include "launch.h"

#include <stdio.h>
#include <string.h>

/* FM_CUDA_MACHINE, FM_CUDA_PTX: from make, the lists of architectures that all of gpu/ is compiled for. */
static const BackendCode code = { CUDART_VERSION, FM_CUDA_MACHINE, FM_CUDA_PTX };

/* The smallest kernel: a card without code for it, or with a broken memory, fails here and not in the first step. */
__global__ void
card_answers(unsigned *out)
{
	*out = 0x464d;
}

Status
cuda_failed(const BackendHost *host, const Card *card, cudaError_t error, const char *doing)
{
	const char *name = card && *card->name ? card->name : "the GPU";
	size_t available = 0, total = 0;

	switch (error) {
	case cudaErrorMemoryAllocation:
		if (cudaMemGetInfo(&available, &total) != cudaSuccess)
			return host->fail(STATUS_DEVICE, "%s: out of memory %s", name, doing);
		return host->fail(STATUS_DEVICE, "%s: out of memory %s: %zu MB of %zu MB are free; use a smaller --batch, or a free card",
				  name, doing, available >> 20, total >> 20);
	case cudaErrorECCUncorrectable:
		return host->fail(STATUS_DEVICE, "%s: uncorrectable ECC error %s: its memory is damaged, or the card must be reset",
				  name, doing);
	case cudaErrorNoKernelImageForDevice:
	case cudaErrorUnsupportedPtxVersion:
		return host->fail(STATUS_DEVICE, "%s is sm_%d%d; this plug-in (CUDA %d.%d) has machine code for %s and PTX for %s",
				  name, card ? card->major : 0, card ? card->minor : 0, CUDART_VERSION / 1000,
				  CUDART_VERSION % 1000 / 10, code.machine, code.ptx);
	case cudaErrorDevicesUnavailable:
		return host->fail(STATUS_DEVICE, "%s: busy or in exclusive use by another process, %s", name, doing);
	default:
		return host->fail(STATUS_DEVICE, "%s: %s %s", name, cudaGetErrorString(error), doing);
	}
}

static cudaError_t
ask_card(Card *card)
{
	cudaDeviceProp properties;
	cudaError_t error = cudaSetDevice(card->device);

	if (error == cudaSuccess)
		error = cudaGetDeviceProperties(&properties, card->device);
	if (error != cudaSuccess)
		return error;
	snprintf(card->name, sizeof card->name, "%.255s", properties.name);
	card->major = properties.major;
	card->minor = properties.minor;
	card->processors = properties.multiProcessorCount;
	card->shared_most = properties.sharedMemPerBlockOptin;
	return cudaMemGetInfo(&card->memory_free, &card->memory);
}

static cudaError_t
run_smallest_kernel(unsigned *answer)
{
	unsigned *there = NULL;
	cudaError_t error = cudaMalloc((void **)&there, sizeof *there);

	if (error != cudaSuccess)
		return error;
	error = LAUNCH((Grid{ dim3(1), dim3(1), 0, nullptr }), card_answers, there);
	if (error == cudaSuccess)
		error = cudaMemcpy(answer, there, sizeof *answer, cudaMemcpyDeviceToHost);
	const cudaError_t freed = cudaFree(there);
	return error == cudaSuccess ? freed : error;
}

Status
card_open(Card *card, const BackendHost *host)
{
	unsigned answer = 0;

	memset(card, 0, sizeof *card);
	card->device = host->device;
	cudaError_t error = ask_card(card);
	if (error != cudaSuccess)
		return cuda_failed(host, card, error, "when it was opened");
	error = run_smallest_kernel(&answer);
	if (error != cudaSuccess)
		return cuda_failed(host, card, error, "when it was tried");
	if (answer != 0x464d)
		return host->fail(STATUS_DEVICE, "%s: the smallest kernel wrote %#x; expected 0x464d: the card is broken", card->name,
				  answer);
	return STATUS_OK;
}

extern "C" const BackendTable *fm_backend(const BackendHost *host);

extern "C" __attribute__((visibility("default"))) const BackendTable *
fm_backend(const BackendHost *host)
{
	static BackendTable table;

	(void)host;
	table = cuda_backend;
	table.code = &code;
	return &table;
}
