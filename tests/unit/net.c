/* Architecture text: what it means, how it is written back, what is refused and in which words. */
#include "net/net.h"
#include "unit/check.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

static const Shape picture = { 28, 28, 1, false };

/* The canonical text of one that must fit. */
static void
expect_text(const char *text, Shape input, uint32_t classes, const char *canonical)
{
	Net net, again;
	Status status = net_init(&net, text, input, classes);

	CHECK(status == STATUS_OK, "%s: %s", text, status_message());
	CHECK(!strcmp(net.text, canonical), "%s", net.text);
	CHECK(net_init(&again, net.text, input, classes) == STATUS_OK, "%s", status_message());
	CHECK(!strcmp(again.text, canonical), "%s", again.text);
	net_release(&net);
	net_release(&again);
}

static void
expect_refusal(const char *text, uint32_t classes, const char *words)
{
	Net net;
	Status status = net_init(&net, text, picture, classes);

	CHECK(status == STATUS_USAGE, "%s: %d", text, status);
	CHECK(strstr(status_message(), words), "%s: %s", text, status_message());
}

TEST(canonical_text)
{
	expect_text("seed", picture, 10,
		    "conv 32 4x4 stride 1 same, bn, relu, maxpool 2 stride 2, conv 64 3x3 stride 1 same, bn, relu, "
		    "maxpool 2 stride 2, conv 128 3x3 stride 1 same, bn, relu, flatten, dense 128, bn, relu, "
		    "dropout 0.35, dense 10, softmax");
	expect_text("  conv 8 3x5\tnobias same stride 2 ,\n avgpool 2 stride 1,relu,globalavgpool,dense classes\n", picture, 3,
		    "conv 8 3x5 stride 2 same nobias, avgpool 2 stride 1, relu, globalavgpool, dense 3");
	expect_text("conv 4 3x3 same,residual ( depthwise 3x3 same nobias,bn|),residual(conv 5 1x1, relu |residual(bn | relu),conv 5 "
		    "1x1 stride 1 ) , relu,globalavgpool,dense classes", picture, 3,
		    "conv 4 3x3 stride 1 same, residual(depthwise 3x3 stride 1 same nobias, bn | ), residual(conv 5 1x1 stride 1 "
		    "valid, relu | residual(bn | relu), conv 5 1x1 stride 1 valid), relu, globalavgpool, dense 3");
	expect_text("flatten, dropout .50, dense 7 nobias", picture, 7, "flatten, dropout 0.5, dense 7 nobias");
}

TEST(locale_plays_no_part)
{
	if (!setlocale(LC_ALL, "de_DE.UTF-8"))
		printf("# no locale with a decimal comma is installed\n");
	expect_text("flatten, dropout 0.25, dense 2", picture, 2, "flatten, dropout 0.25, dense 2");
	setlocale(LC_ALL, "C");
}

TEST(refused_words)
{
	expect_refusal("conf 3 3x3", 10, "unknown layer \"conf\"");
	expect_refusal("flatten,, dense 10", 10, "layer 2 of the architecture is empty");
	expect_refusal("", 10, "layer 1 of the architecture is empty");
	expect_refusal("conv 8", 10, "conv1: too few words");
	expect_refusal("conv 8 3", 10, "\"3\" is not a kernel");
	expect_refusal("conv 8 3x3x3", 10, "is not a kernel");
	expect_refusal("conv -8 3x3", 10, "\"-8\" is not a whole number");
	expect_refusal("conv 99999999999999999999 3x3", 10, "is not a whole number");
	expect_refusal("conv 8 3x3 same valid", 10, "unexpected \"valid\"");
	expect_refusal("conv 8 3x3 stride", 10, "too few words");
	expect_refusal("conv 8 3x3, flatten, dense 10 stride 2", 10, "fc1: unexpected \"stride\"");
	expect_refusal("relu 3", 10, "relu1: unexpected \"3\"");
	expect_refusal("maxpool 2 2", 10, "maxpool1: unexpected \"2\"");
	expect_refusal("maxpool 2 stride 2 2", 10, "maxpool1: unexpected \"2\"");
	expect_refusal("dropout 1", 10, "not a rate");
	expect_refusal("dropout nan", 10, "not a rate");
	expect_refusal("dropout 0,5", 10, "unknown layer \"5\"");
	expect_refusal("dropout 0x1p-2z", 10, "not a rate");
	expect_refusal("dropout 0x0.8", 10, "not a rate");
	expect_refusal("dropout +0.5", 10, "not a rate");
	expect_refusal("sed", 10, "unknown layer or preset \"sed\"");
	expect_refusal("sed", 10, "presets: seed, small, large");
}

