/* Batch norm's statistics and derivatives from partial sums, and the sums of parts: few and many, of every width, in any order. */
#include "compare.h"
#include "norm.h"
#include "partial.h"

/* Channels in and out of fours; tiles fewer than slots, more than four a thread, one more than a round of loads. */
static const uint32_t channel_counts[] = { 1, 3, 4, 33 };
static const uint32_t tile_counts[] = { 1, 2, 7, 8, 9, 64, 65, 257, 2049 };

enum { TILE = 8 };

/* ---- statistics ---- */

/* Numbers far from 0, whose squares would cancel in fp32, and every channel at another place. */
static Floats
values_of(uint32_t rows, uint32_t c)
{
	Floats values = noises(static_cast<size_t>(rows) * c);

	for (size_t i = 0; i < values.size(); i++)
		values[i] += 64 * static_cast<float>(1 + i % c);
	return values;
}

/* Mean and sum of squares about it, of each tile. */
static std::vector<float2>
moments_of(const Floats &y, uint32_t rows, uint32_t tile_rows, uint32_t c)
{
	std::vector<float2> moments;

	for (uint32_t first = 0; first < rows; first += tile_rows)
		for (uint32_t k = 0; k < c; k++) {
			const uint32_t end = rows - first < tile_rows ? rows : first + tile_rows;
			double mean = 0, squares = 0;

			for (uint32_t row = first; row < end; row++)
				mean += static_cast<double>(y[static_cast<size_t>(row) * c + k]) / (end - first);
			for (uint32_t row = first; row < end; row++)
				squares += pow(static_cast<double>(y[static_cast<size_t>(row) * c + k]) - mean, 2);
			moments.push_back(make_float2(static_cast<float>(mean), static_cast<float>(squares)));
		}
	return moments;
}

static Floats
firsts(const std::vector<float2> &pairs)
{
	Floats values;

	for (const float2 &pair : pairs)
		values.push_back(pair.x);
	return values;
}

/* Where a Norm's numbers come to lie, and what they are made with. */
struct Made {
	Buffer<float> gamma, beta, bias, scale, shift, mean, inverse, batch_mean, variance;

	explicit Made(uint32_t c)
		: gamma(noises(c)), beta(noises(c)), bias(noises(c)), scale(c), shift(c), mean(c), inverse(c), batch_mean(c), variance(c)
	{
	}
	Norm
	norm(void) const
	{
		return Norm{ gamma.cells, beta.cells,	 bias.cells,	   scale.cells,	  shift.cells,
			     mean.cells,  inverse.cells, batch_mean.cells, variance.cells };
	}
};

/* What was made of y's rows, against the mean and the variance of all of them at once. */
static void
compare_statistics(const Made &made, const Floats &y, uint32_t rows, uint32_t c)
{
	const std::vector<float2> all = moments_of(y, rows, rows, c);
	Floats batch_mean, variance, inverse, scale, shift;

	CHECK(compare_wait(), "%u rows of %u", rows, c);
	for (uint32_t k = 0; k < c; k++) {
		const double square = static_cast<double>(all[k].y) / rows, factor = 1 / sqrt(square + 1e-3);

		batch_mean.push_back(all[k].x + made.bias.cells[k]);
		variance.push_back(static_cast<float>(rows > 1 ? square * rows / (rows - 1) : square));
		inverse.push_back(static_cast<float>(factor));
		scale.push_back(static_cast<float>(made.gamma.cells[k] * factor));
		shift.push_back(static_cast<float>(made.beta.cells[k] - static_cast<double>(all[k].x) * made.gamma.cells[k] * factor));
	}
	CHECK(worst(made.mean, firsts(all)) <= 1e-6, "%u rows of %u: mean by %g", rows, c, worst(made.mean, firsts(all)));
	CHECK(worst(made.batch_mean, batch_mean) <= 1e-6, "%u rows of %u: with bias by %g", rows, c, worst(made.batch_mean, batch_mean));
	CHECK(worst(made.variance, variance) <= 1e-3, "%u rows of %u: variance by %g", rows, c, worst(made.variance, variance));
	CHECK(worst(made.scale, scale) <= 2e-3, "%u rows of %u: scale by %g", rows, c, worst(made.scale, scale));
	CHECK(worst(made.inverse, inverse) <= 2e-3, "%u rows of %u: inverse by %g", rows, c, worst(made.inverse, inverse));
	CHECK(worst(made.shift, shift) <= 4e-3, "%u rows of %u: shift by %g", rows, c, worst(made.shift, shift));
}

