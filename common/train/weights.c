/* weights.c: class weights, balanced or from a file. */
#include "train/weights.h"

#include "memory.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

void
weights_balance(uint32_t classes, const uint64_t *counts, float *weight)
{
	uint64_t n = 0, occurring = 0;

	for (uint32_t c = 0; c < classes; c++) {
		n += counts[c];
		occurring += counts[c] > 0;
	}
	for (uint32_t c = 0; c < classes; c++)
		weight[c] = counts[c] ? (float)((double)n / ((double)occurring * (double)counts[c])) : 1.0f;
}

/* @return the class, or classes if there is none of that name */
static uint32_t
find_class(uint32_t classes, char *const *names, const char *name)
{
	uint32_t c = 0;

	while (c < classes && strcmp(names[c], name) != 0)
		c++;
	return c;
}

static bool
read_weight(const char *text, float *weight)
{
	char *end;
	double value = strtod(text, &end);

	*weight = (float)value;
	return end != text && !*end && isfinite(*weight) && *weight > 0;
}

static Status
read_line(char *line, uint32_t classes, char *const *names, float *weight, bool *is_given)
{
	char *tab = strrchr(line, '\t');
	uint32_t c;

	if (!tab)
		return fail(STATUS_INPUT, "expected a class name, a tab and a weight, found \"%s\"", line);
	*tab = '\0';
	c = find_class(classes, names, line);
	if (c == classes)
		return fail(STATUS_INPUT, "the input has no class \"%s\"", line);
	if (is_given[c])
		return fail(STATUS_INPUT, "class \"%s\" has a weight already", line);
	is_given[c] = true;
	if (!read_weight(tab + 1, &weight[c]))
		return fail(STATUS_INPUT, "class \"%s\": expected a number above 0, found \"%s\"", line, tab + 1);
	return STATUS_OK;
}

static Status
read_lines(FILE *file, const char *path, uint32_t classes, char *const *names, float *weight)
{
	bool *is_given = memory_zeroed(classes, sizeof *is_given);
	Status status = STATUS_OK;
	char *line = NULL;
	size_t room = 0;
	ssize_t length;

	for (unsigned number = 1; status >= 0 && (length = getline(&line, &room, file)) > 0; number++) {
		if (line[length - 1] == '\n')
			line[length - 1] = '\0';
		status = read_line(line, classes, names, weight, is_given);
		if (status < 0)
			status = fail_in(status, "%s line %u", path, number);
	}
	if (status >= 0 && ferror(file))
		status = fail_errno("%s", path);
	free(line);
	free(is_given);
	return status;
}

Status
weights_read(const char *path, uint32_t classes, char *const *names, float *weight)
{
	FILE *file = fopen(path, "re");
	Status status;

	if (!file)
		return fail_errno("%s", path);
	for (uint32_t c = 0; c < classes; c++)
		weight[c] = 1.0f;
	status = read_lines(file, path, classes, names, weight);
	fclose(file);
	return status;
}
