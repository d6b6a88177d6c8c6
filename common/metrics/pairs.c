/* pairs.c: which classes are taken for which. Errors are sorted, not looked up in the matrix, which many classes lack. */
#include "metrics/scores.h"
#include "metrics/sort.h"

#include <stdlib.h>

/* Keep the list sorted: a new pair goes behind those that are as frequent. @return the new length */
static int
insert(ConfusedPair *pairs, int count, int most, const ConfusedPair *pair)
{
	int place = count;

	while (place > 0 && pairs[place - 1].count < pair->count)
		place--;
	if (place == most)
		return count;
	for (int i = count < most ? count : most - 1; i > place; i--)
		pairs[i] = pairs[i - 1];
	pairs[place] = *pair;
	return count < most ? count + 1 : most;
}

Status
scores_confused_pairs(const Scores *scores, ConfusedPair *pairs, int most)
{
	uint64_t n = scores->kept.n - scores->correct;
	uint32_t *keys = malloc((n + 1) * sizeof *keys), *spare = malloc((n + 1) * sizeof *spare);
	int count = 0;

	if (keys && spare) {
		samples_errors(&scores->kept, keys);
		const uint32_t *sorted = sort_keys(keys, spare, n);
		for (uint64_t begin = 0, end; begin < n; begin = end) {
			for (end = begin; end < n && sorted[end] == sorted[begin]; end++)
				;
			ConfusedPair pair = {.actual = sorted[begin] >> 16, .predicted = sorted[begin] & 0xffff};
			pair.count = end - begin;
			pair.share = (double)pair.count / (double)scores->support[pair.actual];
			count = insert(pairs, count, most, &pair);
		}
	}
	Status status = keys && spare ? count : fail_errno("counting %llu errors", (unsigned long long)n);
	free(keys);
	free(spare);
	return status;
}
