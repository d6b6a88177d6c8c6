/* plugin.c: find and load plug-ins. */
#include "device/plugin.h"

#include "machine/place.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "fm-cuda-11.so" -> 11; anything else -> 0 */
static int
major_of(const char *name)
{
	static const char begin[] = "fm-cuda-";
	char *end;

	if (strncmp(name, begin, sizeof begin - 1) != 0 || name[sizeof begin - 1] < '1' || name[sizeof begin - 1] > '9')
		return 0;
	const long major = strtol(name + sizeof begin - 1, &end, 10);
	return strcmp(end, ".so") == 0 && major < 1000 ? (int)major : 0;
}

/* Keeps the list in order, the newest first. */
static Status
add(Plugins *plugins, const char *name, int major)
{
	int place = plugins->count;
	char path[PATH_MAX];

	if (snprintf(path, sizeof path, "%s/%s", plugins->folder, name) >= PATH_MAX)
		return fail(STATUS_IO, "%s/%s: a path too long", plugins->folder, name);
	if (place == PLUGINS_MOST)
		return fail(STATUS_IO, "%s: more than %d GPU backends", plugins->folder, PLUGINS_MOST);
	for (; place > 0 && plugins->plugin[place - 1].major < major; place--)
		plugins->plugin[place] = plugins->plugin[place - 1];

	Plugin *plugin = &plugins->plugin[place];
	memset(plugin, 0, sizeof *plugin);
	memcpy(plugin->path, path, sizeof path);
	plugin->major = major;
	plugins->count++;
	return STATUS_OK;
}

Status
plugins_find(Plugins *plugins)
{
	const char *asked = getenv("FM_BACKENDS");
	Status status = STATUS_OK;

	plugins->count = 0;
	if (asked && *asked)
		snprintf(plugins->folder, sizeof plugins->folder, "%s", asked);
	else
		status = place_beside("/lib/fm-tools", plugins->folder);
	if (status < 0)
		return status;

	DIR *folder = opendir(plugins->folder);
	if (!folder)
		return errno == ENOENT && !(asked && *asked) ? STATUS_OK : fail_errno("%s", plugins->folder);
	for (struct dirent *entry; status >= 0 && (entry = readdir(folder));) {
		const int major = major_of(entry->d_name);

		if (major)
			status = add(plugins, entry->d_name, major);
	}
	closedir(folder);
	for (int i = 0; i < plugins->count; i++)
		plugins->plugin[i].name = strrchr(plugins->plugin[i].path, '/') + 1;
	return status;
}

static bool
cannot(Plugin *plugin, const char *format, ...) PRINTF_LIKE(2, 3);

static bool
cannot(Plugin *plugin, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(plugin->why, sizeof plugin->why, format, arguments);
	va_end(arguments);
	return false;
}

/* error: "libcublas.so.11: cannot open shared object file: …", or the plug-in's own path and what is wrong with it */
static bool
cannot_load(Plugin *plugin, const char *error)
{
	if (strncmp(error, "libcublas", 9) == 0)
		return cannot(plugin, "%s can't be loaded: %s; install cuBLAS of CUDA %d (Debian's package libcublas%d), or lay it beside the plug-in",
			      plugin->name, error, plugin->major, plugin->major);
	return cannot(plugin, "%s can't be loaded: %s", plugin->name, error);
}

/* The rest of a table may only be looked at after this. */
static bool
check_table(Plugin *plugin, const BackendTable *table)
{
	const char *name = plugin->name;

	if (!table)
		return cannot(plugin, "%s: %s", name, *status_message() ? status_message() : "it has no backend");
	if (table->abi != FM_BACKEND_ABI || table->size != sizeof *table)
		return cannot(plugin, "%s speaks version %u of the backend interface (%u bytes), this program version %d (%zu bytes); "
				      "install both from one build",
			      name, table->abi, table->size, FM_BACKEND_ABI, sizeof *table);
	if (!table->code || !table->code->machine || !table->code->ptx)
		return cannot(plugin, "%s doesn't say which GPUs it has code for; install it from this program's build", name);
	return true;
}

bool
plugin_load(Plugin *plugin, const BackendHost *host)
{
	const BackendTable *(*get)(const BackendHost *) = NULL;

	if (plugin->table || *plugin->why)
		return plugin->table != NULL;

	void *library = dlopen(plugin->path, RTLD_NOW | RTLD_LOCAL);
	if (!library)
		return cannot_load(plugin, dlerror());
	void *address = dlsym(library, "fm_backend");
	memcpy(&get, &address, sizeof get);
	if (!get)
		return cannot(plugin, "%s is no backend: it has no fm_backend", plugin->name);

	const BackendTable *table = get(host);
	if (!check_table(plugin, table))
		return false;
	plugin->table = table;
	return true;
}
