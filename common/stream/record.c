/* stream/record.c: records, and what holds for a whole stream. */
#include "stream/record.h"

#include "json/utf8.h"
#include "memory.h"

Tensor *
record_find(const Record *record, const char *name)
{
	for (size_t i = 0; i < record->tensor_count; i++) {
		if (!strcmp(record->tensors[i].name, name))
			return &record->tensors[i];
	}
	return NULL;
}

void
record_keep(Record *record, uint64_t begin, uint64_t end)
{
	for (size_t i = 0; i < record->tensor_count; i++) {
		Tensor *tensor = &record->tensors[i];
		size_t row = tensor_row_size(tensor);

		tensor->shape[0] = end - begin;
		tensor->size = (end - begin) * row;
		if (begin)
			memmove(tensor->data, tensor->data + begin * row, tensor->size);
	}
	record->n = end - begin;
}

static void
filter_tensor(Tensor *tensor, const uint8_t *keep)
{
	size_t row = tensor_row_size(tensor);
	uint64_t kept = 0;

	for (uint64_t i = 0; i < tensor->shape[0]; i++) {
		if (!keep[i])
			continue;
		if (kept != i)
			memmove(tensor->data + kept * row, tensor->data + i * row, row);
		kept++;
	}
	tensor->shape[0] = kept;
	tensor->size = kept * row;
}

void
record_filter(Record *record, const uint8_t *keep)
{
	uint64_t kept = 0;

	for (uint64_t i = 0; i < record->n; i++)
		kept += keep[i] != 0;
	for (size_t i = 0; i < record->tensor_count; i++)
		filter_tensor(&record->tensors[i], keep);
	record->n = kept;
}

void
about_init(About *about, uint32_t height, uint32_t width, uint32_t channels)
{
	uint64_t shape[] = { height, width, channels };

	*about = (About){ .height = height, .width = width, .channels = channels };
	about->input = json_pack("{s:i, s:i, s:i}", "h", (int)height, "w", (int)width, "c", (int)channels);
	about->history = json_array();
	about->others = json_object();
	if (about_add_column(about, "image", DTYPE_U8, 3, shape) < 0)
		abort(); /* nothing is there yet that it could collide with */
}

/* Writers' order: falling element size, then name. */
static bool
goes_before(const Column *column, const char *name, Dtype dtype)
{
	size_t size = dtype_size(column->dtype), other = dtype_size(dtype);

	return size != other ? size > other : strcmp(column->name, name) < 0;
}

Status
about_add_column(About *about, const char *name, Dtype dtype, int rank, const uint64_t *shape)
{
	Column column = { .dtype = dtype, .rank = rank, .row_size = dtype_size(dtype) };
	size_t at = 0;

	if (about_find(about, name) >= 0)
		return fail(STATUS_INPUT, "there is a tensor \"%s\" already", name);
	if (about->column_count == STREAM_COLUMNS_MOST)
		return fail(STATUS_INPUT, "more than %d tensors", STREAM_COLUMNS_MOST);
	for (int i = 0; i < rank; i++) {
		column.shape[i] = shape[i];
		if (__builtin_mul_overflow(column.row_size, shape[i], &column.row_size))
			return fail(STATUS_INPUT, "tensor \"%s\": the size of a sample overflows", name);
	}
	column.name = memory_text(name);
	while (at < about->column_count && goes_before(&about->columns[at], name, dtype))
		at++;
	about->columns = memory_grow(about->columns, about->column_count + 1, sizeof column);
	memmove(&about->columns[at + 1], &about->columns[at], (about->column_count++ - at) * sizeof column);
	about->columns[at] = column;
	return STATUS_OK;
}

int
about_find(const About *about, const char *name)
{
	for (size_t i = 0; i < about->column_count; i++) {
		if (!strcmp(about->columns[i].name, name))
			return (int)i;
	}
	return -1;
}

static void
free_names(uint32_t count, char **names)
{
	for (uint32_t i = 0; i < count; i++)
		free(names[i]);
	free(names);
}

static char **
copy_names(uint32_t count, const char *const *names)
{
	char **copy = memory_zeroed(count, sizeof *copy);

	for (uint32_t i = 0; i < count; i++)
		copy[i] = memory_text(names[i]);
	return copy;
}

static Status
check_classes(uint32_t count, const char *const *names)
{
	json_t *seen = json_object();
	Status status = STATUS_OK;

	for (uint32_t i = 0; i < count && status == STATUS_OK; i++) {
		if (!*names[i])
			status = fail(STATUS_INPUT, "class %u has an empty name", i);
		else if (!utf8_is_valid(names[i], strlen(names[i])))
			status = fail(STATUS_INPUT, "class %u: its name \"%s\" is not UTF-8", i, names[i]);
		else if (json_object_get(seen, names[i]))
			status = fail(STATUS_INPUT, "class %u: its name \"%s\" occurs twice", i, names[i]);
		else
			json_object_set_new(seen, names[i], json_true());
	}
	json_decref(seen);
	return status;
}

Status
about_set_classes(About *about, uint32_t count, const char *const *names)
{
	if (count > STREAM_CLASSES_MOST)
		return fail(STATUS_INPUT, "%u classes, more than %d", count, STREAM_CLASSES_MOST);
	Status status = check_classes(count, names);
	if (status < 0)
		return status;
	char **copy = copy_names(count, names); /* names may be what is there */
	free_names(about->class_count, about->classes);
	about->class_count = count;
	about->classes = copy;
	return STATUS_OK;
}

void
about_copy(About *to, const About *from)
{
	*to = *from;
	to->columns = memory_zeroed(from->column_count, sizeof *to->columns);
	for (size_t i = 0; i < from->column_count; i++) {
		to->columns[i] = from->columns[i];
		to->columns[i].name = memory_text(from->columns[i].name);
	}
	to->classes = copy_names(from->class_count, (const char *const *)from->classes);
	to->input = json_deep_copy(from->input);
	to->history = json_deep_copy(from->history);
	to->others = json_deep_copy(from->others);
	to->epoch_labels = json_deep_copy(from->epoch_labels);
}

void
about_release(About *about)
{
	for (size_t i = 0; i < about->column_count; i++)
		free(about->columns[i].name);
	free(about->columns);
	free_names(about->class_count, about->classes);
	json_decref(about->input);
	json_decref(about->history);
	json_decref(about->others);
	json_decref(about->epoch_labels);
	*about = (About){ 0 };
}