static void
check_finish(const Floats &y, uint32_t rows, uint32_t c)
{
	const std::vector<float2> tiles = moments_of(y, rows, TILE, c);
	const Made made(c);
	Buffer<float2> partial(tiles.size());

	buffer_put(partial, tiles.data());
	norm_finish(host_work, rows, TILE, c, partial.cells, made.norm());
	compare_statistics(made, y, rows, c);
}

TEST(statistics)
{
	for (const uint32_t c : channel_counts)
		for (const uint32_t tiles : tile_counts)
			for (const uint32_t last : { 1, static_cast<int>(TILE) }) {
				const uint32_t rows = (tiles - 1) * TILE + last;

				if (check_ok)
					check_finish(values_of(rows, c), rows, c);
			}
}

template <typename Y>
static void
check_moments(void)
{
	for (const uint32_t c : channel_counts)
		for (const uint32_t rows : { 1, 31, 32, 33, 255, 256, 257, 700 }) {
			Floats y = noises(static_cast<size_t>(rows) * c);
			const uint32_t tiles = (rows + MOMENT_ROWS - 1) / MOMENT_ROWS;
			const Buffer<Y> cells(y);
			Buffer<float2> partial(static_cast<size_t>(tiles) * c);

			norm_moments(host_work, rows, c, cells.cells, partial.cells);
			CHECK(compare_wait(), "%u rows of %u", rows, c);
			const std::vector<float2> right = moments_of(y, rows, MOMENT_ROWS, c);
			for (size_t i = 0; i < right.size() && check_ok; i++)
				CHECK(fabsf(partial.cells[i].x - right[i].x) <= 1e-6F &&
					      fabsf(partial.cells[i].y - right[i].y) <= 1e-6F * (1 + right[i].y),
				      "%u rows of %u: (%g, %g), not (%g, %g)", rows, c, static_cast<double>(partial.cells[i].x),
				      static_cast<double>(partial.cells[i].y), static_cast<double>(right[i].x),
				      static_cast<double>(right[i].y));
		}
}

/* By one kernel, and by two. */
template <typename Y>
static void
check_statistics(void)
{
	for (const uint32_t c : channel_counts)
		for (const uint32_t rows : { 1, 2, 33, 257, 600, static_cast<int>(FEW_ROWS), FEW_ROWS + 1 }) {
			const Floats y = noises(static_cast<size_t>(rows) * c);
			const Made made(c);
			const Buffer<Y> cells(y);
			Buffer<float2> partial(static_cast<size_t>((rows + MOMENT_ROWS - 1) / MOMENT_ROWS) * c);

			norm_statistics(host_work, rows, c, cells.cells, partial.cells, made.norm());
			if (check_ok)
				compare_statistics(made, y, rows, c);
		}
}

/* ---- derivatives ---- */

