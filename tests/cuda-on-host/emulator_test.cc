/* The emulator: what it computes, and that what CUDA leaves undefined doesn't pass. */
#include "async.h"
#include "control.h"
#include "cublas_v2.h"
#include "cuda_bf16.h"
#include "cuda_fp16.h"
#include "emulator.h"
#include "launch.h"
#include "unit/check.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 64 };

static cudaStream_t stream;

static const EmulatorOrder orders[] = { EMULATOR_FORWARD, EMULATOR_REVERSE, EMULATOR_RANDOM };

static Grid
grid_of(unsigned blocks, unsigned threads)
{
	return Grid{ dim3(blocks), dim3(threads), 0, stream };
}

static float *
device_floats(size_t count)
{
	void *memory;

	if (cudaMalloc(&memory, count * sizeof(float)))
		abort();
	return static_cast<float *>(memory);
}

/* ---- kernels: right ones ---- */

struct Row {
	float values[THREADS];
};

/* to[block] = sum of from's THREADS values, by halves */
__global__ static void
sum_block(const float *from, float *to)
{
	SHARED(Row, row);
	const unsigned t = threadIdx.x;

	row.values[t] = from[blockIdx.x * THREADS + t];
	for (unsigned half = THREADS / 2; half; half /= 2) {
		__syncthreads();
		if (t < half)
			row.values[t] += row.values[t + half];
	}
	if (!t)
		to[blockIdx.x] = row.values[0];
}

/* to[thread] = sum over the thread's warp, and how many lanes are odd */
__global__ static void
sum_warp(const float *from, float *to, unsigned *odd)
{
	const unsigned t = blockIdx.x * blockDim.x + threadIdx.x;
	float value = from[t];

	for (int bits = 16; bits; bits /= 2)
		value += __shfl_xor_sync(0xffffffff, value, bits);
	to[t] = value;
	odd[t] = __ballot_sync(0xffffffff, threadIdx.x & 1);
}

/* ---- kernels: wrong ones ---- */

__global__ static void
turn_without_barrier(float *to)
{
	SHARED(Row, row);

	row.values[threadIdx.x] = static_cast<float>(threadIdx.x);
	to[threadIdx.x] = row.values[THREADS - 1 - threadIdx.x];
}

__global__ static void
turn(float *to)
{
	SHARED(Row, row);

	row.values[threadIdx.x] = static_cast<float>(threadIdx.x);
	__syncthreads();
	to[threadIdx.x] = row.values[THREADS - 1 - threadIdx.x];
}

__global__ static void
barrier_for_some(float *to)
{
	if (threadIdx.x < 40)
		__syncthreads();
	to[threadIdx.x] = 0;
}

__global__ static void
two_barriers(float *to)
{
	if (threadIdx.x < 32)
		__syncthreads();
	else
		__syncthreads();
	to[threadIdx.x] = 0;
}

__global__ static void
warp_for_some(float *to)
{
	if (threadIdx.x < 20)
		to[threadIdx.x] = __shfl_sync(0xffffffff, 1.0F, 0);
}

__global__ static void
write_beyond(float *to)
{
	to[threadIdx.x + 1] = 0;
}

__global__ static void
write_beyond_shared(float *to)
{
	SHARED_DYNAMIC(float, row);

	row[threadIdx.x] = 1;
	to[threadIdx.x] = row[threadIdx.x];
}

/* ---- tests ---- */

TEST(blocks_and_warps)
{
	float *from = device_floats(3 * THREADS), *to = device_floats(3), *warps = device_floats(3 * THREADS);
	unsigned *odd = reinterpret_cast<unsigned *>(device_floats(3 * THREADS));

	for (int i = 0; i < 3 * THREADS; i++)
		from[i] = static_cast<float>(i);
	for (EmulatorOrder order : orders) {
		emulator_order(order);
		CHECK(!LAUNCH(grid_of(3, THREADS), sum_block, from, to), "launch");
		CHECK(!LAUNCH(grid_of(3, THREADS), sum_warp, from, warps, odd), "launch");
		CHECK(!cudaStreamSynchronize(stream), "wait");
		for (int b = 0; b < 3; b++)
			CHECK(to[b] == static_cast<float>(THREADS * (b * THREADS) + THREADS * (THREADS - 1) / 2), "%g", static_cast<double>(to[b]));
		for (int i = 0; i < 3 * THREADS; i++) {
			const int first = i / 32 * 32;

			CHECK(warps[i] == static_cast<float>(32 * first + 31 * 16), "lane %d: %g", i, static_cast<double>(warps[i]));
			CHECK(odd[i] == 0xaaaaaaaa, "lane %d: %#x", i, odd[i]);
		}
	}
	emulator_order(EMULATOR_FORWARD);
	cudaFree(from);
	cudaFree(to);
	cudaFree(warps);
	cudaFree(odd);
}

