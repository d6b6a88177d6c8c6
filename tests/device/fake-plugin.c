/* A plug-in that computes as the reference does, and fails as it is told.
 *
 *	-DTOOLKIT=11080 -DMACHINE='"60 70"' -DPTX='"60"'  what it says that it was compiled for
 *	-DABI=2         speaks another version; -DEXTRA=8: has another size
 *	FAKE_OPEN       in the environment: why open fails
 */
#include "backend.h"
#include "ref/ref.h"

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

	(void)host;
	table = ref_backend;
	table.abi = ABI;
	table.size += EXTRA;
	table.name = "cuda";
	table.open = fake_open;
	table.chosen = fake_chosen;
	table.code = &code;
	return &table;
}