TEST(refused_branches)
{
	char deep[4096] = "";

	expect_refusal("residual(bn | ", 10, "residual1: expected \")\", found the end");
	expect_refusal("residual(bn), flatten, dense 10", 10, "residual1: expected \"|\", found \"), flatten, dense 10\"");
	expect_refusal("residual(bn | relu | relu)", 10, "residual1: expected \")\", found \"| relu)\"");
	expect_refusal("residual( | bn)", 10, "residual1: nothing stands before the line");
	expect_refusal("residual(", 10, "residual1: nothing stands before the line");
	expect_refusal("residual(bn, | relu)", 10, "layer 3 of the architecture is empty");
	expect_refusal("residual(bn | relu) bn, flatten", 10, "residual1: expected a comma, found \"bn, flatten\"");
	expect_refusal("residual, flatten, dense 10", 10, "residual1: expected \"(\"");
	expect_refusal("residual 2 (bn | )", 10, "residual1: unexpected \"2\"");
	expect_refusal("bn (relu | ), flatten", 10, "bn1: unexpected \"(\"");
	expect_refusal("bn | relu", 10, "after layer 1 of the architecture: unexpected \"|\"");
	expect_refusal("flatten, dense 10)", 10, "after layer 2 of the architecture: unexpected \")\"");
	expect_refusal("residual(conv 3 3x3 same | ), flatten, dense 10", 10,
		       "residual1: A gives 28x28x3 and B 28x28x1, which can't be added; give B a conv 1x1");
	expect_refusal("residual(conv 3 3x3 | conv 4 3x3), flatten, dense 10", 10, "give both the same shape");
	expect_refusal("residual(softmax | ), flatten, dense 10", 10, "softmax1");
	expect_refusal("depthwise 3, flatten, dense 10", 10, "depthwise1: \"3\" is not a kernel");
	expect_refusal("depthwise 29x3, flatten, dense 10", 10, "depthwise1 (depthwise 29x3 stride 1 valid): its input is 28x28x1");
	expect_refusal("flatten, depthwise 3x3", 10, "depthwise1 (depthwise 3x3 stride 1 valid): its input is 784");
	for (int i = 0; i < 40; i++)
		strcat(deep, "residual(");
	expect_refusal(strcat(deep, "bn"), 10, "nested more than 32 deep");
}

TEST(most_layers)
{
	char *text = malloc(6 * (NET_LAYERS_MOST + 1) + 1), *end = text;

	for (int i = 0; i <= NET_LAYERS_MOST; i++)
		end = stpcpy(end, i ? ", relu" : "relu");
	expect_refusal(text, 10, "more than 1000 layers");
	free(text);
}

