/* stream/spool.c: samples at hand, one row after the other; names, whose width is free, apart from the rest. */
#include "stream/spool.h"

#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

enum { ALIGNMENT = 64, FIRST_BYTES = 1 << 20, STAGE_BYTES = 1 << 20 };

/* Rows of one size: the first ones in memory, all that come later in a file. */
typedef struct Store {
	size_t stride; /* bytes from row to row */
	uint64_t rows, memory_rows;
	uint8_t *memory;
	size_t memory_size;
	int fd; /* -1: no file yet */
	uint8_t *map;
	size_t map_size;
} Store;

struct SpoolState {
	About about;
	uint64_t budget; /* bytes of memory that are left */
	Store samples;	 /* every column but the names */
	size_t *offsets; /* [columns]: within a row of samples */
	Store names;	 /* stride 0: there are none */
	int name_column; /* or -1 */
	size_t name_width; /* widest seen */
	uint8_t *stage;	   /* rows on their way to a file */
	const Tensor **tensors; /* [columns]: of the record being appended */
};

static void
store_release(Store *store)
{
	if (store->memory)
		munmap(store->memory, store->memory_size);
	if (store->map)
		munmap(store->map, store->map_size);
	if (store->fd >= 0)
		close(store->fd);
	*store = (Store){ .fd = -1 };
}

static uint8_t *
store_row(const Store *store, uint64_t row)
{
	if (row < store->memory_rows)
		return store->memory + row * store->stride;
	return store->map + (row - store->memory_rows) * store->stride;
}

/* Room for one more row in memory; pages are taken as they are touched. @return false: there is none */
static bool
grow_memory(Store *store)
{
	size_t needed = (store->memory_rows + 1) * store->stride;
	size_t size = store->memory_size ? store->memory_size : FIRST_BYTES;
	void *memory;

	if (needed <= store->memory_size)
		return true;
	while (size < needed)
		size *= 2;
	memory = store->memory ? mremap(store->memory, store->memory_size, size, MREMAP_MAYMOVE) :
		 mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		return false;
	store->memory = memory;
	store->memory_size = size;
	return true;
}

static const char *
directory(void)
{
	const char *wanted = getenv("TMPDIR");

	return wanted && *wanted ? wanted : "/var/tmp";
}

