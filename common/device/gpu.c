/* gpu.c: plug-ins against cards. */
#include "device/gpu.h"

#include "device/plugin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
append(char *why, const char *text)
{
	const size_t used = strlen(why);

	snprintf(why + used, GPU_WHY_MOST - used, "%s%s", used ? "; " : "", text);
}

/* One card against one plug-in. @return whether it was chosen; if not, why has another reason */
static bool
try_plugin(GpuChoice *choice, Plugin *plugin, const Driver *driver, int device)
{
	const Gpu *gpu = &driver->gpu[device];
	char why[PLUGIN_WHY_MOST] = "";

	if (plugin_suits_driver(plugin, driver, why) && !plugin_load(plugin, &choice->host))
		snprintf(why, sizeof why, "%s", plugin->why);
	else if (!*why && plugin_suits_gpu(plugin, driver, gpu, why)) {
		choice->table = plugin->table;
		choice->host.device = device;
		snprintf(choice->why, sizeof choice->why, "%s, sm_%d%d: %s", gpu->name, gpu->major, gpu->minor, why);
		return true;
	}
	append(choice->why, why);
	return false;
}

static bool
try_gpu(GpuChoice *choice, Plugins *plugins, const Driver *driver, int device)
{
	const Gpu *gpu = &driver->gpu[device];
	char name[sizeof gpu->name + 32];

	snprintf(name, sizeof name, "%s, sm_%d%d", gpu->name, gpu->major, gpu->minor);
	append(choice->why, name);
	for (int i = 0; i < plugins->count; i++)
		if (try_plugin(choice, &plugins->plugin[i], driver, device))
			return true;
	return false;
}

static void
choose(GpuChoice *choice, Plugins *plugins, Driver *driver)
{
	if (plugins_find(plugins) < 0) {
		append(choice->why, status_message());
		return;
	}
	if (!plugins->count) {
		snprintf(choice->why, sizeof choice->why, "no GPU backend (fm-cuda-*.so) is in %.900s", plugins->folder);
		return;
	}
	driver_probe(driver);
	if (*driver->why)
		append(choice->why, driver->why);
	choice->is_here = driver->gpus > 0;
	for (int i = 0; i < driver->gpus; i++)
		if (try_gpu(choice, plugins, driver, i))
			return;
}

void
gpu_choose(GpuChoice *choice)
{
	Plugins *plugins = calloc(1, sizeof *plugins);
	Driver *driver = calloc(1, sizeof *driver);

	*choice = (GpuChoice){ .host = { .fail = fail } };
	if (plugins && driver)
		choose(choice, plugins, driver);
	else
		append(choice->why, "no memory to look for GPUs");
	free(driver);
	free(plugins);
}
