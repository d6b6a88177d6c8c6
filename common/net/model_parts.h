/* net/model_parts.h: the steps of reading a model file, in their order. name: the file's, for messages. */
#ifndef FM_NET_MODEL_PARTS_H
#define FM_NET_MODEL_PARTS_H

#include "net/model.h"
#include "status.h"
#include "stream/safetensors.h"

/** Fill everything that the header says: network, input, classes, history, scores, views, a checkpoint's keys. */
MUST_CHECK Status model_take_metadata(Model *model, const Safetensors *file, const char *name);

/** Every tensor of the network is there in its shape, and none that is neither its nor a checkpoint's. */
MUST_CHECK Status model_check_tensors(const Net *net, const Safetensors *file, const char *name);

/** Copy the placed weights, which must be finite. */
MUST_CHECK Status model_take_weights(Model *model, const Safetensors *file, const char *name);

/** Copy the placed tensors named fm.*. */
MUST_CHECK Status model_take_extra(Model *model, const Safetensors *file, const char *name);

#endif
