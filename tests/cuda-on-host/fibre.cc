/* fibre.cc: switching stacks. ucontext would do everywhere, but asks the kernel twice at every switch. */
#include "fibre.h"

#include <stdlib.h>
#include <sys/mman.h>

#ifdef __SANITIZE_ADDRESS__
#define HAS_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ADDRESS_SANITIZER 1
#endif
#endif

#ifdef HAS_ADDRESS_SANITIZER
#include <sanitizer/common_interface_defs.h>
#endif

namespace emulator
{

static Fibre *running;
static void (*entry)(void *);
static void *entry_argument;

/* The one that starts and resumes: the program's own stack. */
static Fibre home;

#ifdef HAS_ADDRESS_SANITIZER
static const void *home_bottom;
static size_t home_size;

static void
leave(Fibre *from, Fibre *to)
{
	const void *bottom = to == &home ? home_bottom : to->stack;
	size_t size = to == &home ? home_size : static_cast<size_t>(FIBRE_STACK);

	__sanitizer_start_switch_fiber(from->is_done ? nullptr : &from->fake, bottom, size);
}

static void
arrive(Fibre *at)
{
	if (at == &home)
		__sanitizer_finish_switch_fiber(at->fake, nullptr, nullptr);
	else
		__sanitizer_finish_switch_fiber(at->fake, &home_bottom, &home_size);
}
#else
static void
leave(Fibre *, Fibre *)
{
}

static void
arrive(Fibre *)
{
}
#endif

static void change(Fibre *from, Fibre *to);

static void
begin(void)
{
	Fibre *self = running;
	void (*body)(void *) = entry;

	arrive(self);
	body(entry_argument);
	self->is_done = true;
	change(self, &home);
	abort();
}

#ifdef __x86_64__
/* Saved are the registers that a function must leave as they were; the rest the compiler holds for lost. */
extern "C" void emulator_switch(void **from, void *to);
asm(".text\n"
    ".globl emulator_switch\n"
    ".type emulator_switch, @function\n"
    "emulator_switch:\n"
    "	pushq %rbp\n	pushq %rbx\n	pushq %r12\n	pushq %r13\n	pushq %r14\n	pushq %r15\n"
    "	movq %rsp, (%rdi)\n"
    "	movq %rsi, %rsp\n"
    "	popq %r15\n	popq %r14\n	popq %r13\n	popq %r12\n	popq %rbx\n	popq %rbp\n"
    "	ret\n"
    ".size emulator_switch, . - emulator_switch\n");

static void
change(Fibre *from, Fibre *to)
{
	leave(from, to);
	emulator_switch(&from->pointer, to->pointer);
	arrive(from);
}

/* A stack as emulator_switch leaves it: six registers, the address to return to, and one word so that begin() finds the
 * stack as if it had been called. */
static void
prepare(Fibre *fibre)
{
	void **top = reinterpret_cast<void **>(fibre->stack + FIBRE_STACK);

	*--top = nullptr;
	*--top = reinterpret_cast<void *>(begin);
	for (int i = 0; i < 6; i++)
		*--top = nullptr;
	fibre->pointer = top;
}
#else
static void
change(Fibre *from, Fibre *to)
{
	leave(from, to);
	swapcontext(&from->context, &to->context);
	arrive(from);
}

static void
prepare(Fibre *fibre)
{
	getcontext(&fibre->context);
	fibre->context.uc_stack.ss_sp = fibre->stack;
	fibre->context.uc_stack.ss_size = FIBRE_STACK;
	fibre->context.uc_link = nullptr;
	makecontext(&fibre->context, begin, 0);
}
#endif

static void
make_stack(Fibre *fibre)
{
	const size_t page = 4096;
	char *memory = static_cast<char *>(
		mmap(nullptr, FIBRE_STACK + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));

	if (memory == MAP_FAILED || mprotect(memory, page, PROT_NONE))
		abort();
	fibre->stack = memory + page;
}

void
fibre_start(Fibre *fibre, void (*body)(void *), void *argument)
{
	if (!fibre->stack)
		make_stack(fibre);
	fibre->is_done = false;
	fibre->fake = nullptr;
	entry = body;
	entry_argument = argument;
	prepare(fibre);
	fibre_resume(fibre);
}

void
fibre_resume(Fibre *fibre)
{
	running = fibre;
	change(&home, fibre);
}

void
fibre_give_way(void)
{
	change(running, &home);
}

} // namespace emulator
