/* source/csv_source.c: a CSV file as a source. */
#include "source/csv_source.h"

#include "memory.h"
#include "source/csv.h"
#include "source/samples.h"

#include <inttypes.h>
#include <stdio.h>

typedef struct CsvState {
	Bytes bytes;
	Csv csv;
	json_t *names; /* class name to index; NULL: labels are the numbers 0 … class_count - 1 */
	uint32_t class_count;
} CsvState;

static bool
is_unlabelled(const char *label)
{
	return !*label || !strcmp(label, "-1");
}

/* "0", "1", …, or "0.0" as some programs write it; -1: no such number */
static int32_t
number_of(const char *label)
{
	int32_t number = 0;
	const char *c = label;

	for (; *c >= '0' && *c <= '9' && number < STREAM_CLASSES_MOST; c++)
		number = number * 10 + (*c - '0');
	if (c > label && !strcmp(c, ".0"))
		c += 2;
	return c == label || *c || number >= STREAM_CLASSES_MOST ? -1 : number;
}

static Status
label_of(const CsvState *state, const char *text, int32_t *label)
{
	const json_t *index = state->names ? json_object_get(state->names, text) : NULL;

	*label = -1;
	if (is_unlabelled(text))
		return STATUS_OK;
	*label = index ? (int32_t)json_integer_value(index) : state->names ? -1 : number_of(text);
	if (*label >= 0 && (uint32_t)*label < state->class_count)
		return STATUS_OK;
	return fail(STATUS_INPUT, "%s: line %" PRIu64 ": the label \"%.60s\" is none of the %u classes", state->csv.bytes->name,
		    state->csv.line, text, state->class_count);
}

static Status
csv_read(void *own, Sample *sample)
{
	CsvState *state = own;
	char label[CSV_LABEL_MOST];
	Status status = csv_next(&state->csv, label, sample->image);

	if (status <= 0)
		return status;
	status = label_of(state, label, &sample->label);
	return status < 0 ? status : 1;
}

static void
csv_close(void *own)
{
	CsvState *state = own;

	csv_release(&state->csv);
	bytes_close(&state->bytes);
	json_decref(state->names);
	free(state);
}

static const SamplesKind csv_kind = { .read = csv_read, .close = csv_close };

/* ---- classes ---- */

/* All labels that there are, as an object's keys. */
static Status
gather_labels(Bytes *bytes, json_t *seen, int32_t *most, bool *are_numbers)
{
	char label[CSV_LABEL_MOST];
	Csv csv;
	Status status = csv_init(&csv, bytes);

	if (status < 0)
		return status;
	while ((status = csv_next(&csv, label, NULL)) > 0) {
		int32_t number = number_of(label);

		if (is_unlabelled(label))
			continue;
		*are_numbers = *are_numbers && number >= 0;
		*most = number > *most ? number : *most;
		if (!json_object_get(seen, label) && json_object_set_new(seen, label, json_true()) < 0)
			status = fail(STATUS_INPUT, "%s: line %" PRIu64 ": the label is not UTF-8", bytes->name, csv.line);
		else if (json_object_size(seen) > STREAM_CLASSES_MOST)
			status = fail(STATUS_INPUT, "%s: more than %d different labels; does the first column hold labels?",
				      bytes->name, STREAM_CLASSES_MOST);
		if (status < 0)
			break;
	}
	csv_release(&csv);
	return status;
}

static int
compare_names(const void *left, const void *right)
{
	return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static Status
name_classes(CsvState *state, const json_t *seen, About *about)
{
	size_t count = json_object_size(seen), i = 0;
	const char **names = memory_zeroed(count, sizeof *names), *name;
	json_t *ignored;

	json_object_foreach((json_t *)seen, name, ignored)
		names[i++] = name;
	qsort(names, count, sizeof *names, compare_names);
	state->names = json_object();
	for (i = 0; i < count; i++)
		json_object_set_new(state->names, names[i], json_integer((json_int_t)i));
	state->class_count = (uint32_t)count;
	Status status = about_set_classes(about, (uint32_t)count, names);

	free(names);
	return status;
}

static Status
learn_classes(CsvState *state, Bytes *labels, About *about)
{
	json_t *seen = json_object();
	int32_t most = -1;
	bool are_numbers = true;
	Status status = gather_labels(labels, seen, &most, &are_numbers);

	if (status >= 0 && are_numbers) {
		state->class_count = (uint32_t)(most + 1);
		status = samples_number_classes(about, state->class_count);
	} else if (status >= 0)
		status = name_classes(state, seen, about);
	json_decref(seen);
	return status;
}

static Status
set_classes(CsvState *state, Bytes *labels, const IdxTraits *traits, About *about)
{
	if (!traits->class_count)
		return learn_classes(state, labels, about);
	state->class_count = traits->class_count;
	return about_set_classes(about, traits->class_count, traits->classes);
}

/* ---- shape ---- */

static uint32_t
square_root(size_t number)
{
	uint32_t root = 1;

	while ((size_t)root * root < number && root <= STREAM_SIDE_MOST)
		root++;
	return (size_t)root * root == number ? root : 0;
}

static Status
find_shape(const Csv *csv, const Form *form, uint32_t shape[static 3])
{
	size_t area = (size_t)form->height * form->width, columns = csv->columns;
	uint32_t grey = square_root(columns), colour = area || columns % 3 ? 0 : square_root(columns / 3);

	if (area && columns % area == 0 && columns / area <= STREAM_CHANNELS_MOST) {
		memcpy(shape, (uint32_t[]){ form->height, form->width, (uint32_t)(columns / area) }, 3 * sizeof *shape);
		return STATUS_OK;
	}
	if (grey || colour) {
		memcpy(shape, (uint32_t[]){ grey ? grey : colour, grey ? grey : colour, grey ? 1 : 3 }, 3 * sizeof *shape);
		return STATUS_OK;
	}
	return fail(STATUS_USAGE, "%s: %zu values a line are no square picture; say --size HxW", csv->bytes->name, columns);
}

static Status
prepare(CsvState *state, Bytes *labels, const Form *form, const IdxTraits *traits, About *about)
{
	uint32_t shape[3] = { 0 };
	Status status = csv_init(&state->csv, &state->bytes);

	if (status < 0 || (status = find_shape(&state->csv, form, shape)) < 0)
		return status;
	if ((status = samples_about(about, shape[0], shape[1], shape[2], 0, state->bytes.name)) < 0)
		return status;
	if ((status = set_classes(state, labels, traits, about)) < 0)
		about_release(about);
	return status;
}

Status
csv_source_open(Source *source, Bytes *bytes, Bytes *labels, const Form *form, const IdxTraits *traits)
{
	CsvState *state = memory_zeroed(1, sizeof *state);
	About about;

	state->bytes = *bytes;
	*bytes = (Bytes){ 0 };
	Status status = prepare(state, labels, form, traits, &about);

	bytes_close(labels);
	if (status >= 0)
		return samples_open(source, &csv_kind, state, &about, state->bytes.name, traits->first_id, 0);
	csv_close(state);
	return status;
}
