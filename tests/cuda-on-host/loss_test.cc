/* Softmax, cross-entropy against smoothed and mixed targets, and the sums that people see, against the reference. */
#include "compare.h"
#include "loss.h"

struct Case {
	uint32_t n, classes;
	double smoothing;
	bool is_mixed, is_weighted;
	float size; /* of the logits: 1 is [-1, 1] */
};

/* Fewer and more samples than a block and than the summing one; classes less, equal and more than a warp. */
static const Case cases[] = {
	{ 1, 2, 0, false, false, 1 },	{ 3, 10, 0.1, false, true, 4 },	  { 7, 32, 0, true, false, 100 },
	{ 5, 33, 0.2, true, true, 2 },	{ 130, 3, 0.05, true, true, 9 },  { 301, 5, 0, false, true, 1 },
	{ 2, 1000, 0.1, true, true, 8 }, { 4, 1, 0, false, false, 1 },	  { 9, 10, 0, false, false, 1e4F },
	{ 700, 4, 0.1, true, true, 3 },
};

struct Stuff {
	Head head;
	Floats logits, lambda, weight;
	std::vector<int32_t> label_a, label_b;
};

static Stuff
stuff_of(const Case &test)
{
	Stuff stuff = {};

	stuff.head.is_mixed = test.is_mixed;
	stuff.head.is_weighted = test.is_weighted;
	stuff.logits = noises(static_cast<size_t>(test.n) * test.classes);
	for (float &logit : stuff.logits)
		logit *= test.size;
	for (uint32_t i = 0; i < test.n; i++) {
		stuff.label_a.push_back(static_cast<int32_t>(noise_bits() % test.classes));
		stuff.label_b.push_back(static_cast<int32_t>(noise_bits() % test.classes)); /* now and then the same one */
		stuff.lambda.push_back(fabsf(noise()));
		stuff.weight.push_back(noise() + 1);
	}
	return stuff;
}

static Loss
loss_of(const Case &test, Stuff *stuff)
{
	Loss loss = {};

	loss.n = test.n;
	loss.classes = test.classes;
	loss.smoothing = test.smoothing;
	loss.scale = 8;
	loss.record.head = &stuff->head;
	loss.record.label_a = stuff->label_a.data();
	loss.record.label_b = stuff->label_b.data();
	loss.record.lambda = stuff->lambda.data();
	loss.record.weight = stuff->weight.data();
	loss.logits = stuff->logits.data();
	return loss;
}

/* What the reference says, its derivatives times the loss's scale. */
struct Truth {
	StepSums sums;
	Floats dlogits;
};

static Truth
truth_of(const Case &test, const Stuff &stuff)
{
	Truth truth = { {}, Floats(stuff.logits.size()) };

	for (uint32_t i = 0; i < test.n; i++) {
		std::vector<double> target(test.classes, test.smoothing / test.classes);
		const double share = test.is_mixed ? static_cast<double>(stuff.lambda[i]) : 1;
		const double weight = test.is_weighted ? static_cast<double>(stuff.weight[i]) : 1;
		const float *logits = &stuff.logits[static_cast<size_t>(i) * test.classes];

		target[static_cast<size_t>(stuff.label_a[i])] += share * (1 - test.smoothing);
		target[static_cast<size_t>(stuff.label_b[i])] += (1 - share) * (1 - test.smoothing);
		truth.sums.loss += weight * ref_cross_entropy(test.classes, logits, target.data(), weight,
							      &truth.dlogits[static_cast<size_t>(i) * test.classes]);
		truth.sums.weight += weight;
		truth.sums.correct += ref_argmax(test.classes, logits) == static_cast<uint32_t>(stuff.label_a[i]);
	}
	for (float &value : truth.dlogits)
		value *= 8;
	return truth;
}

static void
check_loss(const Case &test)
{
	Stuff stuff = stuff_of(test);
	const Truth truth = truth_of(test, stuff);
	Loss loss = loss_of(test, &stuff);
	Buffer<float> dlogits(stuff.logits.size()), total(1);
	Buffer<double> sample(3 * static_cast<size_t>(test.n));
	DeviceSums sums = {};

	sums.count = 1;
	sums.each[STEPS_MOST - 1] = StepSums{ 5, 6, 7, 8 };

	loss.dlogits = dlogits.cells;
	loss.sample = sample.cells;
	loss.sums = &sums;
	loss.total_weight = total.cells;
	loss_fill(host_work, loss);
	CHECK(compare_wait() && sums.count == 2 && !sums.bad_step && !sums.each[0].n, "%u of %u", test.n, test.classes);
	const StepSums &step = sums.each[1];
	CHECK(fabs(step.loss - truth.sums.loss) <= 1e-12 * (1 + truth.sums.loss), "%u of %u: loss %.17g, not %.17g", test.n,
	      test.classes, step.loss, truth.sums.loss);
	CHECK(step.weight == truth.sums.weight && total.cells[0] == static_cast<float>(truth.sums.weight), "%g, not %g",
	      step.weight, truth.sums.weight);
	CHECK(step.correct == truth.sums.correct && step.n == test.n, "%g right, not %g", step.correct, truth.sums.correct);
	CHECK(worst(dlogits, truth.dlogits) <= 2e-7, "%u of %u: dlogits by %g", test.n, test.classes, worst(dlogits, truth.dlogits));
	sums.count = STEPS_MOST; /* the last takes in what has no place */
	loss_fill(host_work, loss);
	const StepSums &last = sums.each[STEPS_MOST - 1];
	CHECK(compare_wait() && sums.count == STEPS_MOST && last.loss == 5 + step.loss && last.weight == 6 + step.weight &&
	      last.correct == 7 + step.correct && last.n == 8 + test.n, "%u of %u: %g", test.n, test.classes, last.n);
}

TEST(losses)
{
	for (const Case &test : cases)
		if (check_ok)
			check_loss(test);
}

TEST(softmaxes)
{
	for (const Case &test : cases) {
		const Floats logits = stuff_of(test).logits;
		const Buffer<float> from(logits);
		Buffer<float> prob(logits.size());
		Floats truth(logits.size());

		loss_softmax(host_work, test.n, test.classes, from.cells, prob.cells);
		ref_softmax(test.n, test.classes, logits.data(), truth.data());
		CHECK(compare_wait() && worst(prob, truth) <= 1e-7, "%u of %u: by %g", test.n, test.classes, worst(prob, truth));
	}
}

/* One logit of one sample: the summed weight says so to every rank, and no other sample's derivative is touched. */
TEST(a_loss_that_is_no_number)
{
	const Case test = { 6, 4, 0, false, false, 1 };
	Stuff stuff = stuff_of(test);
	Loss loss = loss_of(test, &stuff);
	Buffer<float> dlogits(stuff.logits.size()), total(1);
	Buffer<double> sample(18);
	DeviceSums sums = {};

	stuff.logits[9] = NAN;
	loss.dlogits = dlogits.cells;
	loss.sample = sample.cells;
	loss.sums = &sums;
	loss.total_weight = total.cells;
	loss_fill(host_work, loss);
	CHECK(compare_wait() && isnan(total.cells[0]) && isnan(sums.each[0].loss) && sums.each[0].n == 6, "%g", sums.each[0].loss);
	for (uint32_t i = 0; i < 24; i++)
		CHECK(isnan(dlogits.cells[i]) == (i / 4 == 2), "%u: %g", i, static_cast<double>(dlogits.cells[i]));
}

static void
run(void)
{
	RUN(losses);
	RUN(softmaxes);
	RUN(a_loss_that_is_no_number);
}

int
main(void)
{
	return compare_main(run);
}