/* In how many orders of threads does the kernel give what it should? */
static int
right_orders(void (*kernel)(float *))
{
	float *to = device_floats(THREADS);
	int right = 0;

	for (EmulatorOrder order : orders) {
		bool is_right = true;

		emulator_order(order);
		LAUNCH(grid_of(1, THREADS), kernel, to);
		cudaStreamSynchronize(stream);
		for (int i = 0; i < THREADS; i++)
			is_right = is_right && to[i] == static_cast<float>(THREADS - 1 - i);
		right += is_right;
	}
	emulator_order(EMULATOR_FORWARD);
	cudaFree(to);
	return right;
}

TEST(a_missing_barrier_shows)
{
	CHECK(right_orders(turn) == 3, "with a barrier all is well");
	CHECK(right_orders(turn_without_barrier) == 0, "without one it isn't");
}

/* What a child prints that should die of `work`. @return true if it died */
static bool
dies(void (*work)(void), char *text, size_t size)
{
	int ends[2], status;
	size_t length = 0;
	ssize_t got;
	pid_t child;

	if (pipe(ends))
		abort();
	fflush(stdout);
	child = fork();
	if (!child) {
		dup2(ends[1], STDERR_FILENO);
		work();
		cudaStreamSynchronize(stream);
		_exit(0);
	}
	close(ends[1]);
	while (length + 1 < size && (got = read(ends[0], text + length, size - 1 - length)) > 0)
		length += static_cast<size_t>(got);
	text[length] = '\0';
	close(ends[0]);
	waitpid(child, &status, 0);
	return !(WIFEXITED(status) && !WEXITSTATUS(status));
}

