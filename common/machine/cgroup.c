/* cgroup.c: limits along the way from the process's own group up to the root; the tightest holds. */
#include "machine/cgroup.h"

#include <ctype.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where one hierarchy lies: the mounted root, and the group below it ("" or "/a/b"). */
typedef struct Group {
	char mount[PATH_MAX], path[PATH_MAX];
	bool is_version_2;
} Group;

static bool
read_line(const char *folder, const char *file, char *line, size_t size)
{
	char path[3 * PATH_MAX];

	snprintf(path, sizeof path, "%s/%s", folder, file);
	FILE *in = fopen(path, "re");
	if (!in)
		return false;
	bool is_read = fgets(line, (int)size, in) != NULL;
	fclose(in);
	return is_read;
}

/* Is word one of the comma-separated list? */
static bool
is_listed(const char *list, const char *word)
{
	size_t length = strlen(word);

	for (; list; list = strchr(list, ',')) {
		list += *list == ',';
		if (!strncmp(list, word, length) && (list[length] == ',' || !list[length]))
			return true;
	}
	return false;
}

/* One line of /proc/self/cgroup: "4:memory:/path" in version 1, "0::/path" in version 2. */
static bool
take_membership(Group *group, char *line, const char *controller)
{
	char *controllers = strchr(line, ':'), *path = controllers ? strchr(controllers + 1, ':') : NULL;

	if (!path)
		return false;
	*path++ = '\0';
	controllers++;
	path[strcspn(path, "\n")] = '\0';
	bool is_version_2 = !*controllers;
	if (!is_version_2 && !is_listed(controllers, controller))
		return false;
	snprintf(group->path, sizeof group->path, "%s", strcmp(path, "/") ? path : "");
	group->is_version_2 = is_version_2;
	return true;
}

/* The process's group for a controller; a version 1 hierarchy wins, for the controller is only in one of the two. */
static bool
find_membership(const char *root, const char *controller, Group *group)
{
	char path[PATH_MAX], line[PATH_MAX + 256];
	bool is_found = false;

	snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
	FILE *in = fopen(path, "re");
	if (!in)
		return false;
	while (fgets(line, sizeof line, in)) {
		Group candidate;
		if (!take_membership(&candidate, line, controller) || (is_found && candidate.is_version_2))
			continue;
		memcpy(group->path, candidate.path, sizeof group->path);
		group->is_version_2 = candidate.is_version_2;
		is_found = true;
	}
	fclose(in);
	return is_found;
}

/* A line of /proc/self/mountinfo: "… ROOT MOUNT-POINT … - TYPE SOURCE SUPER-OPTIONS" */
static bool
take_mount(Group *group, const char *root, char *line, const char *controller)
{
	char *tail = strstr(line, " - "), inner[PATH_MAX], point[PATH_MAX], type[32], super[512];

	if (!tail || sscanf(line, "%*s %*s %*s %4095s %4095s", inner, point) != 2 ||
	    sscanf(tail, " - %31s %*s %511s", type, super) != 2)
		return false;
	if (group->is_version_2 ? strcmp(type, "cgroup2") != 0 : strcmp(type, "cgroup") != 0 || !is_listed(super, controller))
		return false;
	snprintf(group->mount, sizeof group->mount, "%.2000s%.2000s", root, point);
	/* inside a container the mount shows only a part of the tree, and the path may begin with that part */
	size_t length = strlen(inner);
	if (length > 1 && !strncmp(group->path, inner, length))
		memmove(group->path, group->path + length, strlen(group->path + length) + 1);
	return true;
}

static bool
find_group(const char *root, const char *controller, Group *group)
{
	char path[PATH_MAX], line[4 * PATH_MAX];
	bool is_found = false;

	if (!find_membership(root, controller, group))
		return false;
	snprintf(path, sizeof path, "%s/proc/self/mountinfo", root);
	FILE *in = fopen(path, "re");
	if (!in)
		return false;
	while (!is_found && fgets(line, sizeof line, in))
		is_found = take_mount(group, root, line, controller);
	fclose(in);
	return is_found;
}

/* Up one level. @return false at the top */
static bool
ascend(Group *group)
{
	char *slash = strrchr(group->path, '/');

	if (!slash)
		return false;
	*slash = '\0';
	return true;
}

static double
processors_here(const char *folder, bool is_version_2)
{
	char line[128], period_line[128];
	double quota = 0, period = 0;

	if (is_version_2) {
		if (!read_line(folder, "cpu.max", line, sizeof line) || sscanf(line, "%lf %lf", &quota, &period) != 2)
			return INFINITY;
	} else {
		if (!read_line(folder, "cpu.cfs_quota_us", line, sizeof line) ||
		    !read_line(folder, "cpu.cfs_period_us", period_line, sizeof period_line))
			return INFINITY;
		quota = strtod(line, NULL);
		period = strtod(period_line, NULL);
	}
	return quota > 0 && period > 0 ? quota / period : INFINITY;
}

double
cgroup_processors(const char *root)
{
	Group group;
	double least = INFINITY;
	char folder[2 * PATH_MAX];

	if (!find_group(root, "cpu", &group))
		return least;
	do {
		snprintf(folder, sizeof folder, "%s%s", group.mount, group.path);
		double here = processors_here(folder, group.is_version_2);
		least = here < least ? here : least;
	} while (ascend(&group));
	return least;
}

/* @return the number in a file; UINT64_MAX for "max" or no file */
static uint64_t
read_number(const char *folder, const char *file)
{
	char line[128];

	if (!read_line(folder, file, line, sizeof line) || !isdigit((unsigned char)line[0]))
		return UINT64_MAX;
	return strtoull(line, NULL, 10);
}

/* Pages of files that the kernel would give up count as free. */
static uint64_t
reclaimable(const char *folder, bool is_version_2)
{
	const char *key = is_version_2 ? "inactive_file %" SCNu64 : "total_inactive_file %" SCNu64;
	char path[2 * PATH_MAX + 16], line[256];
	uint64_t bytes = 0;

	snprintf(path, sizeof path, "%s/memory.stat", folder);
	FILE *in = fopen(path, "re");
	if (!in)
		return 0;
	while (fgets(line, sizeof line, in) && sscanf(line, key, &bytes) != 1)
		;
	fclose(in);
	return bytes;
}

static uint64_t
memory_here(const char *folder, bool is_version_2)
{
	uint64_t most = read_number(folder, is_version_2 ? "memory.max" : "memory.limit_in_bytes");
	uint64_t used = read_number(folder, is_version_2 ? "memory.current" : "memory.usage_in_bytes");

	if (most == UINT64_MAX || used == UINT64_MAX)
		return most;
	uint64_t freed = reclaimable(folder, is_version_2);
	used = used > freed ? used - freed : 0;
	return most > used ? most - used : 0;
}

uint64_t
cgroup_memory(const char *root)
{
	Group group;
	uint64_t least = UINT64_MAX;
	char folder[2 * PATH_MAX];

	if (!find_group(root, "memory", &group))
		return least;
	do {
		snprintf(folder, sizeof folder, "%s%s", group.mount, group.path);
		uint64_t here = memory_here(folder, group.is_version_2);
		least = here < least ? here : least;
	} while (ascend(&group));
	return least;
}
