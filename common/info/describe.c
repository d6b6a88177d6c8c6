#include "info/describe.h"

#include "net/parse.h"
#include "stream/lazy.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static json_t *
hash_text(uint64_t hash)
{
	return json_sprintf("%016" PRIx64, hash);
}

/* Samples by class, the hold-out, the records: what only reading all of a stream tells. */
typedef struct Counts {
	uint64_t records, holdout, unlabelled;
	uint64_t data_set; /* samples of a lazy stream's data set */
	uint64_t *by_class; /* [class_count] */
} Counts;

static void
count_labels(Counts *counts, const Record *record, uint32_t class_count)
{
	const Tensor *label = record_find(record, "label");
	if (!label) {
		counts->unlabelled += record->n;
		return;
	}
	for (uint64_t i = 0; i < record->n; i++) {
		int32_t index;
		memcpy(&index, label->data + i * sizeof index, sizeof index);
		if (index < 0 || (uint32_t)index >= class_count)
			counts->unlabelled++;
		else
			counts->by_class[index]++;
	}
}

static Status
count_stream(Reader *reader, Counts *counts)
{
	Record record;
	Status status;
	while ((status = reader_next(reader, &record)) > 0) {
		counts->records++;
		counts->holdout += record.part == PART_HOLDOUT ? record.n : 0;
		if (lazy_is_epoch(&reader->about, record.epoch))
			continue;
		counts->data_set += record.n;
		count_labels(counts, &record, reader->about.class_count);
	}
	return status;
}

static json_t *
describe_columns(const About *about)
{
	json_t *tensors = json_array();
	for (size_t i = 0; i < about->column_count; i++) {
		const Column *column = &about->columns[i];
		json_t *shape = json_array();
		for (int k = 0; k < column->rank; k++)
			json_array_append_new(shape, json_integer((json_int_t)column->shape[k]));
		json_array_append_new(tensors, json_pack("{ssssso}", "name", column->name, "dtype",
							 dtype_name(column->dtype), "row_shape", shape));
	}
	return tensors;
}

static json_t *
describe_classes(const About *about, const Counts *counts)
{
	json_t *classes = json_array();
	for (uint32_t i = 0; i < about->class_count; i++)
		json_array_append_new(classes, json_pack("{sssI}", "name", about->classes[i], "samples",
							 (json_int_t)counts->by_class[i]));
	return classes;
}

static void
describe_epochs(json_t *description, const About *about)
{
	if (about->epochs == EPOCHS_NONE)
		return;
	json_object_set_new(description, "epochs",
			    about->epochs == EPOCHS_ENDLESS ? json_string("inf") : json_integer((json_int_t)about->epochs));
	json_object_set_new(description, "epoch_samples", json_integer((json_int_t)about->epoch_samples));
}

/* Rows and transforms are samples of the stream, too; pictures are those of the data set. */
static void
describe_form(json_t *description, const About *about, const Counts *counts)
{
	char fill[16];
	if (!about->is_lazy)
		return;
	lazy_fill_write(about, fill);
	json_object_set_new(description, "form", json_string("lazy"));
	json_object_set_new(description, "fill", json_string(fill));
	json_object_set_new(description, "data_samples", json_integer((json_int_t)counts->data_set));
}

/* Each of joined streams was made in its own way. */
static void
describe_history(json_t *description, const Reader *reader)
{
	json_t *inputs = reader_inputs(reader, "stdin"), *input;
	size_t i;
	if (json_array_size(inputs) > 1) {
		json_array_foreach(inputs, i, input)
			json_object_del(input, "name");
		json_object_set_new(description, "members", inputs);
		return;
	}
	json_object_set(description, "history", reader->about.history);
	json_decref(inputs);
}

Status
describe_stream(Reader *reader, json_t **description)
{
	const About *about = &reader->about;
	Counts counts = { .by_class = calloc(about->class_count + 1, sizeof(uint64_t)) };
	if (!counts.by_class)
		return fail(STATUS_IO, "no memory for %u classes", about->class_count);
	Status status = count_stream(reader, &counts);
	if (status >= 0) {
		*description = json_pack("{sisssI sI sI so sO so sI}", "schema", 1, "kind", "stream", "records",
					 (json_int_t)counts.records, "samples", (json_int_t)reader->samples,
					 "holdout_samples", (json_int_t)counts.holdout, "tensors", describe_columns(about),
					 "input", about->input, "classes", describe_classes(about, &counts), "unlabelled",
					 (json_int_t)counts.unlabelled);
		describe_epochs(*description, about);
		describe_form(*description, about, &counts);
		json_object_set_new(*description, "content", hash_text(reader->content));
		describe_history(*description, reader);
	}
	free(counts.by_class);
	return status;
}

static json_t *
describe_shape(Shape shape)
{
	return shape.is_flat ? json_pack("[i]", (int)shape.c) : json_pack("[iii]", (int)shape.h, (int)shape.w, (int)shape.c);
}

static uint64_t
count_parameters(const Net *net, const Layer *layer)
{
	uint64_t count = 0;
	for (size_t i = 0; i < net->tensor_count; i++)
		count += net->tensors[i].layer == layer ? net->tensors[i].count : 0;
	return count;
}

static json_t *
describe_layers(const Net *net)
{
	json_t *layers = json_array();
	char text[LAYER_TEXT_MOST];
	for (size_t i = 0; i < net->layer_count; i++) {
		const Layer *layer = &net->layers[i];
		json_array_append_new(layers, json_pack("{sssosI ss}", "name", layer->name, "output_shape",
							describe_shape(layer->out), "parameters",
							(json_int_t)count_parameters(net, layer), "type",
							layer_text(layer, text)));
	}
	return layers;
}

json_t *
describe_model(const Model *model)
{
	const Net *net = &model->net;
	json_t *classes = json_array();
	for (uint32_t i = 0; i < net->classes; i++)
		json_array_append_new(classes, json_string(model->classes[i]));
	json_t *description =
		json_pack("{si ss ss sO so so sI sI sI ss}", "schema", 1, "kind",
			  model->extra_count ? "checkpoint" : "model", "architecture", net->text, "input", model->input,
			  "classes", classes, "layers", describe_layers(net), "parameters",
			  (json_int_t)(net->param_count + net->bn_count), "trainable", (json_int_t)net->param_count,
			  "non_trainable", (json_int_t)net->bn_count, "views", model->views ? model->views : "none");
	if (model->scores)
		json_object_set(description, "scores", model->scores);
	if (model->calibration)
		json_object_set(description, "calibration", model->calibration);
	json_object_set_new(description, "content", hash_text(model->content));
	json_object_set(description, "history", model->history);
	return description;
}
