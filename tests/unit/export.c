/* export.c: hostile names become paths that stay where they should; batch norm goes into weights. */
#include "check.h"

#include "export/c_source.h"
#include "export/graph.h"
#include "export/path.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static char *folders[] = { (char *)"cat", (char *)"%2E%2E" };

static const char *
path_for(const char *name, int32_t label, int64_t epoch)
{
	static char text[4096];
	Sample sample = { .label = label, .id = 17, .epoch = epoch, .name = name, .name_length = name ? strlen(name) : 0 };
	char *path = path_of_sample(&sample, folders);

	snprintf(text, sizeof text, "%s", path);
	free(path);
	return text;
}

#define CHECK_PATH(name, label, expected) CHECK(!strcmp(path_for(name, label, -1), expected), "found %s", path_for(name, label, -1))

TEST(names_are_kept)
{
	CHECK_PATH("cat/a.png", 0, "cat/a");
	CHECK_PATH("train/cat/a.JPEG", 0, "train/cat/a");
	CHECK_PATH("test/cat/a", 0, "test/cat/a");
	CHECK_PATH("trainer/cat/a", 0, "cat/trainer/cat/a");
	CHECK_PATH("cats/a.b.tiff", 0, "cat/cats/a.b");
	CHECK_PATH("a", -1, "a");
	CHECK_PATH("100%.png", -1, "100%");
	CHECK_PATH("cat", 0, "cat/cat");
}

TEST(ids_stand_in_for_names)
{
	CHECK_PATH(NULL, 0, "cat/000000017");
	CHECK_PATH(NULL, -1, "000000017");
	CHECK_PATH("", 0, "cat/000000017");
	CHECK_PATH("/", 0, "cat/000000017");
	CHECK_PATH("///", -1, "000000017");
	CHECK(!strcmp(path_for("cat/a.png", 0, 3), "cat/a-epoch3"), "found %s", path_for("cat/a.png", 0, 3));
}

TEST(hostile_names_are_made_safe)
{
	CHECK_PATH("..", -1, "%2E.");
	CHECK_PATH(".", -1, "%2E");
	CHECK_PATH("../../etc/passwd", -1, "%2E./%2E./etc/passwd");
	CHECK_PATH("/etc/passwd", -1, "etc/passwd");
	CHECK_PATH("cat/../../a", 0, "cat/%2E./%2E./a");
	CHECK_PATH("cat/", 0, "cat/cat");
	CHECK_PATH("cat//", 0, "cat/cat");
	CHECK_PATH("a\n\033\177", -1, "a%0A%1B%7F");
	CHECK_PATH(".png", -1, "%2Epng");
	CHECK_PATH("a/.png", -1, "a/%2Epng");
	CHECK_PATH("..", 1, "%2E%2E/%2E.");
}

TEST(classes_are_folders)
{
	About about;
	char **safe = NULL;
	const char *const names[] = { "..", "a/b", ".hidden", "\001" };
	const char *const twice[] = { "a/b", "a%2Fb" };

	about_init(&about, 1, 1, 1);
	CHECK(about_set_classes(&about, 4, names) == STATUS_OK);
	CHECK(path_classes(&about, &safe) == STATUS_OK);
	CHECK(!strcmp(safe[0], "%2E.") && !strcmp(safe[1], "a%2Fb") && !strcmp(safe[2], "%2Ehidden") && !strcmp(safe[3], "%01"));
	path_classes_release(&about, safe);
	CHECK(about_set_classes(&about, 2, twice) == STATUS_OK);
	CHECK(path_classes(&about, &safe) == STATUS_INPUT);
	about_release(&about);
}

TEST(targets_are_identifiers)
{
	static const char *const names[][2] = {
		{ "net.c", "net" }, { "a/my net-2.c", "my_net_2" }, { "2.c", "net_2" }, { "_x.c", "net__x" }, { "\xc3\xa9.c", "net___" },
	};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char *prefix = c_prefix(names[i][0]);
		bool is_right = !strcmp(prefix, names[i][1]);

		free(prefix);
		CHECK(is_right, "%s", names[i][0]);
	}
}

/* conv, bn, dropout, bn, ..., dense, dropout, bn: the first and the last are folded, the second has its own step */
TEST(batch_norm_is_folded)
{
	Model model = { 0 };
	Graph graph;
	Shape input = { 5, 5, 1, false };

	CHECK(net_init(&model.net, "conv 2 3x3, bn, dropout 0.5, bn, flatten, dense 3, dropout 0.1, bn, dense 2", input, 2) == STATUS_OK);
	model.param = calloc(model.net.param_count, sizeof(float));
	model.bn = calloc(model.net.bn_count, sizeof(float));
	for (size_t i = 0; i < model.net.param_count; i++)
		model.param[i] = (float)sin((double)i);
	for (size_t i = 0; i < model.net.bn_count; i++)
		model.bn[i] = 1 + (float)i;
	CHECK(graph_init(&graph, &model, false) == STATUS_OK);
	CHECK(graph.count == 7, "%zu steps", graph.count);
	graph_release(&graph);
	CHECK(graph_init(&graph, &model, true) == STATUS_OK);
	CHECK(graph.count == 5, "%zu steps", graph.count);
	CHECK(graph.steps[0].folded && graph.steps[1].layer->kind == LAYER_BN && graph.steps[3].folded && !graph.steps[4].folded);

	const Layer *conv = &model.net.layers[0], *bn = &model.net.layers[1];
	double scale = model.param[bn->weight + 1] / sqrt(model.bn[bn->variance + 1] + 1e-3);
	double bias = (model.param[conv->bias + 1] - model.bn[bn->mean + 1]) * scale + model.param[bn->bias + 1];
	CHECK(graph.steps[0].weight[17] == (float)(model.param[conv->weight + 17] * scale));
	CHECK(fabs(graph.steps[0].bias[1] - bias) <= 1e-6);
	graph_release(&graph);
	free(model.param);
	free(model.bn);
	net_release(&model.net);
}

int
main(void)
{
	RUN(names_are_kept);
	RUN(ids_stand_in_for_names);
	RUN(hostile_names_are_made_safe);
	RUN(classes_are_folders);
	RUN(targets_are_identifiers);
	RUN(batch_norm_is_folded);
	return check_done();
}
