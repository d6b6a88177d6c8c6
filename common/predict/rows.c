/* rows.c */
#include "predict/rows.h"

#include "metrics/predictions.h"
#include "predict/escape.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static char *
escape(RowFormat format, const char *text, size_t length)
{
	return format == ROWS_TSV ? escape_tsv(text, length) : escape_json(text, length);
}

static void
put_header(const Rows *rows)
{
	fputs("id\tname\tlabel\tpredicted\tprob", rows->out);
	for (uint32_t i = 1; i <= rows->top; i++)
		fprintf(rows->out, "\tclass_%" PRIu32 "\tprob_%" PRIu32, i, i);
	fputc('\n', rows->out);
}

Status
rows_open(Rows *rows, FILE *out, RowFormat format, const About *about, uint64_t top)
{
	*rows = (Rows){.out = out, .format = format, .classes = about->class_count};
	rows->top = top < rows->classes ? (uint32_t)top : rows->classes;
	rows->names = calloc(rows->classes + 1, sizeof *rows->names);
	rows->order = calloc(rows->classes + 1, sizeof *rows->order);
	bool is_ready = rows->names && rows->order;
	for (uint32_t i = 0; is_ready && i < rows->classes; i++) {
		rows->names[i] = escape(format, about->classes[i], strlen(about->classes[i]));
		is_ready = rows->names[i];
	}
	if (!is_ready) {
		rows_close(rows);
		return fail_errno("the names of %u classes", about->class_count);
	}
	if (format == ROWS_TSV)
		put_header(rows);
	return STATUS_OK;
}

/* More probable first, the lower index on ties. */
static int
compare_classes(const void *one, const void *other, void *context)
{
	const float *prob = context;
	uint32_t a = *(const uint32_t *)one, b = *(const uint32_t *)other;

	if (prob[a] != prob[b])
		return prob[a] > prob[b] ? -1 : 1;
	return a < b ? -1 : a > b;
}

static void
put_top(Rows *rows, const float *prob)
{
	for (uint32_t i = 0; i < rows->classes; i++)
		rows->order[i] = i;
	qsort_r(rows->order, rows->classes, sizeof *rows->order, compare_classes, (void *)(uintptr_t)prob);
	for (uint32_t i = 0; i < rows->top; i++) {
		const char *name = rows->names[rows->order[i]];
		double value = (double)prob[rows->order[i]];
		if (rows->format == ROWS_TSV)
			fprintf(rows->out, "\t%s\t%.9g", name, value);
		else
			fprintf(rows->out, ",\"class_%" PRIu32 "\":%s,\"prob_%" PRIu32 "\":%.9g", i + 1, name, i + 1, value);
	}
}

/* One sample, its name escaped already. */
typedef struct Row {
	int64_t id;
	const char *name;  /* NULL: none */
	const char *label; /* NULL: unlabelled */
	const float *prob; /* [classes] */
} Row;

static void
put_tsv(Rows *rows, const Row *row)
{
	uint32_t predicted = predicted_class(row->prob, rows->classes);

	fprintf(rows->out, "%" PRId64 "\t%s\t%s\t%s\t%.9g", row->id, row->name ? row->name : "",
		row->label ? row->label : "", rows->names[predicted], (double)row->prob[predicted]);
}

static void
put_json(Rows *rows, const Row *row)
{
	uint32_t predicted = predicted_class(row->prob, rows->classes);

	fprintf(rows->out, "{\"id\":%" PRId64 ",\"name\":%s,\"label\":%s,\"predicted\":%s,\"prob\":%.9g", row->id,
		row->name ? row->name : "null", row->label ? row->label : "null", rows->names[predicted],
		(double)row->prob[predicted]);
}

static void
put_row(Rows *rows, const Row *row)
{
	bool is_tsv = rows->format == ROWS_TSV;

	(is_tsv ? put_tsv : put_json)(rows, row);
	if (rows->top)
		put_top(rows, row->prob);
	fputs(is_tsv ? "\n" : "}\n", rows->out);
}

/* @return malloced, NULL without memory */
static char *
name_at(const Rows *rows, const Tensor *names, uint64_t i)
{
	size_t width = tensor_row_size(names);
	const char *text = (const char *)names->data + i * width;

	return escape(rows->format, text, strnlen(text, width));
}

Status
rows_put(Rows *rows, const Record *record)
{
	Predictions predictions = predictions_of(record);
	const Tensor *names = record_find(record, "name");

	for (uint64_t i = 0; i < record->n; i++) {
		int32_t label = predictions.label ? predictions.label[i] : -1;
		char *name = names ? name_at(rows, names, i) : NULL;
		if (names && !name)
			return fail_errno("a sample's name");
		put_row(rows, &(Row){
			.id = predictions.id ? predictions.id[i] : (int64_t)rows->sent,
			.name = name,
			.label = label < 0 ? NULL : rows->names[label],
			.prob = predictions.prob + i * rows->classes,
		});
		rows->sent++;
		free(name);
	}
	return STATUS_OK;
}

void
rows_close(Rows *rows)
{
	for (uint32_t i = 0; rows->names && i < rows->classes; i++)
		free(rows->names[i]);
	free(rows->names);
	free(rows->order);
	*rows = (Rows){0};
}
