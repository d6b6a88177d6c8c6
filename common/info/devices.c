/* devices.c: the processor, the driver, the plug-ins, and which serves which card. */
#include "info/devices.h"

#include "cli/visible.h"
#include "cpu/dispatch.h"
#include "device/device.h"
#include "device/driver.h"
#include "device/plugin.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* "" is null: not known, or nothing to say */
static json_t *
text_or_null(const char *text)
{
	return text && *text ? json_string(text) : json_null();
}

static json_t *
cuda_version(int version)
{
	return version ? json_sprintf("%d.%d", version / 1000, version % 1000 / 10) : json_null();
}

static Status
describe_cpu(json_t **cpu)
{
	const KernelTable *kernels = cpu_kernels(device_host(), PRECISION_AUTO, true);
	const char *can[CPU_SETS_MOST];
	json_t *names = json_array();

	if (!kernels) {
		json_decref(names);
		return STATUS_DEVICE;
	}
	const int count = cpu_sets(can);
	for (int i = 0; i < count; i++)
		json_array_append_new(names, json_string(can[i]));
	*cpu = json_pack("{s:s, s:o}", "uses", kernels->name, "can", names);
	return STATUS_OK;
}

static json_t *
describe_plugin(Plugin *plugin)
{
	const bool is_loaded = plugin_load(plugin, device_host());
	const BackendCode *code = is_loaded ? plugin->table->code : NULL;

	return json_pack("{s:s, s:o, s:o, s:o, s:o}", "file", plugin->name, "toolkit",
			 code ? cuda_version((int)code->toolkit) : json_null(), "machine", text_or_null(code ? code->machine : ""),
			 "ptx", text_or_null(code ? code->ptx : ""), "why", text_or_null(plugin->why));
}

static bool
refuse(char why[static PLUGIN_WHY_MOST], const Plugin *plugin)
{
	snprintf(why, PLUGIN_WHY_MOST, "%s", plugin->why);
	return false;
}

static json_t *
describe_gpu(Plugins *plugins, const Driver *driver, int device)
{
	const Gpu *gpu = &driver->gpu[device];
	json_t *refused = json_array();
	const char *chosen = "";
	char why[PLUGIN_WHY_MOST] = "", chosen_why[PLUGIN_WHY_MOST] = "";

	for (int i = 0; i < plugins->count; i++) {
		Plugin *plugin = &plugins->plugin[i];
		bool is_fit = plugin_suits_driver(plugin, driver, why);

		if (is_fit && !plugin->table)
			is_fit = refuse(why, plugin);
		else if (is_fit)
			is_fit = plugin_suits_gpu(plugin, driver, gpu, why);
		if (!is_fit) {
			json_array_append_new(refused, json_string(why));
		} else if (!*chosen) {
			chosen = plugin->name;
			memcpy(chosen_why, why, sizeof why);
		}
	}
	return json_pack("{s:i, s:o, s:o, s:I, s:o, s:o, s:o}", "device", device, "name", text_or_null(gpu->name),
			 "architecture", json_sprintf("sm_%d%d", gpu->major, gpu->minor), "memory", (json_int_t)gpu->memory,
			 "backend", text_or_null(chosen), "why", text_or_null(chosen_why), "refused", refused);
}

static json_t *
describe_driver(const Driver *driver)
{
	return json_pack("{s:o, s:o, s:o}", "version", text_or_null(driver->version), "cuda", cuda_version(driver->cuda), "why",
			 text_or_null(driver->why));
}

static json_t *
describe_all(json_t *cpu, Plugins *plugins, Driver *driver)
{
	json_t *backends = json_array(), *gpus = json_array(), *automatic = NULL;

	for (int i = 0; i < plugins->count; i++)
		json_array_append_new(backends, describe_plugin(&plugins->plugin[i]));
	driver_probe(driver);
	for (int i = 0; i < driver->gpus; i++) {
		json_t *gpu = describe_gpu(plugins, driver, i);

		if (!automatic && json_is_string(json_object_get(gpu, "backend")))
			automatic = json_sprintf("cuda:%d", i);
		json_array_append_new(gpus, gpu);
	}
	return json_pack("{s:i, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "schema", 1, "kind", "devices", "auto",
			 automatic ? automatic : json_string("cpu"), "cpu", cpu, "driver", describe_driver(driver), "folder",
			 text_or_null(plugins->folder), "backends", backends, "gpus", gpus);
}