TEST(refused_shapes)
{
	expect_refusal("conv 8 30x3, flatten, dense 10", 10, "conv1 (conv 8 30x3 stride 1 valid): its input is 28x28x1");
	expect_refusal("dense 128, flatten, dense 10", 10, "fc1 (dense 128): its input is 28x28x1, but it needs a flat");
	expect_refusal("flatten, dense 5, dense 12", 10, "fc2 (dense 12): its output is 12, but there are 10 classes");
	expect_refusal("flatten, dense 12, bn, softmax", 10, "fc1 (dense 12): its output is 12");
	expect_refusal("conv 10 3x3, relu", 10, "conv1 (conv 10 3x3 stride 1 valid): its output is 26x26x10");
	expect_refusal("flatten, conv 3 3x3", 10, "conv1 (conv 3 3x3 stride 1 valid): its input is 784");
	expect_refusal("flatten, globalavgpool", 10, "globalavgpool1");
	expect_refusal("softmax, flatten, dense 10", 10, "softmax1");
	expect_refusal("flatten, dense 10, softmax, relu", 10, "softmax1 stands before relu1");
	expect_refusal("maxpool 29", 10, "maxpool1 (maxpool 29 stride 29): its input is 28x28x1");
	expect_refusal("conv 65536 1x1 same, conv 65536 1x1 same, flatten, dense 10", 10, "conv2: with it the network has");
	expect_refusal("conv 65536 1x1, flatten, dense 65536, dense 10", 10, "fc1: with it the network has");
	expect_refusal("flatten, dense 10", 0, "0 classes");
}

/* out = ceil(in / stride); the smaller half of the padding before: 4x4 has one before and two after. */
TEST(same_padding_as_tensorflow)
{
	static const struct { uint32_t in, kernel, stride, out, pad; } cases[] = {
		{ 28, 4, 1, 28, 1 }, { 28, 3, 1, 28, 1 }, { 28, 3, 2, 14, 0 }, { 28, 5, 2, 14, 1 },
		{ 7, 2, 3, 3, 0 },   { 5, 1, 2, 3, 0 },	  { 1, 5, 1, 1, 2 },   { 9, 4, 4, 3, 1 },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char text[80];
		Net net;
		Shape input = { cases[i].in, cases[i].in, 1, false };

		snprintf(text, sizeof text, "conv 2 %ux%u stride %u same, globalavgpool", cases[i].kernel, cases[i].kernel,
			 cases[i].stride);
		CHECK(net_init(&net, text, input, 2) == STATUS_OK, "%s", status_message());
		CHECK(net.layers[0].out.h == cases[i].out && net.layers[0].out.w == cases[i].out, "%s of %u: %u", text,
		      cases[i].in, net.layers[0].out.h);
		CHECK(net.layers[0].pad_top == cases[i].pad && net.layers[0].pad_left == cases[i].pad, "%s of %u: %u", text,
		      cases[i].in, net.layers[0].pad_top);
		net_release(&net);
	}
}

TEST(tensors_of_seed)
{
	static const char *const names[] = {
		"conv1.weight", "conv1.bias", "bn1.weight", "bn1.bias", "bn1.running_mean", "bn1.running_var",
		"conv2.weight", "conv2.bias", "bn2.weight", "bn2.bias", "bn2.running_mean", "bn2.running_var",
		"conv3.weight", "conv3.bias", "bn3.weight", "bn3.bias", "bn3.running_mean", "bn3.running_var",
		"fc1.weight",	"fc1.bias",   "bn4.weight", "bn4.bias", "bn4.running_mean", "bn4.running_var",
		"fc2.weight",	"fc2.bias",
	};
	Net net;
	size_t decayed = 0;

	CHECK(net_init(&net, "seed", picture, 10) == STATUS_OK, "%s", status_message());
	CHECK(net.tensor_count == sizeof names / sizeof *names, "%zu", net.tensor_count);
	for (size_t i = 0; i < net.tensor_count; i++) {
		CHECK(!strcmp(net.tensors[i].name, names[i]), "%s", net.tensors[i].name);
		decayed += tensor_is_decayed(&net.tensors[i]);
	}
	CHECK(decayed == 5, "%zu", decayed);
	CHECK(net.param_count == 897834 && net.bn_count == 2 * (32 + 64 + 128 + 128), "%zu %zu", net.param_count,
	      net.bn_count);
	CHECK(net.tensors[18].rank == 2 && net.tensors[18].shape[0] == 128 && net.tensors[18].shape[1] == 6272,
	      "%u", net.tensors[18].shape[1]);
	net_release(&net);
}

