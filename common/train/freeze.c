/* freeze.c: which stages of a plan learn no more. */
#include "train/freeze.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* @return how many; 0: they are no such list */
static uint32_t
read_shares(const char *text, double share[FREEZE_MOST])
{
	double least = 0;

	for (uint32_t i = 0; i < FREEZE_MOST; i++) {
		char *end;

		share[i] = strtod(text, &end);
		if (*text < '0' || *text > '9' || !(share[i] >= least && share[i] <= 1) || (*end && *end != ','))
			return 0;
		if (!*end)
			return i + 1;
		least = share[i];
		text = end + 1;
	}
	return 0;
}

const char *
freeze_expect(const char *text)
{
	double share[FREEZE_MOST];

	return strcmp(text, "none") == 0 || read_shares(text, share)
		       ? NULL
		       : "none, or up to 16 shares from 0 to 1 in ascending order, such as 0.5,0.8";
}

/* @return the stage behind those of so many layers with weights; 0 where that would leave none to learn */
static size_t
stage_after(const Net *net, uint32_t layers)
{
	size_t stage = 0;

	while (stage < net->stage_count && (!net->stages[stage].main || layers--))
		stage++;
	return stage < net->stage_count ? stage : 0;
}

Freeze
freeze_read(const char *text, const Net *net)
{
	Freeze freeze = { 0 };
	const uint32_t shares = read_shares(text, freeze.share);
	size_t stage;

	while (freeze.count < shares && (stage = stage_after(net, freeze.count + 1)))
		freeze.stages[freeze.count++] = (uint32_t)stage;
	return freeze;
}

uint32_t
freeze_at(const Freeze *freeze, double share)
{
	uint32_t i = freeze->count;

	while (i && share < freeze->share[i - 1])
		i--;
	return i ? freeze->stages[i - 1] : 0;
}
