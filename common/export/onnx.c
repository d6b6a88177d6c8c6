/* onnx.c: the graph as protobuf messages, written by protobuf-c as they are visited: weights are borrowed, never copied. */
#include "export/onnx.h"

#include "json/canonical.h"
#include "memory.h"
#include "version.h"

#include "onnx.pb-c.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

enum { ELEMENT_FLOAT = 1, ELEMENT_UINT8 = 2 };

/* What weights can be together, with room for everything else: protobuf's lengths end at 2^31. */
#define ONNX_BYTES_MOST ((uint64_t)2000 << 20)

/* Repeated fields grow by one. NOLINTBEGIN(bugprone-sizeof-expression): their items are pointers, or numbers */
#define APPEND(list, count, item)                                                                                      \
	do {                                                                                                           \
		(list) = memory_grow((list), (count) + 1, sizeof *(list));                                             \
		(list)[(count)++] = (item);                                                                            \
	} while (0)
/* NOLINTEND(bugprone-sizeof-expression) */

#define NEW(type, init) ((type *)memcpy(memory_zeroed(1, sizeof(type)), &(type)init, sizeof(type)))

/* A graph under construction; last names the value that the next node reads. */
typedef struct Builder {
	Onnx__Graph *graph;
	const char *last;
	const char *pixels;  /* the value that the first steps read */
	const char **values; /* [steps]: what each has made; borrowed from its node */
} Builder;

static void
add_dimension(Onnx__Shape *shape, int64_t size, const char *name)
{
	Onnx__Dimension *dimension = NEW(Onnx__Dimension, ONNX__DIMENSION__INIT);

	if (name) {
		dimension->dim_param = memory_text(name);
	} else {
		dimension->has_dim_value = 1;
		dimension->dim_value = size;
	}
	APPEND(shape->dim, shape->n_dim, dimension);
}

/* A value [n, sizes…] that enters or leaves the graph. */
static Onnx__Value *
value_of(const char *name, int element, int rank, const int64_t *sizes)
{
	Onnx__Value *value = NEW(Onnx__Value, ONNX__VALUE__INIT);
	Onnx__Array *array = NEW(Onnx__Array, ONNX__ARRAY__INIT);

	value->name = memory_text(name);
	value->type = NEW(Onnx__Type, ONNX__TYPE__INIT);
	value->type->tensor_type = array;
	array->has_elem_type = 1;
	array->elem_type = element;
	array->shape = NEW(Onnx__Shape, ONNX__SHAPE__INIT);
	add_dimension(array->shape, 0, "n");
	for (int i = 0; i < rank; i++)
		add_dimension(array->shape, sizes[i], NULL);
	return value;
}

/* data: borrowed, [sizes] */
static void
add_tensor(Builder *builder, const char *name, int rank, const int64_t *sizes, const float *data)
{
	Onnx__Tensor *tensor = NEW(Onnx__Tensor, ONNX__TENSOR__INIT);
	size_t count = 1;

	for (int i = 0; i < rank; i++) {
		APPEND(tensor->dims, tensor->n_dims, sizes[i]);
		count *= (size_t)sizes[i];
	}
	tensor->name = memory_text(name);
	tensor->has_data_type = 1;
	tensor->data_type = ELEMENT_FLOAT;
	tensor->has_raw_data = 1;
	tensor->raw_data = (ProtobufCBinaryData){ .len = count * sizeof *data, .data = (uint8_t *)data };
	APPEND(builder->graph->initializer, builder->graph->n_initializer, tensor);
}

/* A node that reads the last value and then tensors of these names (up to a NULL); its output is called as itself. */
static Onnx__Node *
add_node(Builder *builder, const char *operation, const char *name, const char *const *tensors)
{
	Onnx__Node *node = NEW(Onnx__Node, ONNX__NODE__INIT);

	node->op_type = memory_text(operation);
	node->name = memory_text(name);
	APPEND(node->input, node->n_input, memory_text(builder->last));
	for (; tensors && *tensors; tensors++)
		APPEND(node->input, node->n_input, memory_text(*tensors));
	APPEND(node->output, node->n_output, memory_text(name));
	APPEND(builder->graph->node, builder->graph->n_node, node);
	builder->last = node->name;
	return node;
}

