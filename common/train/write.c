/* write.c: the model of a finished run. */
#include "train/training.h"

#include "cli/atomic.h"
#include "train/checkpoint.h"

#include <stdlib.h>
#include <string.h>

/* @return 1: the model's weights are replaced by these two vectors; 0: it has no such */
static Status
use_vectors(Model *model, Vector param, Vector bn)
{
	size_t param_size = model->net.param_count * sizeof *model->param,
	       bn_size = model->net.bn_count * sizeof *model->bn;
	const void *from_param = checkpoint_tensor(model, checkpoint_vector_name(param), param_size);
	const void *from_bn = checkpoint_tensor(model, checkpoint_vector_name(bn), bn_size);

	if (!from_param || !from_bn)
		return 0;
	memcpy(model->param, from_param, param_size);
	memcpy(model->bn, from_bn, bn_size);
	return 1;
}

/* a checkpoint's current weights give way to those that the run chose; what only a checkpoint has is left out */
static Model
final_model(Model *checkpoint)
{
	Model model;

	if (!use_vectors(checkpoint, VECTOR_BEST, VECTOR_BEST_BN))
		use_vectors(checkpoint, VECTOR_EMA, VECTOR_EMA_BN);
	model = *checkpoint;
	model.extra_count = 0;
	model.extra_metadata = NULL;
	return model;
}

static Status
write_file(Model *checkpoint, const char *path)
{
	const Model model = final_model(checkpoint);
	AtomicFile file;
	Status status = atomic_open(&file, path);

	if (status < 0)
		return status;
	status = model_write(&model, file.fd, path);
	if (status >= 0)
		return atomic_commit(&file);
	atomic_abandon(&file);
	return status;
}

Status
training_write(Training *training, const char *path)
{
	Model model;
	Status status;

	if (!training->backend) /* the checkpoint is of a finished run */
		return write_file(&training->resumed, path);
	status = checkpoint_make(training, &model);
	if (status < 0)
		return status;
	status = write_file(&model, path);
	checkpoint_release(&model);
	return status;
}
