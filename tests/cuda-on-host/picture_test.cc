/* From pixels to the network's first numbers, sent or held, as they are or through each sample's transform: the transform
 * equal to pixel/transform.h's, the normalisation to the reference's. */
#include "compare.h"
#include "picture.h"

extern "C" {
#include "pixel/transform.h"
}

struct Case {
	uint32_t n, h, w, c;
};

static const Case cases[] = { { 5, 7, 9, 1 }, { 3, 1, 6, 3 }, { 6, 13, 1, 2 }, { 2, 28, 28, 1 }, { 9, 8, 5, 16 }, { 1, 1, 1, 4 } };

static Net net;

static int32_t
bits_up_to(int32_t most)
{
	return static_cast<int32_t>(noise_bits() % (2 * static_cast<uint32_t>(most) + 1)) - most;
}

/* Usual ones, and some whose numbers are hostile. */
static Transform
some_transform(uint32_t i)
{
	const int32_t one = 1 << 20;
	Transform transform = { { one + bits_up_to(one / 2), bits_up_to(one / 2), bits_up_to(8 * one), bits_up_to(one / 2),
				  one + bits_up_to(one / 2), bits_up_to(8 * one) },
				{ 65536 + bits_up_to(65536), bits_up_to(64 << 16) },
				{ bits_up_to(6), bits_up_to(6), bits_up_to(9), bits_up_to(9), bits_up_to(300) } };

	if (i % 3 == 2)
		for (int32_t *number : { transform.affine, transform.affine + 1, transform.affine + 2, transform.affine + 4, transform.tone,
					 transform.erase, transform.erase + 2 })
			*number = bits_up_to(INT32_MAX / 2) * 2;
	return i % 3 == 1 ? transform_none : transform;
}

/* A batch of pictures, some of them twice among the held ones, and what becomes of them. */
struct Stuff {
	Head head;
	std::vector<uint8_t> held, pixels, moved;
	std::vector<int64_t> row;
	std::vector<int32_t> affine, tone, erase;
};

static Stuff
stuff_of(const Case &test, Fill fill)
{
	const size_t picture = static_cast<size_t>(test.h) * test.w * test.c;
	Stuff stuff = {};

	stuff.head.fill = static_cast<uint8_t>(fill);
	stuff.head.fill_value = 201;
	for (size_t i = 0; i < 2 * test.n * picture; i++)
		stuff.held.push_back(static_cast<uint8_t>(noise_bits()));
	stuff.moved.resize(test.n * picture);
	for (uint32_t i = 0; i < test.n; i++) {
		const Transform transform = some_transform(i + static_cast<uint32_t>(fill));
		const uint32_t row = noise_bits() % (2 * test.n);
		const uint8_t *from = &stuff.held[row * picture];

		stuff.row.push_back(row);
		stuff.pixels.insert(stuff.pixels.end(), from, from + picture);
		transform_apply(&transform, fill, 201, test.h, test.w, test.c, from, &stuff.moved[i * picture]);
		stuff.affine.insert(stuff.affine.end(), transform.affine, transform.affine + 6);
		stuff.tone.insert(stuff.tone.end(), transform.tone, transform.tone + 2);
		stuff.erase.insert(stuff.erase.end(), transform.erase, transform.erase + 5);
	}
	stuff.head.held = stuff.held.data();
	return stuff;
}

static Record
record_of(Stuff *stuff)
{
	Record record = {};

	record.head = &stuff->head;
	record.row = stuff->row.data();
	record.affine = stuff->affine.data();
	record.tone = stuff->tone.data();
	record.erase = stuff->erase.data();
	record.pixels = stuff->pixels.data();
	return record;
}

template <typename Cell>
static void
check_pictures(const Case &test, Fill fill)
{
	const Shape shape = { test.h, test.w, test.c, false };
	Stuff stuff = stuff_of(test, fill);
	Normal normal = {};

	for (uint32_t k = 0; k < test.c; k++) {
		normal.scale[k] = net.scale[k] = static_cast<float>(k + 1) / 255;
		normal.shift[k] = net.shift[k] = static_cast<float>(k) / -8;
	}
	net.input = shape;
	for (int way = 0; way < 4; way++) {
		const bool is_held = way & 1, is_moved = way & 2;
		const std::vector<uint8_t> &pixels = is_moved ? stuff.moved : stuff.pixels;
		Buffer<Cell> x(pixels.size());
		Floats truth(pixels.size());

		picture_fill(host_work, record_of(&stuff), test.n, shape, normal, is_held, is_moved, x.cells);
		ref_normalise(&net, pixels.size(), pixels.data(), truth.data());
		CHECK(compare_wait(), "%ux%ux%u", test.h, test.w, test.c);
		/* a grey level is 1 / 255: floats and halves tell it from its neighbour, bfloats hardly */
		CHECK(worst(x, truth) <= tolerance<Cell>(), "%ux%ux%u, fill %s, held %d, moved %d: by %g", test.h, test.w, test.c,
		      fill_names[fill], is_held, is_moved, worst(x, truth));
	}
}

template <typename Cell>
static void
check_all(void)
{
	for (const Case &test : cases)
		for (int fill = 0; fill < FILL_COUNT; fill++)
			if (check_ok)
				check_pictures<Cell>(test, static_cast<Fill>(fill));
}

int
main(void)
{
	return compare_main([] { RUN_KINDS(check_all); });
}