/* They are what they are for good; batch norm's statistics are not trained. */
TEST(presets)
{
	static const struct {
		const char *name;
		size_t params, convolutions;
	} presets[] = { { "seed", 897834, 3 }, { "small", 264842, 7 }, { "large", 8948922, 40 } };
	size_t count = 0;

	while (preset_names()[count])
		count++;
	CHECK(count == sizeof presets / sizeof *presets, "%zu", count);
	for (size_t i = 0; i < count; i++) {
		size_t convolutions = 0;
		Net net;

		CHECK(!strcmp(preset_names()[i], presets[i].name), "%s", preset_names()[i]);
		CHECK(net_init(&net, presets[i].name, picture, 10) == STATUS_OK, "%s", status_message());
		for (size_t j = 0; j < net.layer_count; j++)
			convolutions += net.layers[j].kind == LAYER_CONV;
		CHECK(net.param_count == presets[i].params, "%s: %zu", presets[i].name, net.param_count);
		CHECK(convolutions == presets[i].convolutions, "%s: %zu", presets[i].name, convolutions);
		net_release(&net);
		CHECK(net_init(&net, presets[i].name, (Shape){ 11, 64, 3, false }, 100) == STATUS_OK, "%s", status_message());
		net_release(&net);
	}
}

/* "from: main bn +other relu pool dropout" of every stage, ' where it flattens, and its output */
static void
expect_plan(const char *text, Shape input, uint32_t classes, const char *expected)
{
	char plan[1000] = "";
	Net net;

	CHECK(net_init(&net, text, input, classes) == STATUS_OK, "%s", status_message());
	for (size_t i = 0; i < net.stage_count; i++) {
		const Stage *s = &net.stages[i];
		const Layer *members[] = { s->main, s->bn, s->add, s->relu, s->pool, s->dropout };
		size_t at = strlen(plan);

		CHECK(s->from < (int)i && s->other < (int)i && (s->other >= 0) == (s->add != NULL), "%d %d", s->from, s->other);
		if (s->from != (int)i - 1)
			at += (size_t)snprintf(plan + at, sizeof plan - at, "%d: ", s->from);
		at += (size_t)snprintf(plan + at, sizeof plan - at, "%s[", s->is_flattened ? "'" : "");
		for (size_t j = 0; j < 6; j++)
			if (members[j] && members[j] == s->add)
				at += (size_t)snprintf(plan + at, sizeof plan - at, " +%d", s->other);
			else if (members[j])
				at += (size_t)snprintf(plan + at, sizeof plan - at, " %s", members[j]->name);
		snprintf(plan + at, sizeof plan - at, " ] %ux%ux%u%s%s; ", s->out.h, s->out.w, s->out.c,
			 s->out.is_flat ? " flat" : "", s->readers == 1 ? "" : s->readers ? " shared" : " end");
	}
	CHECK(!strcmp(plan, expected), "%s: %s", text, plan);
	net_release(&net);
}

