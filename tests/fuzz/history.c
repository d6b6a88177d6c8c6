/* Any history becomes a script or an error; a script holds no control byte outside quotes. */
#include "info/script.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Walk the script as a shell would: inside single quotes anything may stand, outside only what we write. */
static void
require_tame(const char *script)
{
	bool is_quoted = false;
	for (const char *c = script; *c; c++) {
		if (*c == '\\' && !is_quoted && c[1])
			c++;
		else if (*c == '\'')
			is_quoted = !is_quoted;
		else if (!is_quoted && *c != '\n' && ((unsigned char)*c < 0x20 || (unsigned char)*c > 0x7e || *c == '`'))
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *history = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
	char *script;
	if (script_from_history(history, &script) >= 0)
		require_tame(script);
	free(script);
	if (script_from_inputs(history, &script) >= 0)
		require_tame(script);
	free(script);
	json_decref(history);
	return 0;
}
