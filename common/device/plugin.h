/* device/plugin.h: GPU backends in files of their own, fm-cuda-MAJOR.so, and which of them serves which card. */
#ifndef FM_DEVICE_PLUGIN_H
#define FM_DEVICE_PLUGIN_H

#include "backend.h"
#include "device/driver.h"

#include <limits.h>

enum { PLUGINS_MOST = 16, PLUGIN_WHY_MOST = 512 };

typedef struct Plugin {
	char path[PATH_MAX];
	const char *name;	   /* in path: "fm-cuda-11.so" */
	int major;		   /* of the CUDA that compiled it: 11 */
	const BackendTable *table; /* NULL: not loaded */
	char why[PLUGIN_WHY_MOST]; /* it can't be loaded; "": it can, or wasn't tried */
} Plugin;

typedef struct Plugins {
	char folder[PATH_MAX];
	int count;
	Plugin plugin[PLUGINS_MOST]; /* the newest CUDA first */
} Plugins;

/** List what lies in FM_BACKENDS, else in ../lib/fm-tools from the program; none is no failure. Nothing is loaded. */
MUST_CHECK Status plugins_find(Plugins *plugins);

/**
 * Load a plug-in and check that it fits this program; once, and it stays.
 *
 * @return true; false with plugin->why set
 */
bool plugin_load(Plugin *plugin, const BackendHost *host);

/** What the driver must be for code of that CUDA: "450.80.02" for 11. */
const char *plugin_driver_needed(int major);

/**
 * Can the driver run code of this plug-in's CUDA? Looks at its name alone.
 *
 * @param why  [PLUGIN_WHY_MOST] out: why not, found and needed; untouched if it can
 */
bool plugin_suits_driver(const Plugin *plugin, const Driver *driver, char *why);

/**
 * Has this loaded plug-in code for the card: machine code, or PTX that the driver can translate?
 *
 * @param why  [PLUGIN_WHY_MOST] out: which code serves it, or why none does
 */
bool plugin_suits_gpu(const Plugin *plugin, const Driver *driver, const Gpu *gpu, char *why);

#endif
