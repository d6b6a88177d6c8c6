/* mix.c: lambda, boxes, pixels. */
#include "train/mix.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BETA_TRIES = 64, UNIT = 1 << 16 };

static size_t
picture_size(const Mix *mix)
{
	return (size_t)mix->input.h * mix->input.w * mix->input.c;
}

Status
mix_open(Mix *mix, double mixup, double cutmix, uint64_t seed, Shape input, const Feed *feed)
{
	*mix = (Mix){
		.mixup = mixup, .cutmix = cutmix, .input = input, .feed = *feed,
		.mixup_key = random_key(seed, "mixup"), .cutmix_key = random_key(seed, "cutmix"),
	};
	mix->first = malloc(picture_size(mix));
	return mix->first ? STATUS_OK : fail_errno("memory for a picture");
}

void
mix_close(Mix *mix)
{
	free(mix->first);
	*mix = (Mix){ 0 };
}

double
mix_beta(RandomKey key, double alpha, uint32_t epoch, uint64_t id)
{
	for (uint32_t try = 0; try < BETA_TRIES; try++) {
		RandomWords words = random_words(key, try, epoch, id);
		/* 1 - u is never 0; in logarithms, because powers vanish where alpha is small */
		double x = log(1 - random_uniform(words.x[0])) / alpha, y = log(1 - random_uniform(words.x[1])) / alpha;

		if (exp(x) + exp(y) <= 1)
			return 1 / (1 + exp(y - x));
	}
	return 1;
}

/* levels: lambda of the one, 1 - lambda of the other, lambda in 2^-16. @return lambda */
static float
blend(const Mix *mix, uint8_t *picture, const uint8_t *other, uint32_t epoch, uint64_t id)
{
	uint32_t share = (uint32_t)floor(mix_beta(mix->mixup_key, mix->mixup, epoch, id) * UNIT + 0.5);
	size_t size = picture_size(mix);

	for (size_t i = 0; i < size; i++)
		picture[i] = (uint8_t)((picture[i] * share + other[i] * (UNIT - share) + UNIT / 2) / UNIT);
	return (float)share / UNIT;
}

/* A side of a box and where it lies on its axis: about a centre, and cut off at the border. */
typedef struct Span {
	uint32_t begin, end;
} Span;

static Span
draw_span(uint32_t size, double side_share, double u)
{
	int64_t side = (int64_t)floor(size * side_share + 0.5), begin = (int64_t)floor(size * u) - side / 2;
	int64_t end = begin + side;

	return (Span){ .begin = begin < 0 ? 0 : (uint32_t)begin, .end = end > size ? size : (uint32_t)end };
}

/* the other's box in the picture; its area is a uniform share before the border cuts it. @return what is left of 1 */
static float
cut(const Mix *mix, uint8_t *picture, const uint8_t *other, RandomWords words)
{
	const Shape *input = &mix->input;
	double side = sqrt(random_uniform(words.x[1]));
	Span y = draw_span(input->h, side, random_uniform(words.x[2])), x = draw_span(input->w, side, random_uniform(words.x[3]));
	size_t row = (size_t)input->w * input->c, begin = (size_t)x.begin * input->c, length = (size_t)(x.end - x.begin) * input->c;
	double area = (double)(y.end - y.begin) * (x.end - x.begin);

	for (uint32_t at = y.begin; at < y.end; at++)
		memcpy(picture + at * row + begin, other + at * row + begin, length);
	return (float)(1 - area / ((double)input->h * input->w));
}

/* @return lambda */
static float
mix_picture(const Mix *mix, uint8_t *picture, const uint8_t *other, uint32_t epoch, uint64_t id)
{
	RandomWords words = random_words(mix->cutmix_key, 0, epoch, id);

	if (random_uniform(words.x[0]) < mix->cutmix)
		return cut(mix, picture, other, words);
	return mix->mixup > 0 ? blend(mix, picture, other, epoch, id) : 1;
}

/* in order, so that a sample's partner is still as it was; the last one's is the first, which was put aside */
Status
mix_fill(void *context, Slot *slot)
{
	Mix *mix = context;
	size_t size = picture_size(mix);
	Status status = mix->feed.fill(mix->feed.context, slot);

	if (status <= 0)
		return status;
	memcpy(mix->first, slot->pixels, size);
	for (uint64_t i = 0; i < slot->n; i++) {
		bool is_last = i + 1 == slot->n;
		uint8_t *picture = slot->pixels + i * size;

		slot->label_b[i] = slot->labels[is_last ? 0 : i + 1];
		slot->lambda[i] = mix_picture(mix, picture, is_last ? mix->first : picture + size, (uint32_t)slot->epoch,
					      (uint64_t)slot->ids[i]);
	}
	return status;
}
