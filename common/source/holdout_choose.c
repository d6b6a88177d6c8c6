/* source/holdout_choose.c: which samples are held out. */
#include "memory.h"
#include "random/philox.h"
#include "source/holdout.h"

#include <stdlib.h>

/* A sample, to be sorted by class and, within it, by its random key. */
typedef struct Candidate {
	int32_t label;
	uint64_t key;
	uint64_t position;
} Candidate;

/* A class's run of candidates. */
typedef struct Stratum {
	uint64_t begin, size;
	uint64_t quota;
	uint64_t remainder; /* of count * size / n */
	size_t order;	    /* by label, ascending */
} Stratum;

static int
compare_candidates(const void *left, const void *right)
{
	const Candidate *a = left, *b = right;

	if (a->label != b->label)
		return a->label < b->label ? -1 : 1;
	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	return a->position < b->position ? -1 : a->position > b->position;
}

static int
compare_remainders(const void *left, const void *right)
{
	const Stratum *a = left, *b = right;

	if (a->remainder != b->remainder)
		return a->remainder > b->remainder ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

static Candidate *
candidates_of(uint64_t seed, uint64_t n, const Ballot *ballots)
{
	Candidate *candidates = reallocarray(NULL, n, sizeof *candidates);
	RandomKey key = random_key(seed, "holdout");

	if (!candidates)
		return NULL;
	for (uint64_t i = 0; i < n; i++)
		candidates[i] = (Candidate){ ballots[i].label,
					      random_u64(random_words(key, 0, 0, (uint64_t)ballots[i].id)), i };
	qsort(candidates, n, sizeof *candidates, compare_candidates);
	return candidates;
}

/* Runs of equal labels; at most one for each class and one for those without. */
static size_t
strata_of(const Candidate *candidates, uint64_t n, Stratum **strata)
{
	size_t count = 0;

	*strata = NULL;
	for (uint64_t i = 0; i < n; i++) {
		if (!i || candidates[i].label != candidates[i - 1].label) {
			*strata = memory_grow(*strata, count + 1, sizeof **strata);
			(*strata)[count] = (Stratum){ .begin = i, .order = count };
			count++;
		}
		(*strata)[count - 1].size++;
	}
	return count;
}

/* Whole shares first; what is left goes to the largest remainders, one each. */
static void
share_out(Stratum *strata, size_t strata_count, uint64_t count, uint64_t n)
{
	uint64_t left = count;

	for (size_t i = 0; i < strata_count; i++) {
		unsigned __int128 product = (unsigned __int128)count * strata[i].size;

		strata[i].quota = (uint64_t)(product / n);
		strata[i].remainder = (uint64_t)(product % n);
		left -= strata[i].quota;
	}
	if (strata_count)
		qsort(strata, strata_count, sizeof *strata, compare_remainders);
	for (size_t i = 0; i < left; i++)
		strata[i].quota++;
}

Status
holdout_choose(uint64_t count, uint64_t seed, uint64_t n, Ballot *ballots)
{
	Candidate *candidates = n ? candidates_of(seed, n, ballots) : NULL;
	Stratum *strata;

	if (!n)
		return STATUS_OK;
	if (!candidates)
		return fail(STATUS_IO, "no memory to choose from %llu samples", (unsigned long long)n);
	size_t strata_count = strata_of(candidates, n, &strata);

	share_out(strata, strata_count, count, n);
	for (size_t i = 0; i < strata_count; i++)
		for (uint64_t j = 0; j < strata[i].size; j++)
			ballots[candidates[strata[i].begin + j].position].is_held = j < strata[i].quota;
	free(strata);
	free(candidates);
	return STATUS_OK;
}

enum { DECIMALS = 9 };

/* Digits with at most nine decimals, as billionths. */
static const char *
billionths_parse(const char *text, uint64_t *billionths)
{
	int decimals = -1;

	*billionths = 0;
	if (*text < '0' || *text > '9')
		return NULL;
	for (; (*text >= '0' && *text <= '9') || (*text == '.' && decimals < 0); text++) {
		if (*text == '.') {
			decimals = 0;
			continue;
		}
		if (*billionths > UINT64_MAX / 100 || (decimals >= 0 && ++decimals > DECIMALS))
			return NULL;
		*billionths = *billionths * 10 + (uint64_t)(*text - '0');
	}
	for (decimals = decimals < 0 ? 0 : decimals; decimals < DECIMALS; decimals++) {
		if (*billionths > UINT64_MAX / 10)
			return NULL;
		*billionths *= 10;
	}
	return text;
}

#define HUNDRED_PERCENT 100000000000ULL

const char *
holdout_parse(const char *text, Holdout *holdout)
{
	static const char expected[] = "a number of samples above 0, such as 5000, or a share of at most 100%, such as 10%";
	size_t length = strlen(text);
	const char *end;
	char *number_end;

	*holdout = (Holdout){ .is_share = length && text[length - 1] == '%' };
	if (holdout->is_share) {
		end = billionths_parse(text, &holdout->billionths_of_percent);
		bool is_fine = end == text + length - 1 && holdout->billionths_of_percent &&
			       holdout->billionths_of_percent <= HUNDRED_PERCENT;
		return is_fine ? NULL : expected;
	}
	holdout->count = strtoull(text, &number_end, 10);
	bool is_fine = *text >= '0' && *text <= '9' && !*number_end && holdout->count && holdout->count < UINT64_MAX;
	return is_fine ? NULL : expected;
}

uint64_t
holdout_bound(const Holdout *holdout, bool *is_all)
{
	*is_all = holdout->billionths_of_percent >= HUNDRED_PERCENT;
	if (*is_all)
		return UINT64_MAX;
	return (uint64_t)(((unsigned __int128)holdout->billionths_of_percent << 64) / HUNDRED_PERCENT);
}
