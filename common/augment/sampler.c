/* sampler.c: random words -> angles, shifts, factors -> the integers of a transform. */
#include "augment/sampler.h"

#include <math.h>

enum {
	COORDINATE_MOST = 2047, /* pixels: beyond them 32 bits of 2^-20 pixel wrap */
	ERASE_TRIES = 10,
};

static const double radians = 0x1.1df46a2529d39p-6; /* pi / 180 */

/* What the words of draws 0 to 2 say. */
typedef struct Draw {
	double angle, shift_x, shift_y; /* degrees; of width, of height */
	double shear;			/* sine, or degrees */
	double zoom_x, zoom_y;
	double brightness, contrast;
	bool is_flipped;
} Draw;

/* lo + (hi - lo) u for a range of this half width */
static double
draw_range(double middle, double half, uint32_t word)
{
	double low = middle - half, high = middle + half;

	return low + (high - low) * random_uniform(word);
}

/* In fractions of size pixels; -N to N whole ones have equal chances. */
static double
draw_shift(const Ranges *ranges, uint32_t size, uint32_t word)
{
	if (ranges->shift_pixels == 0)
		return draw_range(0, ranges->shift, word);
	return (floor((2 * ranges->shift_pixels + 1) * random_uniform(word)) - ranges->shift_pixels) / size;
}

/* What epoch 0 draws for a picture, the next one turns over, and so on: two epochs show it both ways. */
static bool
draw_flip(const Sampler *sampler, uint32_t epoch, uint64_t id, uint32_t word)
{
	if (sampler->ranges.flip_alternate)
		return (random_uniform(random_words(sampler->key, 1, 0, id).x[2]) < 0.5) != (epoch % 2 == 1);
	return sampler->ranges.flip && random_uniform(word) < 0.5;
}

/* Half up, wrapping in 32 bits as the coordinates do. */
static int32_t
fixed_point(double value, double unit)
{
	return (int32_t)(uint32_t)(int64_t)floor(value * unit + 0.5);
}

/* input = C R T S Z C^-1 output, flip folded in. */
static void
set_affine(const Sampler *sampler, const Draw *draw, int32_t affine[6])
{
	double middle_x = (sampler->w - 1) / 2.0, middle_y = (sampler->h - 1) / 2.0;
	double cosine = cos(draw->angle * radians), sine = sin(draw->angle * radians);
	bool in_degrees = sampler->ranges.shear_degrees != 0;
	double shear_sine = in_degrees ? sin(draw->shear * radians) : draw->shear;
	double shear_cosine = in_degrees ? cos(draw->shear * radians) : sqrt(1 - draw->shear * draw->shear);
	double shift_x = draw->shift_x * sampler->w, shift_y = draw->shift_y * sampler->h;
	/* S Z = [zx, -sin zy; 0, cos zy] */
	double a = cosine * draw->zoom_x;
	double b = -(cosine * shear_sine + sine * shear_cosine) * draw->zoom_y;
	double c = middle_x + cosine * shift_x - sine * shift_y - a * middle_x - b * middle_y;
	double d = sine * draw->zoom_x;
	double e = (cosine * shear_cosine - sine * shear_sine) * draw->zoom_y;
	double f = middle_y + sine * shift_x + cosine * shift_y - d * middle_x - e * middle_y;
	double flip = draw->is_flipped ? -1 : 1, far = draw->is_flipped ? sampler->w - 1 : 0;
	double values[6] = { flip * a, b, c + a * far, flip * d, e, f + d * far };

	for (int i = 0; i < 6; i++)
		affine[i] = fixed_point(values[i], 0x1p20);
}

/* Draw n of a try: the box's share of the area, the logarithm of its height over its width, its place. */
static bool
try_erase(const Sampler *sampler, RandomWords words, int32_t erase[5])
{
	double area = (0.02 + (0.33 - 0.02) * random_uniform(words.x[0])) * sampler->h * sampler->w;
	double aspect = exp(draw_range(0, log(3.3), words.x[1]));
	double height = floor(sqrt(area * aspect) + 0.5), width = floor(sqrt(area / aspect) + 0.5);

	if (height < 1 || width < 1 || height > sampler->h || width > sampler->w)
		return false;
	erase[0] = (int32_t)floor((sampler->h - height + 1) * random_uniform(words.x[2]));
	erase[1] = (int32_t)floor((sampler->w - width + 1) * random_uniform(words.x[3]));
	erase[2] = (int32_t)height;
	erase[3] = (int32_t)width;
	return true;
}

static void
draw_erase(const Sampler *sampler, uint32_t epoch, uint64_t id, RandomWords words, int32_t erase[5])
{
	if (!(random_uniform(words.x[1]) < sampler->ranges.erase))
		return;
	for (uint32_t try = 0; try < ERASE_TRIES; try++)
		if (try_erase(sampler, random_words(sampler->key, 3 + try, epoch, id), erase)) {
			erase[4] = (int32_t)floor(256 * random_uniform(words.x[2]));
			return;
		}
}

