/* wrong.c */
#include "metrics/wrong.h"

#include "metrics/predictions.h"
#include "metrics/row.h"

#include <stdlib.h>
#include <string.h>

enum { GATHER_BYTES = 1 << 19 }; /* a record that wrong_gather makes, about */

static int32_t
find_class(const About *about, const char *name, size_t length)
{
	for (uint32_t i = 0; i < about->class_count; i++)
		if (strlen(about->classes[i]) == length && !memcmp(about->classes[i], name, length))
			return (int32_t)i;
	return -1;
}

/* Names may hold commas themselves: the one that parts two classes counts. */
static Status
parse_pair(Wrong *wrong, const char *pair)
{
	for (const char *comma = pair; (comma = strchr(comma, ',')); comma++) {
		wrong->actual = find_class(&wrong->about, pair, (size_t)(comma - pair));
		wrong->predicted = find_class(&wrong->about, comma + 1, strlen(comma + 1));
		if (wrong->actual >= 0 && wrong->predicted >= 0 && wrong->actual != wrong->predicted)
			return STATUS_OK;
	}
	return fail(STATUS_USAGE, "--pair %s: expected two different classes of the input, ACTUAL,PREDICTED", pair);
}

Status
wrong_open(Wrong *wrong, const About *in, const char *pair, uint64_t memory)
{
	*wrong = (Wrong){.actual = -1, .predicted = -1};
	about_copy(&wrong->about, in);
	wrong->about.is_marked = false;
	wrong->about.epochs = EPOCHS_NONE;
	wrong->about.epoch_samples = 0;
	json_decref(wrong->about.epoch_labels);
	wrong->about.epoch_labels = NULL;
	Status status = pair ? parse_pair(wrong, pair) : STATUS_OK;
	if (status >= 0)
		status = spool_open(&wrong->spool, &wrong->about, memory);
	if (status < 0)
		about_release(&wrong->about);
	return status;
}

static bool
is_wanted(const Wrong *wrong, int32_t label, uint32_t predicted)
{
	if (label < 0 || (uint32_t)label == predicted)
		return false;
	return wrong->actual < 0 || (label == wrong->actual && (int32_t)predicted == wrong->predicted);
}

static void
move_row(Record *record, uint64_t from, uint64_t to)
{
	for (size_t i = 0; i < record->tensor_count && from != to; i++) {
		size_t size = tensor_row_size(&record->tensors[i]);
		memmove(record->tensors[i].data + to * size, record->tensors[i].data + from * size, size);
	}
}

static Status
make_room(Wrong *wrong, uint64_t n)
{
	if (n <= wrong->room)
		return STATUS_OK;
	double *confidence = reallocarray(wrong->confidence, 2 * n, sizeof *confidence);
	if (!confidence)
		return fail_errno("keeping %llu samples", (unsigned long long)n);
	wrong->confidence = confidence;
	wrong->room = 2 * n;
	return STATUS_OK;
}

Status
wrong_keep(Wrong *wrong, Record *record)
{
	Predictions predictions = predictions_of(record);
	uint32_t classes = wrong->about.class_count;
	uint64_t kept = 0;
	Status status = make_room(wrong, wrong->spool.rows + record->n);

	for (uint64_t i = 0; status >= 0 && predictions.label && i < record->n; i++) {
		const float *prob = predictions.prob + i * classes;
		Row row;
		if ((status = row_read(&row, prob, classes)) < 0 ||
		    !is_wanted(wrong, predictions.label[i], row.predicted))
			continue;
		wrong->confidence[wrong->spool.rows + kept] = (double)prob[row.predicted] / row.sum;
		move_row(record, i, kept++);
	}
	if (status < 0 || !kept)
		return status;
	record_keep(record, 0, kept);
	return spool_append(&wrong->spool, record);
}

static int
compare_confidence(const void *one, const void *other, void *context)
{
	const double *confidence = context;
	uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;

	if (confidence[a] != confidence[b])
		return confidence[a] > confidence[b] ? -1 : 1;
	return a < b ? -1 : a > b;
}

Status
wrong_sort(Wrong *wrong)
{
	uint64_t n = wrong->spool.rows;

	wrong->order = malloc((n + 1) * sizeof *wrong->order);
	if (!wrong->order)
		return fail_errno("sorting %llu samples", (unsigned long long)n);
	for (uint64_t i = 0; i < n; i++)
		wrong->order[i] = i;
	qsort_r(wrong->order, n, sizeof *wrong->order, compare_confidence, wrong->confidence);
	return STATUS_OK;
}

Status
wrong_gather(const Wrong *wrong, uint64_t first, Record *record)
{
	uint64_t size = 1, left = wrong->spool.rows - first;

	for (size_t i = 0; i < wrong->about.column_count; i++)
		size += spool_row_size(&wrong->spool, i);
	uint64_t count = GATHER_BYTES / size ? GATHER_BYTES / size : 1;
	count = count < left ? count : left;
	if (!count)
		return 0;
	Status status = spool_gather(&wrong->spool, wrong->order + first, count, record);
	record->part = PART_NONE;
	record->epoch = -1;
	return status < 0 ? status : (Status)count;
}

void
wrong_close(Wrong *wrong)
{
	spool_close(&wrong->spool);
	about_release(&wrong->about);
	free(wrong->confidence);
	free(wrong->order);
	*wrong = (Wrong){0};
}
