/* preset.c: architectures by name. A released one never changes; a better one gets a new name. */
#include "net/net.h"

#include <string.h>

static const char *const names[] = { "seed", NULL };

const char *const *
preset_names(void)
{
	return names;
}

const char *
preset_text(const char *name)
{
	if (strcmp(name, "seed") != 0)
		return NULL;
	return "conv 32 4x4 same, bn, relu, maxpool 2, conv 64 3x3 same, bn, relu, maxpool 2, "
	       "conv 128 3x3 same, bn, relu, flatten, dense 128, bn, relu, dropout 0.35, dense classes, softmax";
}
