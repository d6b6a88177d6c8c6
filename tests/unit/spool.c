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
	CHECK(shuffle_order(1, 0, ids, ROWS, order) == STATUS_OK);
	for (int i = 0; i < ROWS; i++) {
		CHECK(order[i] < ROWS && !seen[order[i]]);
		seen[order[i]] = true;
		CHECK(!i || ids[order[i]] != ids[order[i - 1]] || order[i] > order[i - 1]);
	}
	CHECK(shuffle_order(1, 1, ids, ROWS, again) == STATUS_OK);
	CHECK(memcmp(order, again, sizeof order));
}

/* AddressSanitizer's allocator would rather abort; its library looks for this. */
__attribute__((visibility("default"))) const char *__asan_default_options(void);

const char *
__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

/* More than any machine has: a stream's sizes end a run with words, never by abort. */
enum { TOO_MANY_BITS = 58 };

TEST(no_memory_to_shuffle)
{
	uint64_t order;

	CHECK(shuffle_order(1, 0, NULL, (uint64_t)1 << TOO_MANY_BITS, &order) == STATUS_IO);
	CHECK(strstr(status_message(), "288230376151711744 samples: that takes 8796093022337 MiB"), "%s", status_message());
}

TEST(no_memory_for_a_row_on_its_way_to_a_file)
{
	const uint64_t width = (uint64_t)1 << TOO_MANY_BITS;
	uint8_t nothing[1] = { 0 };
	Tensor tensors[] = {
		{ "image", DTYPE_U8, 4, { 1, 1, 1, 1 }, nothing, 1 },
		{ "wide", DTYPE_U8, 2, { 1, width }, nothing, width },
	};
	Record record = { .n = 1, .tensor_count = 2, .tensors = tensors, .epoch = -1 };
	About about;
	Spool spool;

	about_init(&about, 1, 1, 1);
	CHECK(about_add_column(&about, "wide", DTYPE_U8, 1, &width) == STATUS_OK, "%s", status_message());
	CHECK(spool_open(&spool, &about, 0) == STATUS_OK);
	CHECK(spool_append(&spool, &record) == STATUS_IO);
	CHECK(strstr(status_message(), "no memory for 28823037615171"), "%s", status_message());
	spool_close(&spool);
	about_release(&about);
}

int
main(void)
{
	RUN(memory_and_file);
	RUN(gather);
	RUN(no_place_for_a_file);
	RUN(shuffle_is_a_permutation);
	RUN(no_memory_to_shuffle);
	RUN(no_memory_for_a_row_on_its_way_to_a_file);
	return check_done();
}
