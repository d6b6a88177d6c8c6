/* source/picture_names.c */
#include "source/picture_names.h"

#include "json/utf8.h"
#include "memory.h"
#include "source/samples.h"

#include <strings.h>

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

bool
is_picture_name(const char *base)
{
	static const char *const suffixes[] = { "png", "jpg", "jpeg", "jpe", "jfif", "webp", "gif", "tif", "tiff", "bmp",
						"pgm", "ppm", "pbm", "pnm", NULL };
	const char *dot = strrchr(base, '.');

	for (const char *const *suffix = suffixes; dot && *suffix; suffix++)
		if (!strcasecmp(dot + 1, *suffix))
			return true;
	return false;
}

bool
is_picture_start(const uint8_t *start, size_t size)
{
	static const struct {
		const char *bytes;
		size_t length;
	} magics[] = { { "\x89PNG", 4 }, { "\xff\xd8\xff", 3 }, { "GIF8", 4 }, { "II*\0", 4 }, { "MM\0*", 4 }, { "BM", 2 } };

	for (size_t i = 0; i < sizeof magics / sizeof *magics; i++)
		if (size >= magics[i].length && !memcmp(start, magics[i].bytes, magics[i].length))
			return true;
	if (size >= 12 && !memcmp(start, "RIFF", 4) && !memcmp(start + 8, "WEBP", 4))
		return true;
	return size >= 3 && start[0] == 'P' && start[1] >= '1' && start[1] <= '6' &&
	       (start[2] == ' ' || (start[2] >= '\t' && start[2] <= '\r'));
}

/* ---- parts of a path ---- */

static const char *
skip_dots(const char *path)
{
	while (path[0] == '.' && path[1] == '/')
		path += 2;
	return path;
}

/* What follows the first part; NULL: there is only one. */
static const char *
below(const char *path)
{
	const char *slash = strchr(path, '/');

	return slash ? slash + 1 : NULL;
}

static bool
is_part(const char *path, const char *name)
{
	size_t length = strlen(name);

	return !strncmp(path, name, length) && path[length] == '/';
}

/* Length of the folder that holds all pictures, and no picture itself; 0: there is none. */
static size_t
shed_length(const PictureNames *names, char *const *paths)
{
	const char *first = names->count ? skip_dots(paths[names->pictures[0].file]) : "";
	size_t length = strcspn(first, "/") + 1;

	if (is_part(first, "train") || is_part(first, "test"))
		return 0;
	for (size_t i = 0; i < names->count; i++) {
		const char *path = skip_dots(paths[names->pictures[i].file]);
		const char *rest = below(path);

		if (!rest || strncmp(path, first, length) != 0 || !below(rest))
			return 0;
	}
	return names->count ? length : 0;
}

static Status
find_splits(PictureNames *names, const char *place, char *const *paths, size_t shed)
{
	size_t beside = NO_FILE, within = NO_FILE;

	for (size_t i = 0; i < names->count; i++) {
		PictureName *picture = &names->pictures[i];
		const char *path = skip_dots(paths[picture->file]) + shed;

		picture->split = is_part(path, "train") ? SPLIT_TRAIN : is_part(path, "test") ? SPLIT_TEST : SPLIT_ANY;
		*(picture->split == SPLIT_ANY ? &beside : &within) = picture->file;
	}
	if (beside != NO_FILE && within != NO_FILE)
		return fail(STATUS_INPUT, "%s: train/ and test/ are splits, and %s lies beside them (%s doesn't); move it, or give the "
			    "folder of a split", place, paths[beside], paths[within]);
	return STATUS_OK;
}

/* ---- classes ---- */

typedef struct Piece {
	const char *text;
	size_t length;
} Piece;

static int
compare_pieces(const void *left, const void *right)
{
	const Piece *a = left, *b = right;
	int order = memcmp(a->text, b->text, a->length < b->length ? a->length : b->length);

	return order ? order : a->length < b->length ? -1 : a->length > b->length;
}

/* The part of a picture's path that names its class; length 0: none. */
static Piece
class_of(const PictureName *picture, char *const *paths, size_t shed)
{
	const char *path = skip_dots(paths[picture->file]) + shed;

	if (picture->split != SPLIT_ANY)
		path = below(path);
	return (Piece){ path, strchr(path, '/') ? strcspn(path, "/") : 0 };
}

static void
find_classes(PictureNames *names, char *const *paths, size_t shed)
{
	Piece *parts = memory_zeroed(names->count, sizeof *parts);
	size_t count = 0, distinct = 0;

	for (size_t i = 0; i < names->count; i++) {
		parts[count] = class_of(&names->pictures[i], paths, shed);
		count += parts[count].length > 0;
	}
	if (count)
		qsort(parts, count, sizeof *parts, compare_pieces);
	for (size_t i = 0; i < count; i++)
		if (!distinct || compare_pieces(&parts[distinct - 1], &parts[i]))
			parts[distinct++] = parts[i];
	names->classes = memory_zeroed(distinct, sizeof *names->classes);
	names->class_count = (uint32_t)distinct;
	for (size_t i = 0; i < distinct; i++)
		if (!(names->classes[i] = strndup(parts[i].text, parts[i].length)))
			abort();
	for (size_t i = 0; i < names->count; i++) {
		Piece own = class_of(&names->pictures[i], paths, shed);
		const Piece *found = own.length ? bsearch(&own, parts, distinct, sizeof *parts, compare_pieces) : NULL;

		names->pictures[i].label = found ? (int32_t)(found - parts) : -1;
	}
	free(parts);
}

/* ---- the outside ---- */

static Status
check_name(const char *place, const char *path)
{
	size_t length = strlen(path);

	if (!utf8_is_valid(path, length))
		return fail(STATUS_INPUT, "%s: the name %s is not UTF-8; rename it", place, path);
	if (length > SAMPLE_NAME_MOST)
		return fail(STATUS_INPUT, "%s: a path of %zu bytes; expected at most %d", place, length, SAMPLE_NAME_MOST);
	return STATUS_OK;
}

Status
picture_names_find(PictureNames *names, const char *place, size_t count, char *const *paths, bool sheds)
{
	Status status = STATUS_OK;

	*names = (PictureNames){ .pictures = memory_zeroed(count, sizeof *names->pictures) };
	for (size_t i = 0; i < count && status >= 0; i++) {
		size_t length = strlen(paths[i]);

		if (!is_picture_name(base_name(paths[i])))
			continue;
		status = check_name(place, paths[i]);
		names->pictures[names->count++].file = i;
		names->longest = length > names->longest ? length : names->longest;
	}
	size_t shed = status >= 0 && sheds ? shed_length(names, paths) : 0;

	if (status >= 0)
		status = find_splits(names, place, paths, shed);
	if (status >= 0)
		find_classes(names, paths, shed);
	else
		picture_names_release(names);
	return status;
}

void
picture_names_release(PictureNames *names)
{
	for (uint32_t i = 0; i < names->class_count; i++)
		free(names->classes[i]);
	free(names->classes);
	free(names->pictures);
	*names = (PictureNames){ 0 };
}
