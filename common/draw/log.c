#include "draw/log.h"

#include "json/canonical.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const keys[LOG_COLUMNS] = { "loss", "val_loss", "accuracy", "val_accuracy" };

static Status
run_open(Log *log, const char *path, size_t number)
{
	const char *slash = strrchr(path, '/');
	LogRun *runs = realloc(log->runs, (log->count + 1) * sizeof *runs);
	if (!runs)
		return fail_errno("%s", path);
	log->runs = runs;
	LogRun *run = &runs[log->count];
	*run = (LogRun){ 0 };
	const char *base = slash ? slash + 1 : path;
	if (number ? asprintf(&run->name, "%s, run %zu", base, number + 1) < 0 : !(run->name = strdup(base)))
		return fail_errno("%s", path);
	log->count++;
	return STATUS_OK;
}

static Status
run_add(LogRun *run, double epoch, const json_t *line)
{
	if ((run->count & (run->count - 1)) == 0) {
		size_t room = run->count ? 2 * run->count : 1;
		double **columns[LOG_COLUMNS + 1] = { &run->epoch };
		for (int i = 0; i < LOG_COLUMNS; i++)
			columns[i + 1] = &run->values[i];
		for (int i = 0; i <= LOG_COLUMNS; i++) {
			double *grown = realloc(*columns[i], room * sizeof *grown);
			if (!grown)
				return fail_errno("the log");
			*columns[i] = grown;
		}
	}
	run->epoch[run->count] = epoch + 1;
	for (int i = 0; i < LOG_COLUMNS; i++) {
		const json_t *value = json_object_get(line, keys[i]);
		run->values[i][run->count] = json_is_number(value) ? json_number_value(value) : NAN;
	}
	run->count++;
	return STATUS_OK;
}

/* One line joins the open run, or begins another where epochs stop rising. */
static Status
add_line(Log *log, const char *path, size_t *runs_here, const char *text, size_t length, size_t number)
{
	json_t *line;
	char what[64];
	snprintf(what, sizeof what, "line %zu", number);
	Status status = json_parse(&line, text, length, what);
	if (status < 0)
		return fail_in(status, "%s", path);
	const json_t *epoch = json_object_get(line, "epoch");
	if (!json_is_integer(epoch)) {
		json_decref(line);
		return fail(STATUS_INPUT, "%s: line %zu has no epoch; it is no log of fm-train", path, number);
	}
	double value = json_number_value(epoch);
	const LogRun *last = log->count ? &log->runs[log->count - 1] : NULL;
	if (!*runs_here || (last && last->count && value + 1 <= last->epoch[last->count - 1]))
		status = run_open(log, path, (*runs_here)++);
	if (status >= 0)
		status = run_add(&log->runs[log->count - 1], value, line);
	json_decref(line);
	return status;
}

Status
log_read(Log *log, const char *path)
{
	FILE *file = !strcmp(path, "-") ? stdin : fopen(path, "re");
	if (!file)
		return fail_errno("%s", path);
	char *text = NULL;
	size_t room = 0, number = 0, runs = 0;
	ssize_t length;
	Status status = STATUS_OK;
	while (status >= 0 && (length = getline(&text, &room, file)) > 0 && text[length - 1] == '\n')
		status = add_line(log, path, &runs, text, (size_t)length, ++number);
	if (status >= 0 && ferror(file))
		status = fail_errno("%s", path);
	free(text);
	if (file != stdin)
		fclose(file);
	return status;
}

void
log_release(Log *log)
{
	for (size_t i = 0; i < log->count; i++) {
		free(log->runs[i].name);
		free(log->runs[i].epoch);
		for (int k = 0; k < LOG_COLUMNS; k++)
			free(log->runs[i].values[k]);
	}
	free(log->runs);
	*log = (Log){ 0 };
}
