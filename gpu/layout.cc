/* layout.cc: a permutation within each weight tensor; everything else lies alike. */
#include "layout.h"

#include <string.h>

/* A weight tensor as [out][channels][places] in the file, [places][channels][out] on the device. */
struct Weight {
	size_t offset, out, channels, places;
};

static Weight
weight_of(const Stage *stage)
{
	const Layer *layer = stage->main;

	if (layer->kind == LAYER_DEPTHWISE)
		return Weight{ layer->weight, layer->out.c, 1, static_cast<size_t>(layer->kernel_h) * layer->kernel_w };
	if (layer->kind == LAYER_CONV)
		return Weight{ layer->weight, layer->units, layer->in.c,
			       static_cast<size_t>(layer->kernel_h) * layer->kernel_w };
	if (stage->is_flattened)
		return Weight{ layer->weight, layer->units, stage->in.c, static_cast<size_t>(stage->in.h) * stage->in.w };
	return Weight{ layer->weight, layer->units, layer->in.c, 1 };
}

static size_t
file_index(const Weight &weight, size_t out, size_t channel, size_t place)
{
	return weight.offset + (out * weight.channels + channel) * weight.places + place;
}

static size_t
device_index(const Weight &weight, size_t out, size_t channel, size_t place)
{
	return weight.offset + (place * weight.channels + channel) * weight.out + out;
}

static void
permute(const Net *net, const float *from, float *to, bool is_to_device)
{
	memcpy(to, from, net->param_count * sizeof *to);
	for (size_t s = 0; s < net->stage_count; s++) {
		if (!net->stages[s].main)
			continue;
		const Weight weight = weight_of(&net->stages[s]);
		for (size_t place = 0; place < weight.places; place++)
			for (size_t channel = 0; channel < weight.channels; channel++)
				for (size_t out = 0; out < weight.out; out++) {
					const size_t file = file_index(weight, out, channel, place);
					const size_t device = device_index(weight, out, channel, place);

					to[is_to_device ? device : file] = from[is_to_device ? file : device];
				}
	}
}

void
layout_to_device(const Net *net, const float *file, float *device)
{
	permute(net, file, device, true);
}

void
layout_to_file(const Net *net, const float *device, float *file)
{
	permute(net, device, file, false);
}