static Onnx__Attribute *
add_attribute(Onnx__Node *node, const char *name, Onnx__Attribute__Kind kind)
{
	Onnx__Attribute *attribute = NEW(Onnx__Attribute, ONNX__ATTRIBUTE__INIT);

	attribute->name = memory_text(name);
	attribute->has_type = 1;
	attribute->type = kind;
	APPEND(node->attribute, node->n_attribute, attribute);
	return attribute;
}

static void
set_whole(Onnx__Node *node, const char *name, int64_t value)
{
	Onnx__Attribute *attribute = add_attribute(node, name, ONNX__ATTRIBUTE__KIND__INT);

	attribute->has_i = 1;
	attribute->i = value;
}

static void
set_real(Onnx__Node *node, const char *name, float value)
{
	Onnx__Attribute *attribute = add_attribute(node, name, ONNX__ATTRIBUTE__KIND__FLOAT);

	attribute->has_f = 1;
	attribute->f = value;
}

static void
set_list(Onnx__Node *node, const char *name, int count, const int64_t *values)
{
	Onnx__Attribute *attribute = add_attribute(node, name, ONNX__ATTRIBUTE__KIND__INTS);

	for (int i = 0; i < count; i++)
		APPEND(attribute->ints, attribute->n_ints, values[i]);
}

/* What TensorFlow pads after the last row or column. */
static int64_t
pad_after(uint32_t in, uint32_t out, uint32_t kernel, uint32_t stride, uint32_t before)
{
	int64_t needed = (int64_t)(out - 1) * stride + kernel - in;

	return needed > before ? needed - before : 0;
}

static void
set_window(Onnx__Node *node, const Layer *layer)
{
	set_list(node, "kernel_shape", 2, (int64_t[]){ layer->kernel_h, layer->kernel_w });
	set_list(node, "strides", 2, (int64_t[]){ layer->stride, layer->stride });
	if (layer_multiplies(layer))
		set_list(node, "pads", 4,
			 (int64_t[]){ layer->pad_top, layer->pad_left,
				      pad_after(layer->in.h, layer->out.h, layer->kernel_h, layer->stride, layer->pad_top),
				      pad_after(layer->in.w, layer->out.w, layer->kernel_w, layer->stride, layer->pad_left) });
}

/* "conv1.weight"; a folded one belongs to no tensor of the model file, but still to the layer. */
static const char *
tensor_name(char text[static 48], const Layer *layer, const char *what)
{
	snprintf(text, 48, "%s.%s", layer->name, what);
	return text;
}

static Onnx__Node *
add_weighted(Builder *builder, const char *operation, const Step *step, int rank, const int64_t *sizes)
{
	char weight[48], bias[48];
	const char *tensors[] = { tensor_name(weight, step->layer, "weight"),
				  step->bias ? tensor_name(bias, step->layer, "bias") : NULL, NULL };

	add_tensor(builder, weight, rank, sizes, step->weight);
	if (step->bias)
		add_tensor(builder, bias, 1, sizes, step->bias);
	return add_node(builder, operation, step->layer->name, tensors);
}

static void
add_conv(Builder *builder, const Step *step)
{
	const Layer *conv = step->layer;
	bool is_depthwise = conv->kind == LAYER_DEPTHWISE;
	int64_t sizes[] = { conv->units, is_depthwise ? 1 : conv->in.c, conv->kernel_h, conv->kernel_w };
	Onnx__Node *node = add_weighted(builder, "Conv", step, 4, sizes);

	set_window(node, conv);
	if (is_depthwise)
		set_whole(node, "group", conv->in.c);
}

static void
add_dense(Builder *builder, const Step *step)
{
	int64_t sizes[] = { step->layer->units, step->layer->in.c };

	set_whole(add_weighted(builder, "Gemm", step, 2, sizes), "transB", 1);
}

