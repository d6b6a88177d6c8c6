#include "export/model.h"

#include "cli/atomic.h"
#include "cli/message.h"
#include "export/c_source.h"
#include "export/graph.h"
#include "export/onnx.h"
#include "memory.h"

#include <unistd.h>

static Status
read_graph(Model *model, Graph *graph, const char *path, bool fold)
{
	Status status = model_read(model, strcmp(path, "-") ? path : "/dev/stdin");
	if (status < 0)
		return status;
	if (strcmp(model->views, "none") != 0)
		warn("the model's test views (%s) stay behind: compare with fm-predict --tta none", model->views);
	if ((status = graph_init(graph, model, fold)) < 0)
		model_release(model);
	return status;
}

static Status
write_onnx(const Graph *graph, const char *target)
{
	AtomicFile file;
	if (!target)
		return onnx_write(graph, STDOUT_FILENO, "standard output");
	Status status = atomic_open(&file, target);
	if (status < 0)
		return status;
	if ((status = onnx_write(graph, file.fd, target)) >= 0)
		return atomic_commit(&file);
	atomic_abandon(&file);
	return status;
}

Status
export_onnx(const char *path, const char *target, bool fold)
{
	Model model;
	Graph graph;
	Status status = read_graph(&model, &graph, path, fold);
	if (status < 0)
		return status;
	status = write_onnx(&graph, target);
	graph_release(&graph);
	model_release(&model);
	return status;
}

/* Both are written before the first appears. */
static Status
write_pair(const Graph *graph, const Arena *arena, const char *source_name, const char *header_name)
{
	AtomicFile source, header;
	const char *slash = strrchr(header_name, '/'), *header_base = slash ? slash + 1 : header_name;
	char *prefix = c_prefix(source_name);
	Status status = atomic_open(&source, source_name);

	if (status >= 0 && (status = atomic_open(&header, header_name)) < 0)
		atomic_abandon(&source);
	if (status >= 0) {
		status = c_source_write(graph, arena, prefix, header_base, source.fd, source_name);
		if (status >= 0)
			status = c_header_write(graph, arena, prefix, header.fd, header_name);
		if (status >= 0)
			status = atomic_commit(&header);
		else
			atomic_abandon(&header);
		if (status >= 0)
			status = atomic_commit(&source);
		else
			atomic_abandon(&source);
	}
	free(prefix);
	return status;
}

static Status
check_c_name(const char *target)
{
	const char *slash = strrchr(target, '/'), *base = slash ? slash + 1 : target;
	size_t length = strlen(base);

	if (length < 3 || strcmp(base + length - 2, ".c") != 0)
		return fail(STATUS_USAGE, "%s: expected a name that ends in .c; the header goes beside it", target);
	if (base[strcspn(base, "\"\\\n")])
		return fail(STATUS_USAGE, "%s: a header of this name can't be included; expected one without quotes and backslashes",
			    target);
	return STATUS_OK;
}

Status
export_c(const char *path, const char *target, size_t *size)
{
	Model model;
	Graph graph;
	Arena arena;
	Status status = check_c_name(target);
	if (status < 0 || (status = read_graph(&model, &graph, path, true)) < 0)
		return status;
	char *header = memory_text(target);
	header[strlen(header) - 1] = 'h';
	status = arena_init(&arena, &graph);
	if (status >= 0) {
		status = write_pair(&graph, &arena, target, header);
		*size = c_arena_size(&arena);
		arena_release(&arena);
	}
	free(header);
	graph_release(&graph);
	model_release(&model);
	return status;
}
