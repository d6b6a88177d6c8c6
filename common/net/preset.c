/* preset.c: architectures by name. A released one never changes; a better one gets a new name. */
#include "net/net.h"

#include <string.h>

/* two convolutions around which pictures go unchanged, batch norm after each (He et al. 2016) */
#define BLOCK(width) "residual(conv " width " 3x3 same nobias, bn, relu, conv " width " 3x3 same nobias, bn | ), relu, "

/* the same, batch norm before each (Zagoruyko, Komodakis 2016), and the first of its width, at half the size perhaps */
#define WIDE(width)                                                                                                    \
	"residual(bn, relu, conv " width " 3x3 same nobias, bn, relu, conv " width " 3x3 same nobias | ), "
#define WIDER(width, stride)                                                                                           \
	"bn, relu, residual(conv " width " 3x3 " stride "same nobias, bn, relu, conv " width " 3x3 same nobias | "      \
	"conv " width " 1x1 " stride "nobias), "
#define GROUP(width, stride) WIDER(width, stride) WIDE(width) WIDE(width) WIDE(width) WIDE(width) WIDE(width)

static const char *const names[] = { "seed", "small", "large", NULL };

static const char *const texts[] = {
	"conv 32 4x4 same, bn, relu, maxpool 2, conv 64 3x3 same, bn, relu, maxpool 2, "
	"conv 128 3x3 same, bn, relu, flatten, dense 128, bn, relu, dropout 0.35, dense classes, softmax",

	"conv 32 3x3 same nobias, bn, relu, conv 48 3x3 same nobias, bn, relu, maxpool 2, " BLOCK("48")
	"conv 96 3x3 same nobias, bn, relu, maxpool 2, " BLOCK("96") "globalavgpool, dense classes, softmax",

	/* WRN-40-4 */
	"conv 16 3x3 same nobias, " GROUP("64", "") GROUP("128", "stride 2 ") GROUP("256", "stride 2 ")
	"bn, relu, globalavgpool, dense classes, softmax",
};

const char *const *
preset_names(void)
{
	return names;
}

const char *
preset_text(const char *name)
{
	for (size_t i = 0; names[i]; i++)
		if (strcmp(names[i], name) == 0)
			return texts[i];
	return NULL;
}