TEST(plan)
{
	const Shape single = { 1, 1, 6, false };

	expect_plan("seed", picture, 10,
		    "[ conv1 bn1 relu1 maxpool1 ] 14x14x32; [ conv2 bn2 relu2 maxpool2 ] 7x7x64; "
		    "[ conv3 bn3 relu3 ] 7x7x128; '[ fc1 bn4 relu4 dropout1 ] 1x1x128 flat; [ fc2 ] 1x1x10 flat end; ");
	expect_plan("bn, conv 10 3x3, maxpool 2, relu, globalavgpool", picture, 10,
		    "[ bn1 ] 28x28x1; [ conv1 maxpool1 ] 13x13x10; [ relu1 globalavgpool1 ] 1x1x10 flat end; ");
	expect_plan("conv 4 3x3, flatten, bn, relu, dense 10", picture, 10,
		    "[ conv1 ] 26x26x4; '[ bn1 relu1 ] 1x1x2704 flat; [ fc1 ] 1x1x10 flat end; ");
	expect_plan("relu, relu, flatten, dense 5, dense 4, softmax", picture, 4,
		    "[ relu1 ] 28x28x1; [ relu2 ] 28x28x1; '[ fc1 ] 1x1x5 flat; [ fc2 ] 1x1x4 flat end; ");
	expect_plan("conv 10 28x28, flatten, bn, softmax", picture, 10, "[ conv1 bn1 ] 1x1x10 flat end; ");
	expect_plan("maxpool 14, flatten", picture, 4, "[ maxpool1 ] 2x2x1; '[ ] 1x1x4 flat end; ");
	expect_plan("flatten, softmax", single, 6, "[ ] 1x1x6 flat end; ");
	expect_plan("flatten, dense 3", single, 3, "[ fc1 ] 1x1x3 flat end; ");
}

TEST(plan_of_branches)
{
	/* an identity: its input lies in memory, the sum joins the last stage of A */
	expect_plan("conv 4 3x3 same, bn, relu, residual(conv 4 3x3 same, bn, relu, conv 4 3x3 same, bn | ), relu, maxpool 2, "
		    "globalavgpool, dense classes", picture, 10,
		    "[ conv1 bn1 relu1 ] 28x28x4 shared; [ conv2 bn2 relu2 ] 28x28x4; [ conv3 bn3 +0 relu3 maxpool1 ] 14x14x4; "
		    "[ globalavgpool1 ] 1x1x4 flat; [ fc1 ] 1x1x10 flat end; ");
	/* a projection: A's end waits, the sum joins B */
	expect_plan("bn, residual(conv 4 3x3 same, bn | conv 4 1x1, bn), relu, flatten, dense classes", picture, 10,
		    "[ bn1 ] 28x28x1 shared; [ conv1 bn2 ] 28x28x4; 0: [ conv2 bn3 +1 relu1 ] 28x28x4; "
		    "'[ fc1 ] 1x1x10 flat end; ");
	/* shared pixels become a stage; a sum after relu is a stage of its own */
	expect_plan("residual(conv 1 1x1, relu | ), flatten, dense classes", picture, 10,
		    "[ ] 28x28x1 shared; [ conv1 relu1 ] 28x28x1; [ +0 ] 28x28x1; '[ fc1 ] 1x1x10 flat end; ");
	/* flattened ends: A's becomes a stage, B's goes with the sum; nested sums wait for each other */
	expect_plan("bn, residual(flatten | flatten), dense classes", picture, 10,
		    "[ bn1 ] 28x28x1 shared; '[ ] 1x1x784 flat; 0: '[ +1 ] 1x1x784 flat; [ fc1 ] 1x1x10 flat end; ");
	expect_plan("flatten, residual(dense 5, residual(dense 5 | ) | dense 5), dense classes", picture, 10,
		    "'[ ] 1x1x784 flat shared; [ fc1 ] 1x1x5 flat shared; [ fc2 +1 ] 1x1x5 flat; 0: [ fc3 +2 ] 1x1x5 flat; "
		    "[ fc4 ] 1x1x10 flat end; ");
	/* the end itself */
	expect_plan("flatten, dense 3, residual(dense 3 | )", picture, 3,
		    "'[ fc1 ] 1x1x3 flat shared; [ fc2 +0 ] 1x1x3 flat end; ");
}

int
main(void)
{
	RUN(canonical_text);
	RUN(locale_plays_no_part);
	RUN(refused_words);
	RUN(refused_branches);
	RUN(most_layers);
	RUN(refused_shapes);
	RUN(same_padding_as_tensorflow);
	RUN(tensors_of_seed);
	RUN(presets);
	RUN(plan);
	RUN(plan_of_branches);
	return check_done();
}