#define CHECK_DIES(work, wanted)                                                                                       \
	do {                                                                                                           \
		char text[8192];                                                                                       \
		CHECK(dies(work, text, sizeof text), "%s passed", #work);                                              \
		CHECK(strstr(text, wanted), "%s said: %s", #work, text);                                               \
	} while (0)

static void run_barrier_for_some(void) { LAUNCH(grid_of(1, THREADS), barrier_for_some, device_floats(THREADS)); }
static void run_two_barriers(void) { LAUNCH(grid_of(1, THREADS), two_barriers, device_floats(THREADS)); }
static void run_warp_for_some(void) { LAUNCH(grid_of(1, THREADS), warp_for_some, device_floats(THREADS)); }
static void run_write_beyond(void) { LAUNCH(grid_of(1, THREADS), write_beyond, device_floats(THREADS)); }

static void
run_write_beyond_shared(void)
{
	LAUNCH((Grid{ dim3(1), dim3(THREADS), (THREADS - 1) * sizeof(float), stream }), write_beyond_shared, device_floats(THREADS));
}

static void
copy_beyond(void)
{
	float *to = device_floats(4);
	void *from;

	cudaMallocHost(&from, 64);
	cudaMemcpyAsync(to, from, 20, cudaMemcpyHostToDevice, stream);
}

static void
copy_pageable(void)
{
	static const float from[4] = { 1, 2, 3, 4 };

	cudaMemcpyAsync(device_floats(4), from, sizeof from, cudaMemcpyHostToDevice, stream);
}

static void
free_twice(void)
{
	float *memory = device_floats(4);

	cudaFree(memory);
	cudaFree(memory);
}

TEST(divergent_barriers_are_errors)
{
	CHECK_DIES(run_barrier_for_some, "divergent barrier in kernel barrier_for_some, block (0, 0, 0)");
	CHECK_DIES(run_barrier_for_some, "emulator_test.cc:");
	CHECK_DIES(run_two_barriers, "divergent barrier in kernel two_barriers");
	CHECK_DIES(run_warp_for_some, "warp function that part of a warp meets");
}

TEST(writes_beyond_memory_are_named)
{
#ifdef __SANITIZE_ADDRESS__
	CHECK_DIES(run_write_beyond, "in write_beyond ");
	CHECK_DIES(run_write_beyond, "emulator_test.cc:");
	CHECK_DIES(run_write_beyond_shared, "in write_beyond_shared ");
#else
	(void)run_write_beyond;
	(void)run_write_beyond_shared;
	printf("# writes beyond memory are AddressSanitizer's to see: not in this build\n");
#endif
	CHECK_DIES(copy_beyond, "don't lie in one allocation");
	CHECK_DIES(copy_pageable, "not pinned");
	CHECK_DIES(free_twice, "never allocated");
}

static float *unwritten, *sum_of_unwritten;
static void run_sum_of_unwritten(void) { LAUNCH(grid_of(1, THREADS), sum_block, unwritten, sum_of_unwritten); }

TEST(reads_of_what_nobody_wrote)
{
	unwritten = device_floats(THREADS);
	sum_of_unwritten = device_floats(1);
#if defined FM_TRACE_LOADS
	CHECK_DIES(run_sum_of_unwritten, "kernel sum_block reads 4 bytes at ");
#else
	float sum = 0;

	run_sum_of_unwritten();
	CHECK(!cudaStreamSynchronize(stream) && !cudaMemcpy(&sum, sum_of_unwritten, sizeof sum, cudaMemcpyDeviceToHost), "run");
	CHECK(isnan(sum), "%g, where it shows by what comes of it", static_cast<double>(sum));
#endif
	cudaFree(sum_of_unwritten);
	cudaFree(unwritten);
}

TEST(launches_that_no_device_can_do)
{
	float *to = device_floats(THREADS);

	CHECK(LAUNCH(grid_of(1, 1056), turn, to) == cudaErrorInvalidConfiguration, "threads");
	CHECK(LAUNCH(grid_of(0, 32), turn, to) == cudaErrorInvalidConfiguration, "no blocks");
	CHECK(LAUNCH((Grid{ dim3(1), dim3(32), 49153, stream }), turn, to) == cudaErrorInvalidConfiguration, "shared memory");
	cudaGetLastError();
	CHECK(!cudaFuncSetAttribute(turn, cudaFuncAttributeMaxDynamicSharedMemorySize, 65536), "may have more");
	CHECK(!LAUNCH((Grid{ dim3(1), dim3(THREADS), 49153, stream }), turn, to), "has more");
	cudaStreamSynchronize(stream);
	cudaFree(to);
}

/* A stream's work is put off until somebody waits; a graph does again what was captured. */
TEST(streams_events_graphs)
{
	float *to = device_floats(2), *host;
	cudaStream_t other;
	cudaEvent_t copied;
	cudaGraph_t graph;
	cudaGraphExec_t exec;
	void *pinned;

	CHECK(!cudaMallocHost(&pinned, 2 * sizeof(float)) && !cudaStreamCreateWithFlags(&other, cudaStreamNonBlocking) &&
	      !cudaEventCreateWithFlags(&copied, cudaEventDisableTiming), "make");
	host = static_cast<float *>(pinned);
	host[0] = 1;
	host[1] = 2;
	CHECK(!cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "capture");
	CHECK(!cudaMemcpyAsync(to, host, 2 * sizeof(float), cudaMemcpyHostToDevice, stream), "copy");
	CHECK(cudaMalloc(&pinned, 4) == cudaErrorStreamCaptureUnsupported, "no memory while capturing");
	cudaGetLastError();
	CHECK(!cudaStreamEndCapture(stream, &graph) && !cudaGraphInstantiate(&exec, graph, 0), "graph");
	cudaGraphDestroy(graph);
	CHECK(to[0] != 1, "captured, not done");
	CHECK(!cudaGraphLaunch(exec, stream) && !cudaEventRecord(copied, stream), "go");
	host[0] = 3; /* too early: the copy takes what is there when it is done */
	CHECK(!cudaStreamWaitEvent(other, copied, 0) && to[0] != 3, "done before anybody waits");
	CHECK(!cudaStreamSynchronize(other) && to[0] == 3 && to[1] == 2, "%g", static_cast<double>(to[0]));
	emulator_eager(1);
	host[0] = 4;
	CHECK(!cudaGraphLaunch(exec, stream) && to[0] == 4, "at once");
	emulator_eager(0);
	cudaGraphExecDestroy(exec);
	cudaEventDestroy(copied);
	cudaStreamDestroy(other);
	cudaFreeHost(host);
	cudaFree(to);
}

TEST(sixteen_bits)
{
	for (unsigned bits = 0; bits < 65536; bits++) {
		const __half half = __ushort_as_half(static_cast<unsigned short>(bits));
		const __nv_bfloat16 brain = __ushort_as_bfloat16(static_cast<unsigned short>(bits));
		const float wide = __half2float(half);

		CHECK(isnan(wide) || __float2half_rn(wide).bits == bits, "half %#x", bits);
		CHECK(isnan(__bfloat162float(brain)) || __float2bfloat16_rn(__bfloat162float(brain)).bits == bits, "bf16 %#x", bits);
		/* halfway to the next: to even */
		if (!isnan(wide) && (bits & 0x7fff) < 0x7bff) {
			const float next = __half2float(__ushort_as_half(static_cast<unsigned short>(bits + 1)));

			CHECK(__float2half_rn((wide + next) / 2).bits == (bits & 1 ? bits + 1 : bits), "tie above %#x", bits);
		}
	}
	CHECK(__float2half_rn(65519).bits == 0x7bff && __float2half_rn(65520).bits == 0x7c00, "the largest");
}

TEST(matrix_product)
{
	static const float a[] = { 1, 2, 3, 4, 5, 6 }; /* 2 x 3, columns together */
	static const float b[] = { 1, 0, 2, 0, 1, 3 }; /* 3 x 2 */
	const float one = 1, none = 0;
	float *da = device_floats(6), *db = device_floats(6), *dc = device_floats(4);
	cublasHandle_t handle;

	memcpy(da, a, sizeof a);
	memcpy(db, b, sizeof b);
	CHECK(!cublasCreate(&handle) && !cublasSetStream(handle, stream) && !cublasSetWorkspace(handle, dc, 16), "open");
	CHECK(!cublasGemmEx(handle, CUBLAS_OP_N, CUBLAS_OP_N, 2, 2, 3, &one, da, CUDA_R_32F, 2, db, CUDA_R_32F, 3, &none, dc,
			    CUDA_R_32F, 2, CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT), "multiply");
	cudaStreamSynchronize(stream);
	CHECK(dc[0] == 11 && dc[1] == 14 && dc[2] == 18 && dc[3] == 22, "%g %g %g %g", static_cast<double>(dc[0]), static_cast<double>(dc[1]), static_cast<double>(dc[2]), static_cast<double>(dc[3]));
	/* the same matrices, turned: a is 3 x 2 with leading 3 when read as transposed */
	CHECK(!cublasGemmEx(handle, CUBLAS_OP_T, CUBLAS_OP_T, 2, 2, 3, &one, db, CUDA_R_32F, 3, da, CUDA_R_32F, 2, &one, dc,
			    CUDA_R_32F, 2, CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT), "multiply turned");
	cudaStreamSynchronize(stream);
	CHECK(dc[0] == 22 && dc[1] == 32 && dc[2] == 32 && dc[3] == 44, "%g %g %g %g", static_cast<double>(dc[0]), static_cast<double>(dc[1]), static_cast<double>(dc[2]), static_cast<double>(dc[3]));
	cublasDestroy(handle);
	cudaFree(da);
	cudaFree(db);
	cudaFree(dc);
}

/* ---- asynchronous copies, fragments ---- */

struct Tiles {
	alignas(16) uint16_t cells[32][PIECE_CELLS];
};

/* Four tiles of 8 x 8 by a warp, as they are and turned: to[lane][tile], then the turned ones. */
__global__ static void
load_tiles(const uint16_t *from, unsigned groups_left_out, uint32_t *to)
{
	SHARED(Tiles, tiles);
	const unsigned lane = threadIdx.x;

	copy_piece(shared_place(tiles.cells[lane]), from + lane * PIECE_CELLS, lane == 31 ? 0 : PIECE_BYTES);
	copy_commit();
	if (groups_left_out)
		copy_wait<1>();
	else
		copy_wait<0>();
	__syncthreads();
	load_fragments(shared_place(tiles.cells[lane]), to + 4 * lane);
	load_turned_fragments(shared_place(tiles.cells[lane]), to + 4 * (32 + lane));
}

static uint16_t
tile_cell(unsigned tile, unsigned row, unsigned column)
{
	return 8 * tile + row == 31 ? 0 : static_cast<uint16_t>((8 * tile + row) * PIECE_CELLS + column);
}

static bool
is_loaded(const uint32_t *to)
{
	for (unsigned lane = 0; lane < 32; lane++)
		for (unsigned tile = 0; tile < 4; tile++) {
			const unsigned row = lane / 4, column = lane % 4 * 2;

			if (to[4 * lane + tile] != (tile_cell(tile, row, column) | static_cast<uint32_t>(tile_cell(tile, row, column + 1)) << 16))
				return false;
			if (to[4 * (32 + lane) + tile] != (tile_cell(tile, column, row) | static_cast<uint32_t>(tile_cell(tile, column + 1, row)) << 16))
				return false;
		}
	return true;
}

static const uint16_t *tiles_from;
static void run_load_tiles_askew(void) { LAUNCH(grid_of(1, 32), load_tiles, tiles_from + 1, 0, nullptr); cudaStreamSynchronize(stream); }

TEST(asynchronous_copies_and_fragments)
{
	uint16_t *from = reinterpret_cast<uint16_t *>(device_floats(256));
	uint32_t *to = reinterpret_cast<uint32_t *>(device_floats(256));

	for (unsigned i = 0; i < 256; i++)
		from[i] = static_cast<uint16_t>(i);
	for (EmulatorOrder order : orders) {
		emulator_order(order);
		CHECK(!LAUNCH(grid_of(1, 32), load_tiles, from, 0, to) && !cudaStreamSynchronize(stream) && is_loaded(to), "order %d", order);
	}
	for (EmulatorOrder order : orders) {
		emulator_order(order);
		CHECK(!LAUNCH(grid_of(1, 32), load_tiles, from, 1, to) && !cudaStreamSynchronize(stream) &&
			      is_loaded(to) == (order == EMULATOR_REVERSE), "order %d: what isn't waited for may be there or not", order);
	}
	tiles_from = from;
	CHECK_DIES(run_load_tiles_askew, "cp.async of an address that isn't on 16 bytes in kernel load_tiles");
	emulator_order(EMULATOR_FORWARD);
	cudaFree(from);
	cudaFree(to);
}

TEST(failures_on_demand)
{
	void *memory;

	emulator_device(1000, 60);
	CHECK(cudaMalloc(&memory, 1001) == cudaErrorMemoryAllocation && !memory, "more than there is");
	emulator_device(static_cast<size_t>(1) << 30, 80);
	emulator_lose(1);
	CHECK(cudaStreamSynchronize(stream) == cudaErrorECCUncorrectable, "lost");
	emulator_lose(0);
	cudaGetLastError();
	CHECK(!cudaStreamSynchronize(stream), "mended");
}

int
main(void)
{
	if (cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking))
		return 1;
	RUN(blocks_and_warps);
	RUN(a_missing_barrier_shows);
	RUN(divergent_barriers_are_errors);
	RUN(writes_beyond_memory_are_named);
	RUN(reads_of_what_nobody_wrote);
	RUN(launches_that_no_device_can_do);
	RUN(streams_events_graphs);
	RUN(sixteen_bits);
	RUN(matrix_product);
	RUN(asynchronous_copies_and_fragments);
	RUN(failures_on_demand);
	return check_done();
}