static Status
open_file(Store *store)
{
	char path[PATH_MAX];

	store->fd = open(directory(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (store->fd >= 0)
		return STATUS_OK;
	snprintf(path, sizeof path, "%s/fm-spool-XXXXXX", directory());
	store->fd = mkostemp(path, O_CLOEXEC);
	if (store->fd < 0)
		return fail_errno("can't make a spool file in %s (TMPDIR says where)", directory());
	unlink(path);
	return STATUS_OK;
}

static Status
write_at(int fd, const uint8_t *bytes, size_t size, uint64_t offset)
{
	while (size) {
		ssize_t written = pwrite(fd, bytes, size, (off_t)offset);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return fail_errno("can't spool to %s (TMPDIR says where, --memory how much stays in memory)",
					  directory());
		bytes += written;
		size -= (size_t)written;
		offset += (size_t)written;
	}
	return STATUS_OK;
}

/* The mapping may be longer than the file, never shorter. Nobody has pointers into it before the last row is there. */
static Status
map_file(Store *store, size_t needed)
{
	size_t size = store->map_size ? store->map_size : FIRST_BYTES;
	void *map;

	if (needed <= store->map_size)
		return STATUS_OK;
	while (size < needed)
		size *= 2;
	map = mmap(NULL, size, PROT_READ, MAP_SHARED, store->fd, 0);
	if (map == MAP_FAILED)
		return fail_errno("can't map a spool file of %zu bytes", needed);
	if (store->map)
		munmap(store->map, store->map_size);
	store->map = map;
	store->map_size = size;
	return STATUS_OK;
}

static Status
append_to_file(Store *store, const uint8_t *rows, uint64_t count)
{
	uint64_t at = (store->rows - store->memory_rows) * store->stride;
	Status status = store->fd < 0 ? open_file(store) : STATUS_OK;

	if (status == STATUS_OK)
		status = write_at(store->fd, rows, count * store->stride, at);
	if (status == STATUS_OK)
		status = map_file(store, at + count * store->stride);
	if (status == STATUS_OK)
		store->rows += count;
	return status;
}

/* @return where the next row goes, zeroed, if it still may be in memory; else NULL */
static uint8_t *
next_in_memory(Store *store, uint64_t *budget)
{
	if (store->fd >= 0 || *budget < store->stride || !grow_memory(store))
		return NULL;
	*budget -= store->stride;
	store->rows++;
	return store_row(store, store->memory_rows++);
}

static void
copy_sample(const SpoolState *state, uint64_t row, uint8_t *to)
{
	for (size_t i = 0; i < state->about.column_count; i++) {
		size_t size = state->about.columns[i].row_size;

		if ((int)i != state->name_column && size)
			memcpy(to + state->offsets[i], state->tensors[i]->data + row * size, size);
	}
}

static void
copy_name(const SpoolState *state, uint64_t row, uint8_t *to)
{
	const Tensor *names = state->tensors[state->name_column];
	size_t width = names->shape[1];

	memcpy(to, names->data + row * width, width);
}

/* As much as a row that a stream's header describes, or STAGE_BYTES. */
static Status
grow_stage(SpoolState *state, size_t size)
{
	uint8_t *stage = realloc(state->stage, size);

	if (!stage)
		return fail(STATUS_IO, "no memory for %zu bytes on their way to a spool file", size);
	state->stage = stage;
	return STATUS_OK;
}

typedef void CopyRow(const SpoolState *state, uint64_t row, uint8_t *to);

static Status
append_rows(SpoolState *state, Store *store, uint64_t n, CopyRow *copy)
{
	uint64_t row = 0, most = STAGE_BYTES / store->stride;
	uint8_t *to;

	for (; row < n && (to = next_in_memory(store, &state->budget)); row++)
		copy(state, row, to);
	if (row == n)
		return STATUS_OK;
	most = most ? most : 1;
	Status grown = grow_stage(state, most * store->stride);
	if (grown < 0)
		return grown;
	while (row < n) {
		uint64_t count = n - row < most ? n - row : most;

		memset(state->stage, 0, count * store->stride);
		for (uint64_t i = 0; i < count; i++)
			copy(state, row + i, state->stage + i * store->stride);
		Status status = append_to_file(store, state->stage, count);
		if (status < 0)
			return status;
		row += count;
	}
	return STATUS_OK;
}

/* All rows so far again, farther apart: at most once for every doubling of the width. */
static Status
widen_names(SpoolState *state, size_t width)
{
	const Tensor *wide = state->tensors[state->name_column];
	Store old = state->names;
	Status status = STATUS_OK;
	size_t stride = old.stride;

	while (stride < width)
		stride *= 2;
	state->names = (Store){ .fd = -1, .stride = stride };
	state->budget += old.memory_rows * old.stride;
	for (uint64_t i = 0; i < old.rows && status == STATUS_OK; i++) {
		Tensor name = { .shape = { 1, old.stride }, .data = store_row(&old, i) };

		state->tensors[state->name_column] = &name;
		status = append_rows(state, &state->names, 1, copy_name);
	}
	state->tensors[state->name_column] = wide;
	store_release(&old);
	return status;
}

/* Columns stand in falling element size, so each is aligned when a row is. */
static size_t
lay_out(SpoolState *state)
{
	size_t size = 0;

	for (size_t i = 0; i < state->about.column_count; i++) {
		state->offsets[i] = size;
		if ((int)i != state->name_column)
			size += state->about.columns[i].row_size;
	}
	return (size + 7) / 8 * 8;
}

Status
spool_open(Spool *spool, const About *about, uint64_t memory)
{
	SpoolState *state = memory_zeroed(1, sizeof *state);

	*spool = (Spool){ .state = state };
	about_copy(&state->about, about);
	state->budget = memory;
	state->name_column = about_find(about, "name");
	state->offsets = memory_zeroed(about->column_count, sizeof *state->offsets);
	state->tensors = memory_zeroed(about->column_count, sizeof(void *));
	state->samples = (Store){ .fd = -1, .stride = lay_out(state) };
	state->names = (Store){ .fd = -1, .stride = 16 };
	return STATUS_OK;
}

void
spool_limit(Spool *spool, uint64_t memory)
{
	SpoolState *state = spool->state;
	uint64_t used = state->samples.memory_rows * state->samples.stride + state->names.memory_rows * state->names.stride;

	state->budget = used < memory ? memory - used : 0;
}

static Status
find_tensors(SpoolState *state, const Record *record)
{
	for (size_t i = 0; i < state->about.column_count; i++) {
		const Column *column = &state->about.columns[i];
		const Tensor *tensor = record_find(record, column->name);

		if (!tensor || ((int)i != state->name_column && tensor_row_size(tensor) != column->row_size))
			return fail(STATUS_INPUT, "tensor \"%s\" of a record to be kept is missing or unlike its stream's",
				    column->name);
		state->tensors[i] = tensor;
	}
	return STATUS_OK;
}

static Status
append_names(SpoolState *state, uint64_t n)
{
	size_t width = state->tensors[state->name_column]->shape[1];

	if (width > state->names.stride) {
		Status status = widen_names(state, width);
		if (status < 0)
			return status;
	}
	if (width > state->name_width)
		state->name_width = width;
	return append_rows(state, &state->names, n, copy_name);
}

Status
spool_append(Spool *spool, const Record *record)
{
	SpoolState *state = spool->state;
	Status status = find_tensors(state, record);

	if (status == STATUS_OK)
		status = append_rows(state, &state->samples, record->n, copy_sample);
	if (status == STATUS_OK && state->name_column >= 0)
		status = append_names(state, record->n);
	if (status == STATUS_OK)
		spool->rows += record->n;
	return status;
}

const uint8_t *
spool_row(const Spool *spool, size_t column, uint64_t row)
{
	const SpoolState *state = spool->state;

	if ((int)column == state->name_column)
		return store_row(&state->names, row);
	return store_row(&state->samples, row) + state->offsets[column];
}

size_t
spool_row_size(const Spool *spool, size_t column)
{
	const SpoolState *state = spool->state;

	return (int)column == state->name_column ? state->name_width : state->about.columns[column].row_size;
}

/* Behind a gathered record's tensors stand the bytes that each has room for. */
static Status
reserve_tensor(Tensor *tensor, size_t *room, size_t size)
{
	size_t needed = (size + ALIGNMENT) / ALIGNMENT * ALIGNMENT;

	tensor->size = size;
	if (needed <= *room)
		return STATUS_OK;
	free(tensor->data);
	*room = needed;
	tensor->data = aligned_alloc(ALIGNMENT, needed);
	if (!tensor->data) {
		*room = 0;
		return fail(STATUS_IO, "no memory for %zu bytes of samples", size);
	}
	return STATUS_OK;
}

static Status
gather_column(const Spool *spool, size_t column, const uint64_t *rows, uint64_t count, Tensor *tensor, size_t *room)
{
	const Column *is = &spool->state->about.columns[column];
	size_t row_size = spool_row_size(spool, column);
	Status status = reserve_tensor(tensor, room, count * row_size);

	if (status < 0)
		return status;
	tensor->name = is->name;
	tensor->dtype = is->dtype;
	tensor->rank = is->rank + 1;
	tensor->shape[0] = count;
	memcpy(tensor->shape + 1, is->shape, (size_t)is->rank * sizeof *is->shape);
	if ((int)column == spool->state->name_column)
		tensor->shape[1] = row_size;
	for (uint64_t i = 0; i < count && row_size; i++)
		memcpy(tensor->data + i * row_size, spool_row(spool, column, rows[i]), row_size);
	return STATUS_OK;
}

Status
spool_gather(const Spool *spool, const uint64_t *rows, uint64_t count, Record *record)
{
	size_t columns = spool->state->about.column_count;
	Status status = STATUS_OK;

	if (!record->tensors)
		record->tensors = memory_zeroed(columns, sizeof *record->tensors + sizeof(size_t));
	record->tensor_count = columns;
	record->n = count;
	record->part = PART_NONE;
	record->epoch = -1;
	size_t *room = (size_t *)(record->tensors + columns);
	for (size_t i = 0; i < columns && status == STATUS_OK; i++)
		status = gather_column(spool, i, rows, count, &record->tensors[i], &room[i]);
	return status;
}

void
spool_record_release(Record *record)
{
	for (size_t i = 0; i < record->tensor_count; i++)
		free(record->tensors[i].data);
	free(record->tensors);
	*record = (Record){ 0 };
}

void
spool_close(Spool *spool)
{
	SpoolState *state = spool->state;

	if (!state)
		return;
	store_release(&state->samples);
	store_release(&state->names);
	about_release(&state->about);
	free(state->offsets);
	free(state->tensors);
	free(state->stage);
	free(state);
	*spool = (Spool){ 0 };
}
