/* check.h: a test program's checks, printed as TAP, so that one runner counts shell and C tests alike.
 *
 *	TEST(name) { CHECK(1 + 1 == 2, "sum is %d", 1 + 1); }
 *	int main(void) { RUN(name); return check_done(); }
 */
#ifndef FM_TESTS_CHECK_H
#define FM_TESTS_CHECK_H

#include <stdbool.h>
#include <stdio.h>

static int check_count, check_failures;
static bool check_ok;

#define TEST(name) static void test_##name(void)

/* A failed check prints where and what, and ends the test function. */
#define CHECK(condition, ...)                                                                                          \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			check_ok = false;                                                                              \
			printf("# %s:%d: %s: ", __FILE__, __LINE__, #condition);                                       \
			printf(" " __VA_ARGS__);                                                                        \
			printf("\n");                                                                                  \
			return;                                                                                        \
		}                                                                                                      \
	} while (0)

#define RUN(name) check_run(#name, test_##name)

static inline void
check_run(const char *name, void (*test)(void))
{
	check_ok = true;
	test();
	check_failures += !check_ok;
	printf("%s %d - %s\n", check_ok ? "ok" : "not ok", ++check_count, name);
	fflush(stdout);
}

static inline int
check_done(void)
{
	printf("1..%d\n", check_count);
	return check_failures != 0;
}

#endif
