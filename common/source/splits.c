/* source/splits.c */
#include "source/splits.h"

#include "source/chain.h"

/* @param asked  by the user, who may have wanted both; SPLIT_ANY: nothing */
static Status
fail_split(const Splits *splits, Split split, Split asked)
{
	Split other = split == SPLIT_TRAIN ? SPLIT_TEST : SPLIT_TRAIN;

	if (splits->has(splits->place, other))
		return fail(STATUS_USAGE, "%s has no %s of the split %s; it has those of --split %s", splits->name, splits->what,
			    split_name(split), split_name(other));
	return fail(STATUS_USAGE, "--split %s: %s has no splits", split_name(asked == SPLIT_ANY ? split : asked),
		    splits->name);
}

static Status
open_split(const Splits *splits, Split split, Split asked, int64_t first_id, Source *source)
{
	if (!splits->has(splits->place, split))
		return fail_split(splits, split, asked);
	return splits->open(splits->place, split, first_id, source);
}

static Status
open_both(const Splits *splits, Source *source)
{
	Source train, test;
	Status status = open_split(splits, SPLIT_TRAIN, SPLIT_ALL, 0, &train);

	if (status < 0)
		return status;
	if ((status = open_split(splits, SPLIT_TEST, SPLIT_ALL, TEST_ID_FIRST, &test)) < 0)
		source_close(&train);
	else
		status = chain_open(source, &train, &test);
	return status;
}

Status
splits_open(const Splits *splits, Split *split, Source *source)
{
	const Split asked = *split;
	bool has_splits = splits->has(splits->place, SPLIT_TRAIN) || splits->has(splits->place, SPLIT_TEST);
	bool is_plain = asked == SPLIT_ANY ? !splits->has(splits->place, SPLIT_TRAIN) : asked == SPLIT_ALL && !has_splits;

	/* all of what has no splits is what there is */
	if (is_plain && splits->has(splits->place, SPLIT_ANY)) {
		*split = SPLIT_ANY;
		return splits->open(splits->place, SPLIT_ANY, 0, source);
	}
	*split = asked == SPLIT_ANY ? SPLIT_TRAIN : asked;
	return asked == SPLIT_ALL ? open_both(splits, source) : open_split(splits, *split, asked, 0, source);
}
