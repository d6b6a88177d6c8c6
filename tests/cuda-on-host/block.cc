/* block.cc: a kernel's blocks, one after the other; a block's threads take turns until all have returned. */
#include "warp.h"

#include "control.h"
#include "fibre.h"
#include "written.h"

#include <algorithm>
#include <numeric>
#include <stdlib.h>
#include <vector>

namespace emulator
{

Position here;

/* A copy that isn't done yet. */
struct Copy {
	void *to;
	const void *from;
	unsigned group;
};

/* Where a thread waits: nowhere, for its block, for its warp, or it has returned. */
enum class Wait { none, block, warp, over };

struct Thread {
	Fibre *fibre;
	Position position;
	Wait wait;
	const char *file; /* of what it waits at */
	int line;
	unsigned warp_calls; /* which of two sets of slots comes next */
	std::vector<Copy> copies;
	unsigned group; /* of those that come */
};

struct Variable {
	const void *key;
	size_t size;
	void *memory;
};

/* The block that runs; one at a time in the whole program. */
static struct {
	const Launch *launch;
	std::vector<Thread> threads;
	std::vector<Slot> slots[2];
	std::vector<Variable> variables;
	void *dynamic;
	Thread *self;
	Fibre *free_fibres; /* a list */
	std::vector<size_t> turns; /* of its threads */
} block;

static uint64_t random_state = 88172645463325252u;

static uint64_t
random_next(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

/* order = 0 … count - 1 as the tests asked for */
static const std::vector<size_t> &
turns(size_t count, std::vector<size_t> &order)
{
	order.resize(count);
	std::iota(order.begin(), order.end(), 0);
	if (control.order == EMULATOR_REVERSE)
		std::reverse(order.begin(), order.end());
	for (size_t i = count; control.order == EMULATOR_RANDOM && i > 1; i--)
		std::swap(order[i - 1], order[random_next() % i]);
	return order;
}

/* ---- what went wrong ---- */

static const char *
wait_text(const Thread &thread)
{
	switch (thread.wait) {
	case Wait::block:
		return "__syncthreads";
	case Wait::warp:
		return "a warp function";
	case Wait::over:
		return "its end";
	default:
		return "work";
	}
}

static void
describe(const char *who, const Thread &thread)
{
	fprintf(stderr, "  %s (%u, %u, %u) is at %s", who, thread.position.thread.x, thread.position.thread.y,
		thread.position.thread.z, wait_text(thread));
	if (thread.wait == Wait::block || thread.wait == Wait::warp)
		fprintf(stderr, ", %s:%d", thread.file, thread.line);
	fputc('\n', stderr);
}

[[noreturn]] static void
divergence(const char *what, const Thread &one, const Thread &other)
{
	const uint3 at = one.position.block;

	fprintf(stderr, "cuda-on-host: %s in kernel %s, block (%u, %u, %u):\n", what, block.launch->name, at.x, at.y, at.z);
	describe("thread", one);
	describe("but thread", other);
	abort();
}

/* ---- shared memory ---- */

static void *
poisoned(size_t size)
{
	void *memory = malloc(size ? size : 1);

	if (!memory)
		abort();
	memset(memory, 0xff, size);
	return memory;
}

void *
shared(const void *key, size_t size)
{
	size_t total = size;

	for (const Variable &variable : block.variables) {
		if (variable.key == key)
			return variable.memory;
		total += variable.size;
	}
	if (total > SHARED_STATIC_MOST)
		die("kernel %s has %zu bytes of static shared memory; %d is the most", block.launch->name, total,
		    SHARED_STATIC_MOST);
	block.variables.push_back({ key, size, poisoned(size) });
	return block.variables.back().memory;
}

void *
shared_dynamic(void)
{
	return block.dynamic;
}

static void
poison_shared(void)
{
	for (const Variable &variable : block.variables)
		memset(variable.memory, 0xff, variable.size);
	memset(block.dynamic, 0xff, block.launch->shared);
}

/* ---- turns ---- */

static void
wait_at(Wait wait, const char *file, int line)
{
	Thread *self = block.self;

	self->wait = wait;
	self->file = file;
	self->line = line;
	fibre_give_way();
}

void
barrier(const char *file, int line)
{
	wait_at(Wait::block, file, line);
}

const Slot *
exchange(unsigned mask, const void *shown, size_t size, const char *file, int line)
{
	Thread *self = block.self;
	const size_t at = static_cast<size_t>(self - block.threads.data());
	std::vector<Slot> &slots = block.slots[self->warp_calls++ % 2];

	if (mask != 0xffffffff)
		die("a warp function with mask %#x at %s:%d: only whole warps are emulated", mask, file, line);
	if (size > SLOT)
		die("%zu bytes shown to a warp at %s:%d", size, file, line);
	memcpy(slots[at].bytes, shown, size);
	wait_at(Wait::warp, file, line);
	return &slots[at / WARP * WARP];
}

/* ---- copies to shared memory ---- */

static void
check_aligned(const char *what, const void *address)
{
	if (reinterpret_cast<uintptr_t>(address) % 16)
		die("%s of an address that isn't on 16 bytes in kernel %s", what, block.launch->name);
}

static void
do_copy(const Copy &copy)
{
	if (copy.from) {
		written_check(copy.from, 16);
		memcpy(copy.to, copy.from, 16);
	} else {
		memset(copy.to, 0, 16);
	}
}

/* CUDA may do it at any time until it is waited for: at the end, at once, or now so, now so. */
void
copy_piece(void *to, const void *from)
{
	const Copy copy = { to, from, block.self->group };

	check_aligned("cp.async", to);
	check_aligned("cp.async", from);
	if (control.order == EMULATOR_REVERSE || (control.order == EMULATOR_RANDOM && random_next() % 2))
		do_copy(copy);
	else
		block.self->copies.push_back(copy);
}

void
copy_commit(void)
{
	block.self->group++;
}

void
copy_wait(unsigned latest)
{
	std::vector<Copy> &copies = block.self->copies;
	size_t done = 0;

	for (; done < copies.size() && copies[done].group + latest < block.self->group; done++)
		do_copy(copies[done]);
	copies.erase(copies.begin(), copies.begin() + static_cast<ptrdiff_t>(done));
}

const Slot *
exchange_rows(const void *row, const char *file, int line)
{
	check_aligned("ldmatrix", row);
	return exchange(0xffffffff, &row, sizeof row, file, line);
}

static void
thread_body(void *)
{
	block.launch->body();
}

static void
take_turn(Thread *thread)
{
	block.self = thread;
	here = thread->position;
	if (!thread->fibre) {
		thread->fibre = block.free_fibres ? block.free_fibres : new Fibre();
		block.free_fibres = thread->fibre->next;
		fibre_start(thread->fibre, thread_body, nullptr);
	} else {
		fibre_resume(thread->fibre);
	}
	if (thread->fibre->is_done) {
		thread->wait = Wait::over;
		thread->fibre->next = block.free_fibres;
		block.free_fibres = thread->fibre;
	}
}

static bool
is_same_place(const Thread &a, const Thread &b)
{
	return a.wait == b.wait && a.line == b.line && (a.file == b.file || !strcmp(a.file, b.file));
}

/* Let every warp go on whose lanes have all come to the same function. @return whether there was one */
static bool
release_warps(void)
{
	std::vector<Thread> &threads = block.threads;
	bool is_any = false;

	for (size_t first = 0; first < threads.size(); first += WARP) {
		const size_t end = std::min(first + WARP, threads.size());
		size_t waiting = 0;

		for (size_t i = first; i < end; i++)
			waiting += threads[i].wait == Wait::warp;
		if (!waiting)
			continue;
		if (end - first < WARP)
			die("a warp of %zu threads calls a warp function in kernel %s", end - first, block.launch->name);
		for (size_t i = first; i < end; i++)
			if (!is_same_place(threads[first], threads[i]))
				divergence("warp function that part of a warp meets", threads[first], threads[i]);
		for (size_t i = first; i < end; i++)
			threads[i].wait = Wait::none;
		is_any = true;
	}
	return is_any;
}

/* All wait for the block, or none. @return whether they did */
static bool
release_block(void)
{
	std::vector<Thread> &threads = block.threads;

	for (Thread &thread : threads)
		if (thread.wait != threads[0].wait || (thread.wait == Wait::block && !is_same_place(thread, threads[0])))
			divergence("divergent barrier", threads[0], thread);
	if (threads[0].wait == Wait::over)
		return false;
	for (Thread &thread : threads)
		thread.wait = Wait::none;
	return true;
}

static void
run_block(uint3 index)
{
	const dim3 size = block.launch->block;
	const size_t count = block.threads.size();
	bool is_running = true;

	poison_shared();
	for (size_t i = 0; i < count; i++) {
		Thread &thread = block.threads[i];
		const unsigned at = static_cast<unsigned>(i);

		thread = Thread();
		thread.position.thread = { at % size.x, at / size.x % size.y, at / size.x / size.y };
		thread.position.block = index;
		thread.position.block_size = size;
		thread.position.grid_size = block.launch->grid;
		thread.position.lane = at % WARP;
	}
	while (is_running) {
		for (size_t i : turns(count, block.turns))
			if (block.threads[i].wait == Wait::none)
				take_turn(&block.threads[i]);
		is_running = release_warps() || release_block();
	}
}

void
run(const Launch &launch)
{
	const size_t count = static_cast<size_t>(launch.block.x) * launch.block.y * launch.block.z;
	const size_t blocks = static_cast<size_t>(launch.grid.x) * launch.grid.y * launch.grid.z;
	std::vector<size_t> order;

	control.counts.launches++;
	block.launch = &launch;
	written_kernel(launch.name);
	block.threads.assign(count, Thread());
	for (std::vector<Slot> &slots : block.slots)
		slots.assign((count + WARP - 1) / WARP * WARP, Slot());
	block.dynamic = poisoned(launch.shared);
	for (size_t i : turns(blocks, order)) {
		const unsigned at = static_cast<unsigned>(i);

		run_block({ at % launch.grid.x, at / launch.grid.x % launch.grid.y, at / launch.grid.x / launch.grid.y });
	}
	for (const Variable &variable : block.variables)
		free(variable.memory);
	block.variables.clear();
	free(block.dynamic);
	written_kernel(nullptr);
}

} // namespace emulator
