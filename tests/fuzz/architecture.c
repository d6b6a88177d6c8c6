/* Any text is a network or an error; its canonical text means the same network. */
#include "net/net.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first bytes are the picture and the classes, so that shapes vary too. */
enum { PREFIX = 4 };

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Shape input;
	Net net, again;
	char *text;

	if (size < PREFIX)
		return 0;
	input = (Shape){ data[0], data[1], data[2], false };
	text = strndup((const char *)data + PREFIX, size - PREFIX);
	if (!net_init(&net, text, input, data[3])) {
		if (net_init(&again, net.text, input, data[3]) || strcmp(net.text, again.text) != 0 ||
		    net.param_count != again.param_count || net.stage_count != again.stage_count)
			abort();
		net_release(&net);
		net_release(&again);
	}
	free(text);
	return 0;
}