static void
add_bn(Builder *builder, const Step *step)
{
	static const char *const what[] = { "weight", "bias", "running_mean", "running_var" };
	const float *data[] = { step->weight, step->bias, step->mean, step->variance };
	char names[4][48];
	const char *tensors[5] = { NULL };
	int64_t channels = step->layer->in.c;

	for (int i = 0; i < 4; i++) {
		tensors[i] = tensor_name(names[i], step->layer, what[i]);
		add_tensor(builder, names[i], 1, &channels, data[i]);
	}
	set_real(add_node(builder, "BatchNormalization", step->layer->name, tensors), "epsilon", 1e-3F);
}

static void
add_flatten(Builder *builder, const char *name)
{
	set_whole(add_node(builder, "Flatten", name, NULL), "axis", 1);
}

static const char *
value_at(const Builder *builder, size_t step)
{
	return step == STEP_PIXELS ? builder->pixels : builder->values[step];
}

static void
add_node_of(Builder *builder, const Step *step)
{
	const char *name = step->layer->name;
	char flat[48];

	switch (step->layer->kind) {
	case LAYER_CONV:
	case LAYER_DEPTHWISE:
		add_conv(builder, step);
		break;
	case LAYER_DENSE:
		add_dense(builder, step);
		break;
	case LAYER_BN:
		add_bn(builder, step);
		break;
	case LAYER_RELU:
		add_node(builder, "Relu", name, NULL);
		break;
	case LAYER_MAXPOOL:
		set_window(add_node(builder, "MaxPool", name, NULL), step->layer);
		break;
	case LAYER_AVGPOOL:
		set_window(add_node(builder, "AveragePool", name, NULL), step->layer);
		break;
	case LAYER_GLOBALAVGPOOL:
		add_node(builder, "GlobalAveragePool", name, NULL);
		add_flatten(builder, tensor_name(flat, step->layer, "flat"));
		break;
	case LAYER_FLATTEN: /* of [n, c, h, w]: in the order that the dense layer's weights have */
		add_flatten(builder, name);
		break;
	case LAYER_RESIDUAL:
		add_node(builder, "Add", name, (const char *[]){ value_at(builder, step->other), NULL });
		break;
	case LAYER_DROPOUT:
	case LAYER_SOFTMAX:
		break;
	}
}

static void
add_step(Builder *builder, const Graph *graph, size_t i)
{
	builder->last = value_at(builder, graph->steps[i].from);
	add_node_of(builder, &graph->steps[i]);
	builder->values[i] = builder->last;
}

/* uint8 [n, h, w, c] -> float [n, c, h, w], pixel * scale + shift */
static void
add_input(Builder *builder, const Net *net)
{
	int64_t channels[] = { 1, net->input.c, 1, 1 };
	int64_t sizes[] = { net->input.h, net->input.w, net->input.c };

	APPEND(builder->graph->input, builder->graph->n_input, value_of("image", ELEMENT_UINT8, 3, sizes));
	builder->last = "image";
	set_whole(add_node(builder, "Cast", "pixel", NULL), "to", ELEMENT_FLOAT);
	set_list(add_node(builder, "Transpose", "planes", NULL), "perm", 4, (int64_t[]){ 0, 3, 1, 2 });
	add_tensor(builder, "input.scale", 4, channels, net->scale);
	add_node(builder, "Mul", "scaled", (const char *[]){ "input.scale", NULL });
	add_tensor(builder, "input.shift", 4, channels, net->shift);
	add_node(builder, "Add", "shifted", (const char *[]){ "input.shift", NULL });
	builder->pixels = builder->last;
}

/* sharpness: 1 / temperature, borrowed */
static void
add_output(Builder *builder, const Net *net, const float *sharpness)
{
	int64_t classes = net->classes, one = 1;

	if (*sharpness != 1) {
		add_tensor(builder, "calibration.sharpness", 1, &one, sharpness);
		add_node(builder, "Mul", "calibrated", (const char *[]){ "calibration.sharpness", NULL });
	}
	set_whole(add_node(builder, "Softmax", "prob", NULL), "axis", 1);
	APPEND(builder->graph->output, builder->graph->n_output, value_of("prob", ELEMENT_FLOAT, 1, &classes));
}

