/* warp.c: every fast path gives the bits of transform_apply, reads and writes nothing beyond its pictures, whatever the
 * numbers of the transform. */
#include "pixel/warp.h"
#include "unit/check.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static uint64_t random_state = 1;

static uint32_t
random_number(void)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(random_state >> 32);
}

static int32_t
random_between(int32_t low, int32_t high)
{
	return low + (int32_t)(random_number() % (uint32_t)(high - low + 1));
}

/* Memory whose last byte lies before a page that can't be touched; at the front, one before its first byte. */
typedef struct Guarded {
	uint8_t *pages, *begin, *end;
	size_t total;
} Guarded;

static Guarded
guarded(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), inside = (size + page - 1) / page * page;
	Guarded memory = { .total = inside + 2 * page };

	memory.pages = mmap(NULL, memory.total, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory.pages == MAP_FAILED || mprotect(memory.pages + page, inside, PROT_READ | PROT_WRITE) != 0)
		abort();
	memory.begin = memory.pages + page;
	memory.end = memory.begin + inside;
	return memory;
}

static void
unguard(Guarded *memory)
{
	munmap(memory->pages, memory->total);
}

/* What augmentation asks for. */
static Transform
mild_transform(uint32_t h, uint32_t w)
{
	Transform transform = transform_none;
	int32_t *affine = transform.affine;

	affine[0] += random_between(-300000, 300000);
	affine[1] += random_between(-300000, 300000);
	affine[3] += random_between(-300000, 300000);
	affine[4] += random_between(-300000, 300000);
	affine[2] = random_between(-((int32_t)w << 19), (int32_t)w << 19);
	affine[5] = random_between(-((int32_t)h << 19), (int32_t)h << 19);
	return transform;
}

/* What an enemy sends. */
static Transform
wild_transform(void)
{
	static const int32_t edges[] = { 0, 1, -1, INT32_MAX, INT32_MIN, 1 << 20, -(1 << 20), INT32_MIN + 1 };
	Transform transform;
	int32_t *numbers = (int32_t *)&transform;

	for (size_t i = 0; i < sizeof transform / sizeof *numbers; i++)
		numbers[i] = random_number() % 4 ? (int32_t)random_number() : edges[random_number() % 8];
	return transform;
}

/* Whole and half pixels: seams and borders are met exactly. */
static Transform
exact_transform(uint32_t h, uint32_t w)
{
	Transform transform = transform_none;

	for (int i = 0; i < 6; i++)
		transform.affine[i] = random_between(-4, 4) * (1 << 19);
	transform.affine[2] += random_between(-2, 2) * (int32_t)(w - 1) * (1 << 19);
	transform.affine[5] += random_between(-2, 2) * (int32_t)(h - 1) * (1 << 19);
	transform.tone[0] = random_between(-200000, 200000);
	transform.tone[1] = random_between(-17000000, 17000000);
	for (int i = 0; i < 5; i++)
		transform.erase[i] = random_between(-2, 30);
	return transform;
}

static Transform
some_transform(int kind, uint32_t h, uint32_t w)
{
	return kind % 3 == 0 ? mild_transform(h, w) : kind % 3 == 1 ? exact_transform(h, w) : wild_transform();
}

static const uint32_t shapes[][3] = {
	{ 1, 1, 1 }, { 1, 2, 1 }, { 2, 1, 1 }, { 2, 2, 3 }, { 3, 3, 1 }, { 1, 1000, 1 }, { 1024, 1, 1 }, { 5, 7, 2 },
	{ 28, 28, 1 }, { 28, 28, 3 }, { 32, 32, 1 }, { 32, 32, 3 }, { 15, 16, 1 }, { 16, 17, 1 }, { 31, 31, 1 }, { 33, 31, 4 },
	{ 64, 63, 1 }, { 20, 65, 1 }, { 37, 100, 1 }, { 9, 1000, 3 }, { 1024, 1024, 1 }, { 13, 11, 16 },
};

