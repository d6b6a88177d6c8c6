/* cgroup.c: limits of control groups, read from trees made for the test. */
#include "check.h"

#include "cli/threads.h"
#include "machine/cgroup.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[] = "/tmp/fm-cgroup-XXXXXX";

static void
put(const char *path, const char *text)
{
	char full[512];

	snprintf(full, sizeof full, "%s%s", root, path);
	for (char *slash = full + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		mkdir(full, 0777);
		*slash = '/';
	}
	FILE *out = fopen(full, "w");
	if (!out || fputs(text, out) < 0 || fclose(out))
		perror(full);
}

static void
clear(void)
{
	char command[64];

	snprintf(command, sizeof command, "rm -rf %s/*", root);
	if (system(command))
		perror(command);
}

static void
begin_version_2(void)
{
	clear();
	put("/proc/self/cgroup", "0::/a/b\n");
	put("/proc/self/mountinfo", "30 24 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n");
}

TEST(no_files_no_limit)
{
	clear();
	CHECK(isinf(cgroup_processors(root)));
	CHECK(cgroup_memory(root) == UINT64_MAX);
}

TEST(version_2_takes_the_tightest_level)
{
	begin_version_2();
	put("/sys/fs/cgroup/a/cpu.max", "150000 100000\n");
	put("/sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
	CHECK(cgroup_processors(root) == 1.5, "%g", cgroup_processors(root));
	put("/sys/fs/cgroup/a/b/cpu.max", "50000 100000\n");
	CHECK(cgroup_processors(root) == 0.5, "%g", cgroup_processors(root));
}

TEST(version_2_memory_is_what_is_left)
{
	begin_version_2();
	put("/sys/fs/cgroup/a/b/memory.max", "max\n");
	put("/sys/fs/cgroup/a/memory.max", "1000\n");
	put("/sys/fs/cgroup/a/memory.current", "700\n");
	put("/sys/fs/cgroup/a/memory.stat", "anon 1\ninactive_file 100\nactive_file 3\n");
	CHECK(cgroup_memory(root) == 400, "%llu", (unsigned long long)cgroup_memory(root));
}

TEST(version_1_wins_where_it_has_the_controller)
{
	clear();
	put("/proc/self/cgroup", "3:cpu,cpuacct:/docker/x\n4:memory:/docker/x\n0::/\n");
	put("/proc/self/mountinfo", "30 24 0:26 /docker/x /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
				    "31 24 0:27 /docker/x /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n");
	put("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "200000\n");
	put("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
	put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "4096\n");
	put("/sys/fs/cgroup/memory/memory.usage_in_bytes", "5000\n");
	CHECK(cgroup_processors(root) == 2, "%g", cgroup_processors(root));
	CHECK(cgroup_memory(root) == 0, "%llu", (unsigned long long)cgroup_memory(root));
	put("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
	CHECK(isinf(cgroup_processors(root)));
}

TEST(nonsense_is_no_limit)
{
	begin_version_2();
	put("/sys/fs/cgroup/a/b/cpu.max", "lots of\n");
	put("/sys/fs/cgroup/a/b/memory.max", "");
	CHECK(isinf(cgroup_processors(root)));
	CHECK(cgroup_memory(root) == UINT64_MAX);
}

TEST(what_is_asked_for_is_given)
{
	CHECK(threads_default(7) == 7);
	setenv("FM_THREADS", "3", 1);
	CHECK(threads_default(0) == 3 && threads_default(5) == 5);
	unsetenv("FM_THREADS");
	CHECK(threads_default(0) >= 1 && memory_default(0) > 0 && memory_default(123) == 123);
}

int
main(void)
{
	if (!mkdtemp(root))
		return 1;
	RUN(no_files_no_limit);
	RUN(version_2_takes_the_tightest_level);
	RUN(version_2_memory_is_what_is_left);
	RUN(version_1_wins_where_it_has_the_controller);
	RUN(nonsense_is_no_limit);
	RUN(what_is_asked_for_is_given);
	clear();
	rmdir(root);
	return check_done();
}
