/* A plug-in that computes as the reference does, and fails as it is told.
 *
 *	-DTOOLKIT=11080 -DMACHINE='"60 70"' -DPTX='"60"'  what it says that it was compiled for
 *	-DABI=7         speaks another version; -DEXTRA=8: has another size
 *	FAKE_OPEN       in the environment: why open fails
 *	FAKE_HOLD       the file gets a line for each hold, and one for each step by rows; "full": there is no room
 *	FAKE_QUEUE      steps may queue; the file gets a line each time that they are waited for: how many there were
 */
#include "backend.h"
#include "ref/ref.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef ABI
#define ABI FM_BACKEND_ABI
#endif
#ifndef EXTRA
#define EXTRA 0
#endif

static const BackendCode code = { TOOLKIT, MACHINE, PTX };

static Status
fake_open(Backend **backend, const BackendHost *host, const Net *net, const float *param, const float *bn,
	  const BackendOptions *options)
{
	const char *why = getenv("FAKE_OPEN");

	if (why)
		return host->fail(STATUS_DEVICE, "GPU %d: %s", host->device, why);
	if (options->precision == PRECISION_INT8)
		return host->fail(STATUS_USAGE, "the fake has no int8");
	return ref_backend.open(backend, host, net, param, bn, options);
}

static void
tell(const char *what, unsigned long long first, unsigned long long n)
{
	const char *path = getenv("FAKE_HOLD");
	FILE *told = path ? fopen(path, "a") : NULL;

	if (!told)
		return;
	fprintf(told, "%s %llu %llu\n", what, first, n);
	fclose(told);
}

static const BackendHost *host_of_all;

static Status
fake_hold(Backend *backend, uint64_t first, uint64_t n, const uint8_t *pixels)
{
	const char *path = getenv("FAKE_HOLD");

	if (path && !strcmp(path, "full"))
		return host_of_all->fail(STATUS_DEVICE, "the fake is out of memory");
	tell("hold", first, n);
	return ref_backend.hold(backend, first, n, pixels);
}

static Sums queue[BACKEND_QUEUE_MOST];
static uint32_t queued;

static Status
fake_step(Backend *backend, const Batch *batch, const Hyper *hyper)
{
	const Status status = ref_backend.step(backend, batch, hyper);

	tell(batch->pixels ? "pixels" : "rows", hyper->step, batch->n);
	if (!getenv("FAKE_QUEUE"))
		return status;
	if (queued == BACKEND_QUEUE_MOST)
		abort();
	return status < 0 ? status : ref_backend.drain(backend, &queue[queued++]);
}

static Status
fake_drain_each(Backend *backend, Sums *each, uint32_t *count)
{
	FILE *told = fopen(getenv("FAKE_QUEUE"), "a");

	(void)backend;
	fprintf(told, "%u\n", queued);
	fclose(told);
	for (uint32_t i = 0; i < queued; i++) {
		each[i] = queue[i];
		each[i].bad_step = queue[queued - 1].bad_step;
	}
	*count = queued;
	queued = 0;
	return STATUS_OK;
}

static const char *
fake_chosen(const Backend *backend)
{
	(void)backend;
	return "cuda fake" NUMBER " fp32";
}

__attribute__((visibility("default"))) const BackendTable *
fm_backend(const BackendHost *host)
{
	static BackendTable table;

	host_of_all = host;
	table = ref_backend;
	table.abi = ABI;
	table.size += EXTRA;
	table.name = "cuda";
	table.open = fake_open;
	table.chosen = fake_chosen;
	table.code = &code;
	table.step = fake_step;
	table.hold = fake_hold;
	if (getenv("FAKE_QUEUE"))
		table.drain_each = fake_drain_each;
	return &table;
}