Status
describe_devices(json_t **description)
{
	Plugins *plugins = calloc(1, sizeof *plugins);
	Driver *driver = calloc(1, sizeof *driver);
	json_t *cpu = NULL;
	Status status = plugins && driver ? plugins_find(plugins) : fail_errno("looking for devices");

	if (status >= 0)
		status = describe_cpu(&cpu);
	if (status >= 0) {
		*description = describe_all(cpu, plugins, driver);
		status = *description ? STATUS_OK : fail(STATUS_IO, "no memory to describe the devices");
	}
	free(driver);
	free(plugins);
	return status;
}

static const char *
text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* One line: a label, and text that may hold a folder's or a driver's control bytes. */
static void
put(FILE *out, const char *label, const char *format, ...) PRINTF_LIKE(3, 4);

static void
put(FILE *out, const char *label, const char *format, ...)
{
	char text[1024], shown[2048];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	shown[visible(shown, sizeof shown - 1, text, NULL)] = '\0';
	fprintf(out, "%-10s%s\n", label, shown);
}

static void
print_cpu(const json_t *cpu, FILE *out)
{
	char names[256] = "";
	size_t i;
	json_t *name;

	json_array_foreach(json_object_get(cpu, "can"), i, name)
	{
		const size_t used = strlen(names);

		snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "", json_string_value(name));
	}
	put(out, "cpu", "%s; FM_CPU can be: %s", text_of(cpu, "uses"), names);
}

static void
print_gpu(const json_t *gpu, FILE *out)
{
	char label[16];
	size_t i;
	json_t *refused;

	snprintf(label, sizeof label, "cuda:%d", (int)json_integer_value(json_object_get(gpu, "device")));
	put(out, label, "%s, %s, %lld MB: %s", text_of(gpu, "name") ? text_of(gpu, "name") : "?", text_of(gpu, "architecture"),
	    (long long)json_integer_value(json_object_get(gpu, "memory")) >> 20,
	    text_of(gpu, "why") ? text_of(gpu, "why") : "can't be used");
	json_array_foreach(json_object_get(gpu, "refused"), i, refused)
		put(out, "", "%s", json_string_value(refused));
}

static void
print_driver(const json_t *driver, FILE *out)
{
	const char *version = text_of(driver, "version"), *cuda = text_of(driver, "cuda"), *why = text_of(driver, "why");

	if (cuda)
		put(out, "driver", "%s%sCUDA %s%s%s", version ? version : "", version ? ", " : "", cuda, why ? ": " : "", why ? why : "");
	else
		put(out, "driver", "%s", why ? why : "?");
}

static void
print_backend(const json_t *backend, FILE *out)
{
	const char *why = text_of(backend, "why"), *ptx = text_of(backend, "ptx");

	if (why)
		put(out, "backend", "%s", why);
	else
		put(out, "backend", "%s: CUDA %s, code for %s, PTX for %s", text_of(backend, "file"), text_of(backend, "toolkit"),
		    text_of(backend, "machine") ? text_of(backend, "machine") : "nothing", ptx ? ptx : "nothing");
}

void
devices_print(const json_t *description, FILE *out)
{
	size_t i;
	json_t *one;

	put(out, "auto", "%s", text_of(description, "auto"));
	print_cpu(json_object_get(description, "cpu"), out);
	json_array_foreach(json_object_get(description, "gpus"), i, one)
		print_gpu(one, out);
	print_driver(json_object_get(description, "driver"), out);
	json_array_foreach(json_object_get(description, "backends"), i, one)
		print_backend(one, out);
	if (!json_array_size(json_object_get(description, "backends")))
		put(out, "backend", "no fm-cuda-*.so is in %s", text_of(description, "folder") ? text_of(description, "folder") : "?");
}
