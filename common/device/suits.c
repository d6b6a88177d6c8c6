/* suits.c: which driver and which card a plug-in's code runs on: CUDA's compatibility rules.
 *
 * Machine code of sm_XY runs on cards of the same X and of Y or newer; PTX of compute_XY on everything from XY on, where the
 * driver knows the toolkit's PTX. Jetson boards run nothing but their own (CUDA C++ Programming Guide, "Binary Compatibility").
 * Machine code runs on every driver of the toolkit's major version ("minor version
 * compatibility", CUDA Compatibility guide, whose table has the drivers). */
#include "device/plugin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *
plugin_driver_needed(int major)
{
	switch (major) {
	case 11:
		return "450.80.02";
	case 12:
		return "525.60.13";
	case 13:
		return "580";
	default:
		return NULL;
	}
}

bool
plugin_suits_driver(const Plugin *plugin, const Driver *driver, char *why)
{
	const char *needed = plugin_driver_needed(plugin->major);
	char found[64], least[64];

	/* the library's word counts: it may be newer than the kernel's module (NVIDIA's compatibility packages). The first
	 * of a major version decides by number, because early drivers of it are too old, and tell the same CUDA. */
	if (driver->cuda >= plugin->major * 1000 + 10)
		return true;
	if (driver->cuda >= plugin->major * 1000 && (!needed || !*driver->version || driver_is_as_new(driver->version, needed)))
		return true;
	snprintf(found, sizeof found, "%s%s%d.%d%s", driver->version, *driver->version ? " (CUDA " : "CUDA ", driver->cuda / 1000,
		 driver->cuda % 1000 / 10, *driver->version ? ")" : "");
	if (needed)
		snprintf(least, sizeof least, "%s", needed);
	else
		snprintf(least, sizeof least, "one for CUDA %d", plugin->major);
	snprintf(why, PLUGIN_WHY_MOST, "%s needs driver %s or newer, this is %s", plugin->name, least, found);
	return false;
}

/* The processors of Jetson boards, from Nano and TX1 to Thor, which CUDA 12 called 101. PTX is of no use to them either: a
 * plug-in that wasn't made for them comes with a cuBLAS that wasn't. */
static bool
is_board(int card)
{
	return card == 53 || card == 62 || card == 72 || card == 87 || card == 101 || card == 110;
}

static bool
runs_machine(int architecture, int card)
{
	if (is_board(card) || is_board(architecture))
		return architecture == card;
	return architecture / 10 == card / 10 && architecture <= card;
}

/* The best architecture of list that runs on the card; 0: none. */
static int
best_of(const char *list, int card, bool is_machine)
{
	int best = 0;

	for (char *end; *list; list = end) {
		const int architecture = (int)strtol(list, &end, 10);

		if (end == list)
			break;
		if (architecture > best && (is_machine ? runs_machine(architecture, card) : architecture <= card && !is_board(card)))
			best = architecture;
	}
	return best;
}

bool
plugin_suits_gpu(const Plugin *plugin, const Driver *driver, const Gpu *gpu, char *why)
{
	const BackendCode *code = plugin->table->code;
	const int card = gpu->major * 10 + gpu->minor;
	const int machine = best_of(code->machine, card, true), ptx = best_of(code->ptx, card, false);
	const int toolkit = (int)code->toolkit;

	if (machine) {
		snprintf(why, PLUGIN_WHY_MOST, "%s, code for sm_%d", plugin->name, machine);
		return true;
	}
	if (ptx && driver->cuda >= toolkit) {
		snprintf(why, PLUGIN_WHY_MOST, "%s, PTX of compute_%d, which the driver translates at the first start", plugin->name, ptx);
		return true;
	}
	if (ptx)
		snprintf(why, PLUGIN_WHY_MOST, "%s has only PTX for sm_%d, which needs a driver for CUDA %d.%d, this one is for %d.%d",
			 plugin->name, card, toolkit / 1000, toolkit % 1000 / 10, driver->cuda / 1000,
			 driver->cuda % 1000 / 10);
	else
		snprintf(why, PLUGIN_WHY_MOST, "%s has no code for sm_%d%s (it has %s)", plugin->name, card,
			 is_board(card) ? ", a board that runs its own alone" : "", code->machine);
	return false;
}
