/* Dropout's kernels: the same units as random_words says, none beyond the last, and what is dropped. */
#include "kernels/guard.h"
#include "unit/check.h"

enum { ROUNDS = 60, MOST = 200 };

static const KernelTable *kernels;

static uint32_t
word(void)
{
	return noise(1u << 16) << 16 | noise(1u << 16);
}

static void
check_draw(uint32_t count)
{
	const RandomKey key = { word(), word() };
	const uint32_t epoch = noise(1000), first = 4 * noise(100), threshold = word();
	const uint64_t id = (uint64_t)word() << 32 | word();
	Guarded keep = guarded(count);

	kernels->draw(key, epoch, id, threshold, first, count, keep.data);
	for (uint32_t i = 0; i < count; i++) {
		const uint32_t unit = first + i, wanted = random_words(key, unit / 4, epoch, id).x[unit % 4] >= threshold;
		CHECK(((uint8_t *)keep.data)[i] == wanted, "%s: unit %u is %d", kernels->name, unit, ((uint8_t *)keep.data)[i]);
	}
	guarded_release(&keep);
}

static void
check_drop(uint32_t count)
{
	Guarded keep = guarded(count), z = guarded(count * sizeof(float));
	float *values = z.data, before[MOST];

	for (uint32_t i = 0; i < count; i++) {
		((uint8_t *)keep.data)[i] = (uint8_t)noise(2);
		before[i] = noise_value();
		if (((uint8_t *)keep.data)[i])
			values[i] = before[i]; /* what is dropped may be NaN */
	}
	kernels->drop(count, keep.data, 1.25f, values);
	for (uint32_t i = 0; i < count; i++) {
		const float wanted = ((uint8_t *)keep.data)[i] ? before[i] * 1.25f : 0;
		CHECK(values[i] == wanted, "%s: %u of %u is %g, not %g", kernels->name, i, count, (double)values[i], (double)wanted);
	}
	guarded_release(&keep);
	guarded_release(&z);
}

TEST(draw)
{
	for (int i = 0; i < ROUNDS && check_ok; i++)
		check_draw(1 + noise(i % 2 ? 70 : 300));
}

TEST(drop)
{
	for (int i = 0; i < ROUNDS && check_ok; i++)
		check_drop(1 + noise(MOST));
}

int
main(void)
{
	for (int i = 0; i < KERNEL_NAMES; i++) {
		kernels = kernels_named(kernel_names[i]);
		if (!kernels) {
			printf("# not on this machine: %s\n", status_message());
			continue;
		}
		printf("# %s\n", kernels->name);
		RUN(draw);
		RUN(drop);
	}
	return check_done();
}
