/* train/checkpoint.h: a run on disk: a model file with tensors and keys named fm.*, see fm-model(5). */
#ifndef FM_TRAIN_CHECKPOINT_H
#define FM_TRAIN_CHECKPOINT_H

#include "net/model.h"
#include "status.h"
#include "train/training.h"

/**
 * The run as a model: the current weights, and everything that a checkpoint adds.
 *
 * @param model  out: model_release gives it back; its net and classes are training's own
 * @return STATUS_OK; STATUS_NO if a weight is not finite; STATUS_IO (memory), or what the backend says
 */
MUST_CHECK Status checkpoint_make(Training *training, Model *model);

/** Give back what checkpoint_make made. */
void checkpoint_release(Model *model);

/** Make one and put it in the place of settings's checkpoint; nothing if there is none. */
MUST_CHECK Status checkpoint_save(Training *training);

/**
 * Read one.
 *
 * @param state  out
 * @return STATUS_OK; STATUS_INPUT if it is damaged, or a model that is no checkpoint; STATUS_IO
 */
MUST_CHECK Status checkpoint_read(Model *model, State *state, const char *path);

/** Do these options give the same result? @return STATUS_USAGE naming one that doesn't */
MUST_CHECK Status checkpoint_check_options(const Model *model, const json_t *options, const char *path);

/** Put its vectors into training's backend. @return STATUS_INPUT if one is missing */
MUST_CHECK Status checkpoint_restore(const Training *training);

/** One of its additional tensors, of this many bytes, or NULL. */
const void *checkpoint_tensor(const Model *model, const char *name, size_t size);

/** "fm.m"; NULL for the two that are the model itself. */
const char *checkpoint_vector_name(Vector vector);

#endif