/* The fast path, its pictures at one end or the other of guarded memory, against the definition. */
static bool
same_bits(Fill fill, const uint32_t shape[3], int repeats)
{
	size_t size = (size_t)shape[0] * shape[1] * shape[2];
	Guarded from = guarded(size), to = guarded(size);
	uint8_t *expected = malloc(size);
	bool is_same = true;
	Warp warp;

	if (!expected || warp_init(&warp, fill, 77, shape[0], shape[1], shape[2]) != STATUS_OK)
		abort();
	for (int i = 0; i < repeats && is_same; i++) {
		bool at_end = i % 2;
		uint8_t *source = at_end ? from.end - size : from.begin, *target = at_end ? to.end - size : to.begin;
		Transform transform = some_transform(i, shape[0], shape[1]);

		for (size_t k = 0; k < size; k++)
			source[k] = (uint8_t)random_number();
		memset(target, 0xa5, size);
		transform_apply(&transform, fill, 77, shape[0], shape[1], shape[2], source, expected);
		warp_apply(&warp, &transform, source, target);
		is_same = memcmp(expected, target, size) == 0;
	}
	warp_release(&warp);
	free(expected);
	unguard(&from);
	unguard(&to);
	return is_same;
}

static void
check_fill(Fill fill)
{
	for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
		bool is_large = (uint64_t)shapes[i][0] * shapes[i][1] > 100000;

		CHECK(same_bits(fill, shapes[i], is_large ? 6 : 200), "fill %d, %ux%ux%u", fill, shapes[i][0], shapes[i][1],
		      shapes[i][2]);
	}
}

/* FM_CPU is read at every warp_init, so one program tests all that its processor can run. */
static void
check_processor(const char *name)
{
	Warp warp;
	bool can_run;

	setenv("FM_CPU", name, 1);
	can_run = warp_init(&warp, FILL_NEAREST, 0, 1, 1, 1) == STATUS_OK;
	if (!can_run) {
		printf("# %s\n", status_message());
		return;
	}
	CHECK(strcmp(warp_name(&warp), name) == 0, "%s", warp_name(&warp));
	warp_release(&warp);
	for (Fill fill = FILL_NEAREST; fill <= FILL_WRAP && check_ok; fill++)
		check_fill(fill);
}

TEST(plain_is_the_definition)
{
	check_processor("plain");
}

TEST(avx2_is_the_definition)
{
	check_processor("avx2");
}

TEST(avx512_is_the_definition)
{
	check_processor("avx512");
}

/* Worked out by hand: a row of four pixels, read from half a pixel to the left. */
TEST(definition_by_hand)
{
	static const uint8_t row[4] = { 10, 20, 31, 50 };
	Transform transform = transform_none;
	uint8_t to[4];

	transform.affine[2] = -(1 << 19);
	transform_apply(&transform, FILL_CONSTANT, 7, 1, 4, 1, row, to);
	CHECK(to[0] == 7 && to[1] == 15 && to[2] == 26 && to[3] == 41, "%d %d %d %d", to[0], to[1], to[2], to[3]);
	transform_apply(&transform, FILL_WRAP, 0, 1, 4, 1, row, to);
	CHECK(to[0] == 41 && to[1] == 15, "%d %d", to[0], to[1]);
	transform.tone[0] = 2 << 16;
	transform.tone[1] = -(1 << 15);
	memcpy(transform.erase, (int32_t[5]){ -1, 2, 2, 1, 99 }, sizeof transform.erase);
	transform_apply(&transform, FILL_NEAREST, 0, 1, 4, 1, row, to);
	CHECK(to[0] == 20 && to[1] == 30 && to[2] == 99 && to[3] == 82, "%d %d %d %d", to[0], to[1], to[2], to[3]);
}

int
main(void)
{
	RUN(definition_by_hand);
	RUN(plain_is_the_definition);
	RUN(avx2_is_the_definition);
	RUN(avx512_is_the_definition);
	return check_done();
}
