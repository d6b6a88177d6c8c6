/* source/shard_name.c */
#include "source/shard_name.h"

#include "source/files.h"
#include "source/picture_names.h"

#include <string.h>
#include <strings.h>

const char *
shard_path(const char *path)
{
	while (path[0] == '.' && path[1] == '/')
		path += 2;
	return path;
}

static ShardField
field_of(const char *extension)
{
	static const char *const labels[] = { [SHARD_CLS] = "cls", [SHARD_JSON] = "json", [SHARD_TXT] = "txt" };

	for (int i = SHARD_CLS; i <= SHARD_TXT; i++)
		if (!strcasecmp(extension, labels[i]))
			return (ShardField)i;
	return strchr(extension, '.') || !is_picture_name(extension - 1) ? SHARD_OTHER : SHARD_PICTURE;
}

bool
shard_name_parse(const char *path, ShardName *name)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	const char *dot = strchr(base, '.');

	if (!dot || dot == base || is_litter_path(path))
		return false;
	*name = (ShardName){ .key = (size_t)(dot - path), .field = field_of(dot + 1) };
	return true;
}
