/* source/idx_pairs.c: which of many files are the images and labels of which split. */
#include "source/idx_pairs.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static const char *const split_names[] = { [SPLIT_TRAIN] = "train", [SPLIT_TEST] = "test", [SPLIT_ALL] = "all", NULL };

const char *
split_name(Split split)
{
	return split_names[split];
}

Split
split_of_name(const char *name)
{
	Split split = SPLIT_TRAIN;

	while (name && split_names[split] && strcmp(split_names[split], name) != 0)
		split++;
	return name ? split : SPLIT_ANY;
}

/* Where the kind's word ("images", "labels") begins in a path that is of this kind, else NULL. */
static const char *
find_kind(const char *path, const char *word, const char *number, const char *other_number)
{
	const char *base = strrchr(path, '/');
	const char *at = strstr(base ? base : path, word);

	return at && (strstr(at, number) || strstr(at, other_number)) ? at : NULL;
}

static const char *
find_images(const char *path)
{
	return find_kind(path, "images", "idx3", "idx4");
}

static const char *
find_labels(const char *path)
{
	return find_kind(path, "labels", "idx1", "idx1");
}

/* Is it there as a word of its own? "training" and "latest" aren't splits. */
static bool
has_word(const char *text, size_t length, const char *word)
{
	size_t size = strlen(word);

	for (size_t i = 0; i + size <= length; i++) {
		bool begins = !i || !isalnum((unsigned char)text[i - 1]);
		bool ends = i + size == length || !isalnum((unsigned char)text[i + size]);

		if (begins && ends && !strncasecmp(text + i, word, size))
			return true;
	}
	return false;
}

Split
split_of_path(const char *stem, size_t length)
{
	if (has_word(stem, length, "train"))
		return SPLIT_TRAIN;
	return has_word(stem, length, "test") || has_word(stem, length, "t10k") ? SPLIT_TEST : SPLIT_ANY;
}

static size_t
labels_of(size_t count, char *const *paths, const char *stem, size_t length)
{
	for (size_t i = 0; i < count; i++) {
		const char *labels = find_labels(paths[i]);

		if (labels && (size_t)(labels - paths[i]) == length && !strncmp(paths[i], stem, length))
			return i;
	}
	return NO_FILE;
}

static bool
is_same_stem(const char *path, const char *stem, size_t length)
{
	const char *images = find_images(path);

	return (size_t)(images - path) == length && !strncmp(path, stem, length);
}

Status
idx_pairs_find(const char *name, size_t count, char *const *paths, IdxPair pairs[static 4])
{
	for (size_t i = 0; i < 4; i++)
		pairs[i] = (IdxPair){ NO_FILE, NO_FILE };
	for (size_t i = 0; i < count; i++) {
		const char *images = find_images(paths[i]);

		if (!images)
			continue;
		size_t length = (size_t)(images - paths[i]);
		IdxPair *pair = &pairs[split_of_path(paths[i], length)];

		if (pair->images == NO_FILE)
			*pair = (IdxPair){ i, labels_of(count, paths, paths[i], length) };
		else if (!is_same_stem(paths[pair->images], paths[i], length))
			return fail(STATUS_INPUT, "%s: more than one data set in it: %s and %s; give the files of one", name,
				    paths[pair->images], paths[i]);
	}
	return STATUS_OK;
}
