/* net/model.h: the model file, see fm-model(5). */
#ifndef FM_NET_MODEL_H
#define FM_NET_MODEL_H

#include "net/net.h"
#include "status.h"
#include "stream/tensor.h"

#include <jansson.h>

enum { MODEL_VERSION = 1 }; /* fm.model */

/** A model in memory. model_release gives it back. */
typedef struct Model {
	Net net;     /* its scale and shift are those of fm.input */
	float *param; /* [net.param_count] */
	float *bn;    /* [net.bn_count] */
	json_t *input;	 /* fm.input: h, w, c, scale, shift, and how pictures were made to fit; when written, the first
			    five come from net, so a stream's fm.input will do */
	char **classes;	 /* [net.classes] */
	json_t *history; /* array; NULL is written as [] */
	json_t *scores;	 /* fm.scores, or NULL */
	json_t *calibration; /* fm.calibration, or NULL */
	char *views;	 /* fm.views: "none", "flip" or "flip shift 1"; "none" where absent, and then not written */
	size_t extra_count; /* a checkpoint's: tensors named fm.* */
	Tensor *extra;	 /* data owned */
	json_t *extra_metadata; /* a checkpoint's: object of strings, keys fm.* that this structure has no field for */
	uint64_t content; /* XXH3-64 of the file's bytes, after model_read */
} Model;

/** Read and check a model or checkpoint. @return STATUS_OK; STATUS_IO, STATUS_INPUT and nothing is held */
MUST_CHECK Status model_read(Model *model, const char *path);

/** As model_read, of an open descriptor, which stays the caller's. @param name  for messages */
MUST_CHECK Status model_read_fd(Model *model, int fd, const char *name);

/** Write it to an open descriptor: equal models are equal bytes. @param name  for messages */
MUST_CHECK Status model_write(const Model *model, int fd, const char *name);

void model_release(Model *model);

/**
 * Map a stream's classes to the model's by name.
 *
 * @param map  out, [count]: index in the model
 * @return STATUS_INPUT naming a class that the model lacks
 */
MUST_CHECK Status model_map_classes(const Model *model, uint32_t count, char *const *names, int32_t *map,
				    const char *stream_name);

/** Is a stream of this geometry, and of pictures made so where both say how, what the model was trained on? @return STATUS_INPUT
 *  naming both sides, and what to do */
MUST_CHECK Status model_check_input(const Model *model, const json_t *stream_input, const char *model_name,
				    const char *stream_name);

#endif