/* Brightness b, then contrast k about 127.5. */
static void
set_tone(const Draw *draw, int32_t tone[2])
{
	tone[0] = fixed_point(draw->contrast * draw->brightness, 0x1p16);
	tone[1] = fixed_point(127.5 * (1 - draw->contrast), 0x1p16);
}

void
sampler_draw(const Sampler *sampler, uint32_t epoch, uint64_t id, Transform *transform)
{
	const Ranges *ranges = &sampler->ranges;
	RandomWords place, shape, look;
	Draw draw;

	*transform = sampler->fixed;
	if (sampler->is_fixed)
		return;
	place = random_words(sampler->key, 0, epoch, id);
	shape = random_words(sampler->key, 1, epoch, id);
	look = random_words(sampler->key, 2, epoch, id);
	draw = (Draw){
		.angle = draw_range(0, ranges->rotation, place.x[0]),
		.shift_y = draw_shift(ranges, sampler->h, place.x[1]),
		.shift_x = draw_shift(ranges, sampler->w, place.x[2]),
		.shear = draw_range(0, ranges->shear_degrees != 0 ? ranges->shear_degrees : ranges->shear, place.x[3]),
		.zoom_x = draw_range(1, ranges->zoom, shape.x[0]),
		.zoom_y = draw_range(1, ranges->zoom, shape.x[1]),
		.is_flipped = draw_flip(sampler, epoch, id, shape.x[2]),
		.brightness = draw_range(1, ranges->brightness, shape.x[3]),
		.contrast = draw_range(1, ranges->contrast, look.x[0]),
	};
	set_affine(sampler, &draw, transform->affine);
	set_tone(&draw, transform->tone);
	draw_erase(sampler, epoch, id, look, transform->erase);
}

/* The farthest that a rotation of at most `degrees` can carry the point (along, across) along the first axis. */
static double
reach(double along, double across, double degrees)
{
	double best = atan2(across, along) / radians, angle = fmin(best, degrees) * radians;

	return along * cos(angle) + across * sin(angle);
}

static Status
check_reach(double pixels)
{
	if (pixels <= COORDINATE_MOST)
		return STATUS_OK;
	return fail(STATUS_USAGE, "these transforms can read %.0f pixels from a picture's corner, at most %d are possible; "
		    "ask for less rotation, zoom, shift or shear", pixels, COORDINATE_MOST);
}

Status
sampler_init(Sampler *sampler, const Ranges *ranges, uint64_t seed, uint32_t h, uint32_t w)
{
	double middle_x = (w - 1) / 2.0, middle_y = (h - 1) / 2.0, zoom = 1 + ranges->zoom;
	double slope = ranges->shear_degrees != 0 ? sin(fmin(ranges->shear_degrees, 90) * radians) : ranges->shear;
	double along = zoom * (middle_x + slope * middle_y) + ranges->shift * w + ranges->shift_pixels;
	double across = zoom * middle_y + ranges->shift * h + ranges->shift_pixels;
	Status status = check_reach(middle_x + reach(along, across, ranges->rotation));

	if (status == STATUS_OK)
		status = check_reach(middle_y + reach(across, along, ranges->rotation));
	*sampler = (Sampler){ .ranges = *ranges, .h = h, .w = w, .key = random_key(seed, "augment"),
			      .fixed = transform_none };
	return status;
}

/* The coordinate that the output pixel (x, y) reads on one axis. */
static double
coordinate(const double *row, double x, double y)
{
	return row[0] * x + row[1] * y + row[2];
}

Status
sampler_init_affine(Sampler *sampler, const double affine[6], uint32_t h, uint32_t w)
{
	double most = 0;

	*sampler = (Sampler){ .h = h, .w = w, .is_fixed = true, .fixed = transform_none };
	for (int axis = 0; axis < 2; axis++)
		for (int corner = 0; corner < 4; corner++)
			most = fmax(most, fabs(coordinate(affine + 3 * axis, corner & 1 ? w - 1 : 0, corner & 2 ? h - 1 : 0)));
	/* of a picture one pixel wide the corners say nothing about a; half of it, because two pixels can lie ±2,047 apart */
	for (int i = 0; i < 6; i++)
		most = fmax(most, fabs(affine[i]) / 2);
	if (!(most <= COORDINATE_MOST))
		return fail(STATUS_USAGE, "the affine map reads as far as pixel %.0f of pictures of %ux%u, at most ±%d is "
			    "possible", most, w, h, COORDINATE_MOST);
	for (int i = 0; i < 6; i++)
		sampler->fixed.affine[i] = fixed_point(affine[i], 0x1p20);
	return STATUS_OK;
}