static void
check_derivatives(uint32_t tiles, uint32_t c, bool has_norm)
{
	const uint32_t rows = tiles * TILE;
	const Floats pairs = noises(static_cast<size_t>(tiles) * c * 2);
	const Buffer<float> partial(pairs), gamma(noises(c)), inverse(noises(c));
	Buffer<float> dgamma(c), dbeta(c), a(c), b(c), shift(c);
	const NormDerivatives norm = { has_norm ? gamma.cells : nullptr, inverse.cells, dgamma.cells, dbeta.cells, a.cells, b.cells,
				       shift.cells, 4 };
	Floats right_gamma, right_beta, right_a, right_b, right_shift;

	norm_derivatives(host_work, rows, tiles, c, reinterpret_cast<const float2 *>(partial.cells), norm);
	CHECK(compare_wait(), "%u tiles of %u", tiles, c);
	for (uint32_t k = 0; k < c; k++) {
		double first = 0, second = 0;

		for (uint32_t tile = 0; tile < tiles; tile++) {
			first += static_cast<double>(pairs[2 * (static_cast<size_t>(tile) * c + k)]);
			second += static_cast<double>(pairs[2 * (static_cast<size_t>(tile) * c + k) + 1]);
		}
		const double each = static_cast<double>(gamma.cells[k]) * inverse.cells[k];
		right_beta.push_back(static_cast<float>(first / 4));
		right_gamma.push_back(static_cast<float>(second / 4));
		right_a.push_back(static_cast<float>(each));
		right_b.push_back(static_cast<float>(-each * inverse.cells[k] * second / rows));
		right_shift.push_back(static_cast<float>(-each * first / rows));
	}
	CHECK(worst(dbeta, right_beta) <= 1e-7, "%u tiles of %u: dbeta by %g", tiles, c, worst(dbeta, right_beta));
	if (!has_norm)
		return;
	CHECK(worst(dgamma, right_gamma) <= 1e-7, "%u tiles of %u: dgamma by %g", tiles, c, worst(dgamma, right_gamma));
	CHECK(worst(a, right_a) <= 1e-7 && worst(b, right_b) <= 1e-7 && worst(shift, right_shift) <= 1e-7, "%u tiles of %u", tiles, c);
}

TEST(derivatives)
{
	for (const uint32_t c : channel_counts)
		for (const uint32_t tiles : tile_counts) {
			if (check_ok)
				check_derivatives(tiles, c, true);
			if (check_ok)
				check_derivatives(tiles, c, false);
		}
}

/* ---- parts ---- */

/* Eighths, so that sums in floats are exact; beyond `to` nothing is written. */
template <typename Sum>
static void
check_parts(uint32_t count, uint32_t parts)
{
	const Floats values = noises(static_cast<size_t>(count) * parts), guard = { 7, 7, 7, 7 };
	const Buffer<float> partial(values);
	Buffer<float> to(count + guard.size() + 1);
	Floats right(count);

	for (uint32_t part = 0; part < parts; part++)
		for (uint32_t i = 0; i < count; i++)
			right[i] += values[static_cast<size_t>(part) * count + i] / 4;
	for (size_t i = 0; i < guard.size(); i++)
		to.cells[1 + count + i] = guard[i];
	/* a tensor of the gradient lies where it comes to lie */
	partial_add<Sum>(host_work, count, parts, partial.cells, 0.25F, to.cells + 1);
	CHECK(compare_wait(), "%u parts of %u", parts, count);
	for (uint32_t i = 0; i < count; i++)
		CHECK(to.cells[1 + i] == right[i], "%u parts of %u: %u is %g, not %g", parts, count, i,
		      static_cast<double>(to.cells[1 + i]), static_cast<double>(right[i]));
	for (size_t i = 0; i < guard.size(); i++)
		CHECK(to.cells[1 + count + i] == guard[i], "%u parts of %u: written beyond its end", parts, count);
}

TEST(parts)
{
	for (const uint32_t count : { 1, 3, 4, 6, 9, 16, 68, 513, 2048, 8256 })
		for (const uint32_t parts : { 1, 2, 15, 16, 17, 65, 300 }) {
			if (check_ok)
				check_parts<float>(count, parts);
			if (check_ok && count < 100)
				check_parts<double>(count, parts);
		}
}

static void
run(void)
{
	RUN(statistics);
	RUN_KINDS(check_moments);
	RUN_KINDS(check_statistics);
	RUN(derivatives);
	RUN(parts);
}

int
main(void)
{
	return compare_main(run);
}