static void
add_metadata(Onnx__Model *message, const char *key, char *owned)
{
	Onnx__Entry *entry = NEW(Onnx__Entry, ONNX__ENTRY__INIT);

	entry->key = memory_text(key);
	entry->value = owned;
	APPEND(message->metadata_props, message->n_metadata_props, entry);
}

static char *
classes_text(const Model *model)
{
	json_t *names = json_array();

	for (uint32_t i = 0; i < model->net.classes; i++)
		json_array_append_new(names, json_string(model->classes[i]));
	char *text = json_canonical(names, NULL);
	json_decref(names);
	return text;
}

static Onnx__Model *
message_of(const Graph *graph, const float *sharpness)
{
	Onnx__Model *message = NEW(Onnx__Model, ONNX__MODEL__INIT);
	Onnx__OperatorSet *set = NEW(Onnx__OperatorSet, ONNX__OPERATOR_SET__INIT);
	Builder builder = { .graph = NEW(Onnx__Graph, ONNX__GRAPH__INIT),
			    .values = memory_zeroed(graph->count + 1, sizeof *builder.values) };

	message->has_ir_version = 1;
	message->ir_version = ONNX_IR;
	message->producer_name = memory_text("fm-tools");
	message->producer_version = memory_text(FM_VERSION);
	set->domain = memory_text("");
	set->has_version = 1;
	set->version = ONNX_OPSET;
	APPEND(message->opset_import, message->n_opset_import, set);
	message->graph = builder.graph;
	builder.graph->name = memory_text("fm-model");
	add_input(&builder, &graph->model->net);
	for (size_t i = 0; i < graph->count; i++)
		add_step(&builder, graph, i);
	builder.last = value_at(&builder, graph->end);
	free(builder.values);
	add_output(&builder, &graph->model->net, sharpness);
	add_metadata(message, "fm.arch", memory_text(graph->model->net.text));
	add_metadata(message, "fm.classes", classes_text(graph->model));
	return message;
}

static void
message_release(Onnx__Model *message)
{
	/* borrowed weights are not the message's to free */
	for (size_t i = 0; i < message->graph->n_initializer; i++)
		message->graph->initializer[i]->raw_data = (ProtobufCBinaryData){ 0 };
	onnx__model__free_unpacked(message, NULL);
}

/* What protobuf-c appends to. */
typedef struct Sink {
	ProtobufCBuffer base;
	FILE *file;
} Sink;

static void
append(ProtobufCBuffer *buffer, size_t size, const uint8_t *data)
{
	Sink *sink = (Sink *)buffer;

	fwrite(data, 1, size, sink->file);
}

static Status
send(const Onnx__Model *message, int fd, const char *name)
{
	int copy = dup(fd);
	Sink sink = { .base.append = append, .file = copy < 0 ? NULL : fdopen(copy, "wb") };

	if (!sink.file && copy >= 0 && errno == EINVAL)
		errno = EBADF; /* not open for writing: what write() would say */
	if (!sink.file)
		return fail_errno("%s", name);
	onnx__model__pack_to_buffer(message, &sink.base);
	bool is_bad = ferror(sink.file);
	return fclose(sink.file) || is_bad ? fail_errno("%s", name) : STATUS_OK;
}

Status
onnx_write(const Graph *graph, int fd, const char *name)
{
	const Net *net = &graph->model->net;
	float sharpness = (float)(1 / graph->temperature);

	if ((net->param_count + net->bn_count) * sizeof(float) > ONNX_BYTES_MOST)
		return fail(STATUS_INPUT, "%s: the model has %zu parameters; ONNX files end at 2 GB", name,
			    net->param_count + net->bn_count);
	Onnx__Model *message = message_of(graph, &sharpness);
	Status status = send(message, fd, name);
	message_release(message);
	return status;
}
