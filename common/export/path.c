#include "export/path.h"

#include "memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

/* A path being put together; component_at is where its last component begins. */
typedef struct Text {
	char *bytes;
	size_t length, component_at;
} Text;

/* A byte in %XX where it could mean something to a file system, or nothing to a person. */
static void
put(Text *text, char byte)
{
	bool is_hidden = byte == '.' && text->length == text->component_at;

	if (is_hidden || byte == '/' || (unsigned char)byte < ' ' || byte == 0x7f)
		text->length += (size_t)sprintf(text->bytes + text->length, "%%%02X", (unsigned char)byte);
	else
		text->bytes[text->length++] = byte;
	text->bytes[text->length] = '\0';
}

static void
begin_component(Text *text)
{
	if (text->length)
		text->bytes[text->length++] = '/';
	text->component_at = text->length;
}

static void
put_component(Text *text, const char *bytes, size_t length)
{
	if (!length)
		return;
	begin_component(text);
	for (size_t i = 0; i < length; i++)
		put(text, bytes[i]);
}

static Text
text_begin(size_t most)
{
	/* every byte as three, slashes, an id and an epoch, the NUL */
	return (Text){ .bytes = memory_zeroed(4 * most + 80, 1) };
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static Status
check_unique(char *const *folders, uint32_t count)
{
	char **sorted = memory_zeroed(count, sizeof *sorted);
	Status status = STATUS_OK;

	memcpy(sorted, folders, count * sizeof *sorted);
	qsort(sorted, count, sizeof *sorted, by_text);
	for (uint32_t i = 1; i < count && status >= 0; i++)
		if (!strcmp(sorted[i - 1], sorted[i]))
			status = fail(STATUS_INPUT, "two classes would share the folder %s; rename one", sorted[i]);
	free(sorted);
	return status;
}

Status
path_classes(const About *about, char ***folders)
{
	*folders = memory_zeroed(about->class_count, sizeof **folders);
	for (uint32_t i = 0; i < about->class_count; i++) {
		Text text = text_begin(strlen(about->classes[i]));
		put_component(&text, about->classes[i], strlen(about->classes[i]));
		(*folders)[i] = text.bytes;
	}
	Status status = check_unique(*folders, about->class_count);
	if (status < 0)
		path_classes_release(about, *folders);
	return status;
}

void
path_classes_release(const About *about, char **folders)
{
	for (uint32_t i = 0; folders && i < about->class_count; i++)
		free(folders[i]);
	free(folders);
}

/* Of the name, without the suffix of a picture format. */
static size_t
stem_length(const char *name, size_t length)
{
	static const char *const suffixes[] = { ".png", ".jpg", ".jpeg", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".pgm", ".ppm" };

	for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
		size_t size = strlen(suffixes[i]);

		if (length > size && name[length - size - 1] != '/' && !strncasecmp(name + length - size, suffixes[i], size))
			return length - size;
	}
	return length;
}

/* Does the path begin with this component, another one following it? @return its length with the slash, or 0 */
static size_t
begins_with(const char *path, size_t length, const char *component)
{
	size_t size = strlen(component);

	if (length <= size || path[size] != '/' || memcmp(path, component, size) != 0)
		return 0;
	for (size_t i = size; i < length; i++)
		if (path[i] != '/')
			return size + 1;
	return 0;
}

static bool
is_below(const char *name, size_t length, const char *folder)
{
	size_t split = begins_with(name, length, "train");

	if (!split)
		split = begins_with(name, length, "test");
	return begins_with(name, length, folder) || (split && begins_with(name + split, length - split, folder));
}

static void
put_path(Text *text, const char *path, size_t length)
{
	while (length) {
		const char *slash = memchr(path, '/', length);
		size_t size = slash ? (size_t)(slash - path) : length;

		put_component(text, path, size);
		size += slash ? 1 : 0;
		path += size;
		length -= size;
	}
}

char *
path_of_sample(const Sample *sample, char *const *folders)
{
	const char *name = sample->name, *class = sample->label >= 0 ? folders[sample->label] : "";
	size_t length = name ? stem_length(name, sample->name_length) : 0;
	Text text = text_begin(length + strlen(class));

	if (sample->label >= 0 && !is_below(name, length, class)) {
		memcpy(text.bytes, class, strlen(class));
		text.length = strlen(class);
	}
	size_t before = text.length;
	put_path(&text, name, length);
	if (text.length == before) {
		begin_component(&text);
		text.length += (size_t)sprintf(text.bytes + text.length, "%09" PRId64, sample->id);
	}
	if (sample->epoch >= 0)
		sprintf(text.bytes + text.length, "-epoch%" PRId64, sample->epoch);
	return text.bytes;
}
