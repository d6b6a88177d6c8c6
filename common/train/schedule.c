/* schedule.c: learning rate, and with onecycle momentum, as functions of the share of the run that is over. */
#include "train/schedule.h"

#include <math.h>
#include <string.h>

static const double usual_momentum = 0.9;

/* onecycle: Smith and Topin, "Super-convergence", arXiv 1708.07120; PyTorch's OneCycleLR has the same extremes */
static const double warm_share = 0.2, first_divisor = 25, last_divisor = 250000;
static const double momentum_most = 0.95, momentum_least = 0.85;

ScheduleKind
schedule_from_name(const char *name)
{
	static const char *const names[] = { "constant", "step", "cosine", "onecycle" };
	int kind = SCHEDULE_ONECYCLE;

	while (kind > SCHEDULE_CONSTANT && strcmp(names[kind], name) != 0)
		kind--;
	return (ScheduleKind)kind;
}

/* from `from` to `to` along half a cosine; share: 0 … 1 */
static double
anneal(double from, double to, double share)
{
	return to + (from - to) * (1 + cos(M_PI * share)) / 2;
}

static double
step_factor(double share)
{
	return share < 0.5 ? 1 : share < 0.75 ? 0.1 : 0.01;
}

static void
set_onecycle(Hyper *hyper, double rate, double share)
{
	if (share < warm_share) {
		hyper->rate = anneal(rate / first_divisor, rate, share / warm_share);
		hyper->beta1 = anneal(momentum_most, momentum_least, share / warm_share);
		return;
	}
	share = (share - warm_share) / (1 - warm_share);
	hyper->rate = anneal(rate, rate / last_divisor, share);
	hyper->beta1 = anneal(momentum_least, momentum_most, share);
}

Hyper
schedule_hyper(const Schedule *schedule, uint64_t t)
{
	Hyper hyper = {
		.step = t + 1, .rate = schedule->rate, .beta1 = usual_momentum, .weight_decay = schedule->weight_decay,
	};
	double share = (double)t / (double)schedule->steps;

	hyper.frozen = freeze_at(&schedule->freeze, share);
	if (schedule->kind == SCHEDULE_STEP)
		hyper.rate *= step_factor(share);
	else if (schedule->kind == SCHEDULE_COSINE)
		hyper.rate = anneal(schedule->rate, 0, share);
	else if (schedule->kind == SCHEDULE_ONECYCLE)
		set_onecycle(&hyper, schedule->rate, share);
	return hyper;
}
