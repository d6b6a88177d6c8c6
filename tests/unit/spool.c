/* spool.c: what goes in comes out, whether it stayed in memory, went to a file, or was split between them. */
#include "stream/shuffle.h"
#include "stream/spool.h"
#include "unit/check.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS = 500, BATCH = 7 };

static void
make_about(About *about)
{
	about_init(about, 3, 5, 1);
	if (about_add_column(about, "id", DTYPE_I64, 0, NULL) < 0 ||
	    about_add_column(about, "name", DTYPE_U8, 1, (uint64_t[]){ 2 }) < 0)
		abort();
}

/* A width that grows from batch to batch. */
static size_t
width_of(uint64_t row)
{
	return 6 + row / BATCH * BATCH / 10;
}

/* Pixel j of sample i is i + j; its name is "n" and i, and "z" in its last place. */
static Status
append(Spool *spool, int64_t begin, uint64_t n, size_t width)
{
	int64_t ids[BATCH];
	uint8_t pixels[BATCH * 15];
	char names[BATCH][64] = { { 0 } }, packed[BATCH * 64];
	Tensor tensors[] = {
		{ "name", DTYPE_U8, 2, { n, width }, (uint8_t *)packed, n * width },
		{ "image", DTYPE_U8, 4, { n, 3, 5, 1 }, pixels, n * 15 },
		{ "id", DTYPE_I64, 1, { n }, (uint8_t *)ids, n * 8 },
	};
	Record record = { .n = n, .tensor_count = 3, .tensors = tensors, .epoch = -1 };

	for (uint64_t i = 0; i < n; i++) {
		ids[i] = begin + (int64_t)i;
		for (int j = 0; j < 15; j++)
			pixels[i * 15 + j] = (uint8_t)(ids[i] + j);
		snprintf(names[i], sizeof names[i], "n%d", (int)ids[i]);
		names[i][width - 1] = 'z';
		memcpy(packed + i * width, names[i], width);
	}
	return spool_append(spool, &record);
}

static bool
holds(const Spool *spool)
{
	About about;
	bool is_right = spool->rows == ROWS;

	make_about(&about);
	for (uint64_t row = 0; row < ROWS && is_right; row++) {
		const uint8_t *pixels = spool_row(spool, (size_t)about_find(&about, "image"), row);
		const int64_t *id = (const int64_t *)spool_row(spool, (size_t)about_find(&about, "id"), row);
		const char *name = (const char *)spool_row(spool, (size_t)about_find(&about, "name"), row);
		char expected[64] = "";

		snprintf(expected, sizeof expected, "n%d", (int)row);
		expected[width_of(row) - 1] = 'z';
		is_right = *id == (int64_t)row && pixels[14] == (uint8_t)(row + 14) &&
			   !memcmp(name, expected, spool_row_size(spool, (size_t)about_find(&about, "name")));
	}
	about_release(&about);
	return is_right;
}

static bool
round_trip(uint64_t memory)
{
	About about;
	Spool spool;
	bool is_right = true;

	make_about(&about);
	if (spool_open(&spool, &about, memory) < 0)
		return false;
	for (int64_t begin = 0; begin < ROWS && is_right; begin += BATCH) {
		uint64_t n = begin + BATCH < ROWS ? BATCH : (uint64_t)(ROWS - begin);

		is_right = append(&spool, begin, n, width_of((uint64_t)begin)) == STATUS_OK;
	}
	is_right = is_right && holds(&spool);
	spool_close(&spool);
	about_release(&about);
	return is_right;
}

TEST(memory_and_file)
{
	for (uint64_t memory = 0; memory < 64 << 10; memory = memory * 3 + 100)
		CHECK(round_trip(memory), "%d bytes of memory: %s", (int)memory, status_message());
	CHECK(round_trip(UINT64_MAX));
}

TEST(gather)
{
	About about;
	Spool spool;
	Record record = { 0 };
	uint64_t rows[] = { 6, 0, 3 };

	make_about(&about);
	CHECK(spool_open(&spool, &about, 64) == STATUS_OK);
	CHECK(append(&spool, 0, BATCH, 4) == STATUS_OK, "%s", status_message());
	for (uint64_t n = 1; n <= 3; n++) {
		CHECK(spool_gather(&spool, rows, n, &record) == STATUS_OK);
		CHECK(record.n == n && record_find(&record, "image")->size == n * 15);
		CHECK(((int64_t *)record_find(&record, "id")->data)[n - 1] == (int64_t)rows[n - 1]);
		CHECK(!memcmp(record_find(&record, "name")->data, "n6\0z", 4));
	}
	spool_record_release(&record);
	spool_close(&spool);
	about_release(&about);
}

TEST(no_place_for_a_file)
{
	About about;
	Spool spool;

	make_about(&about);
	setenv("TMPDIR", "/nonexistent", 1);
	CHECK(spool_open(&spool, &about, 0) == STATUS_OK);
	CHECK(append(&spool, 0, BATCH, 4) == STATUS_IO);
	CHECK(strstr(status_message(), "/nonexistent"), "%s", status_message());
	unsetenv("TMPDIR");
	spool_close(&spool);
	about_release(&about);
}

TEST(shuffle_is_a_permutation)
{
	uint64_t order[ROWS], again[ROWS];
	int64_t ids[ROWS];
	bool seen[ROWS] = { false };

	for (int i = 0; i < ROWS; i++)
		ids[i] = i / 2; /* equal ids keep their order */
	shuffle_order(1, 0, ids, ROWS, order);
	for (int i = 0; i < ROWS; i++) {
		CHECK(order[i] < ROWS && !seen[order[i]]);
		seen[order[i]] = true;
		CHECK(!i || ids[order[i]] != ids[order[i - 1]] || order[i] > order[i - 1]);
	}
	shuffle_order(1, 1, ids, ROWS, again);
	CHECK(memcmp(order, again, sizeof order));
}

int
main(void)
{
	RUN(memory_and_file);
	RUN(gather);
	RUN(no_place_for_a_file);
	RUN(shuffle_is_a_permutation);
	return check_done();
}
