/* source/sets.c: the data sets that fm-fetch knows by name.
 *
 * Where the digests come from: Fashion-MNIST's were computed from Debian's dataset-fashion-mnist, as packed (the package
 * strips each file's name and time from its gzip header) and, with name and time put back, as published; these agree with
 * TensorFlow Datasets' list (tensorflow_datasets/url_checksums), from which all others are taken. */
#include "source/sets.h"

#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

static const char *const clothes[] = {
	"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
};
static const char *const digits[] = { "0", "1", "2", "3", "4", "5", "6", "7", "8", "9" };
static const char *const hiragana[] = { "o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo" };
static const char *const letters[] = {
	"A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L", "M",
	"N", "O", "P", "Q", "R", "S", "T", "U", "V", "W", "X", "Y", "Z",
};
/* lower-case letters that look like their capitals are merged with them */
static const char *const merged[] = {
	"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L", "M", "N",
	"O", "P", "Q", "R", "S", "T", "U", "V", "W", "X", "Y", "Z", "a", "b", "d", "e", "f", "g", "h", "n", "q", "r", "t",
};
static const char *const characters[] = {
	"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K",
	"L", "M", "N", "O", "P", "Q", "R", "S", "T", "U", "V", "W", "X", "Y", "Z", "a", "b", "c", "d", "e", "f",
	"g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r", "s", "t", "u", "v", "w", "x", "y", "z",
};

#define TRAIN_IMAGES "train-images-idx3-ubyte.gz"
#define TRAIN_LABELS "train-labels-idx1-ubyte.gz"
#define TEST_IMAGES "t10k-images-idx3-ubyte.gz"
#define TEST_LABELS "t10k-labels-idx1-ubyte.gz"
#define FOUR_FILES .train = { TRAIN_IMAGES, TRAIN_LABELS }, .test = { TEST_IMAGES, TEST_LABELS }

static const SetFile fashion_files[] = {
	{ TRAIN_IMAGES, 26421880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
	  "b0564c3eedabfbf835052cff8503ea422014ce006caf5b757f851416ee8300c7",
	  "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888" },
	{ TRAIN_LABELS, 29515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
	  "0ae29f65d86684f32d1b9c85147786c547b9c6aebcaf235f0400a0cce308b056",
	  "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9" },
	{ TEST_IMAGES, 4422102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
	  "cc1d090a38ace84dfa1aa66e3ada7c336ef481a96936906477e6dd344da56eaa",
	  "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b" },
	{ TEST_LABELS, 5148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
	  "8d3605d196f4be44669e46906da9733c8131fef761fdbfec72c424d5222f1a05",
	  "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34" },
	{ 0 },
};
static const char *const fashion_mirrors[] = {
	"https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
	"https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
	NULL,
};

static const SetFile mnist_files[] = {
	{ TRAIN_IMAGES, 9912422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609", NULL, NULL },
	{ TRAIN_LABELS, 28881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c", NULL, NULL },
	{ TEST_IMAGES, 1648877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6", NULL, NULL },
	{ TEST_LABELS, 4542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6", NULL, NULL },
	{ 0 },
};
static const char *const mnist_mirrors[] = {
	"https://storage.googleapis.com/cvdf-datasets/mnist/",
	"https://ossci-datasets.s3.amazonaws.com/mnist/",
	NULL,
};

static const SetFile kmnist_files[] = {
	{ TRAIN_IMAGES, 18165135, "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4", NULL, NULL },
	{ TRAIN_LABELS, 29497, "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17", NULL, NULL },
	{ TEST_IMAGES, 3041136, "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5", NULL, NULL },
	{ TEST_LABELS, 5120, "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c", NULL, NULL },
	{ 0 },
};
static const char *const kmnist_mirrors[] = { "https://codh.rois.ac.jp/kmnist/dataset/kmnist/", NULL };

static const SetFile emnist_files[] = {
	{ "gzip.zip", 561753746, "fb9bb67e33772a9cc0b895e4ecf36d2cf35be8b709693c3564cea2a019fcda8e", NULL, NULL },
	{ 0 },
};
static const char *const emnist_mirrors[] = {
	"https://biometrics.nist.gov/cs_links/EMNIST/",
	"https://www.itl.nist.gov/iaui/vip/cs_links/EMNIST/",
	NULL,
};

/* EMNIST's pictures lie on their side: stored column by column. */
#define EMNIST(part, names, first)                                                                                     \
	{                                                                                                              \
		.name = "emnist-" part, .folder = "emnist", .files = emnist_files, .is_archive = true,                 \
		.train = { "gzip/emnist-" part "-train-images-idx3-ubyte.gz",                                          \
			   "gzip/emnist-" part "-train-labels-idx1-ubyte.gz" },                                        \
		.test = { "gzip/emnist-" part "-test-images-idx3-ubyte.gz",                                            \
			  "gzip/emnist-" part "-test-labels-idx1-ubyte.gz" },                                          \
		.traits = { .class_count = COUNT_OF(names), .classes = (names), .first_label = (first),                  \
			    .is_transposed = true },                                                                   \
		.mirrors = emnist_mirrors,                                                                             \
	}

static const SetFile cifar_10_files[] = {
	{ "cifar-10-binary.tar.gz", 170052171, "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd", NULL, NULL },
	{ 0 },
};
static const SetFile cifar_100_files[] = {
	{ "cifar-100-binary.tar.gz", 168513733, "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec", NULL, NULL },
	{ 0 },
};
static const char *const cifar_mirrors[] = { "https://www.cs.toronto.edu/~kriz/", NULL };

static const SetFile svhn_files[] = {
	{ "train_32x32.mat", 182040794, "435e94d69a87fde4fd4d7f3dd208dfc32cb6ae8af2240d066de1df7508d083b8", NULL, NULL },
	{ "test_32x32.mat", 64275384, "cdce80dfb2a2c4c6160906d0bd7c68ec5a99d7ca4831afa54f09182025b6a75b", NULL, NULL },
	{ 0 },
};
/* its publisher has no https; the digests vouch for it */
static const char *const svhn_mirrors[] = { "http://ufldl.stanford.edu/housenumbers/", NULL };

const NamedSet named_sets[] = {
	{ .name = "fashion-mnist", .folder = "fashion-mnist", .files = fashion_files, FOUR_FILES,
	  .traits = { .class_count = COUNT_OF(clothes), .classes = clothes }, .mirrors = fashion_mirrors,
	  .package = "dataset-fashion-mnist" },
	{ .name = "mnist", .folder = "mnist", .files = mnist_files, FOUR_FILES,
	  .traits = { .class_count = COUNT_OF(digits), .classes = digits }, .mirrors = mnist_mirrors },
	{ .name = "kmnist", .folder = "kmnist", .files = kmnist_files, FOUR_FILES,
	  .traits = { .class_count = COUNT_OF(hiragana), .classes = hiragana }, .mirrors = kmnist_mirrors },
	EMNIST("balanced", merged, 0),
	EMNIST("byclass", characters, 0),
	EMNIST("bymerge", merged, 0),
	EMNIST("digits", digits, 0),
	EMNIST("letters", letters, 1),
	EMNIST("mnist", digits, 0),
	{ .name = "cifar-10", .folder = "cifar-10", .files = cifar_10_files, .layout = SET_CIFAR, .is_archive = true,
	  .mirrors = cifar_mirrors },
	{ .name = "cifar-100", .folder = "cifar-100", .files = cifar_100_files, .layout = SET_CIFAR, .is_archive = true,
	  .mirrors = cifar_mirrors },
	{ .name = "svhn", .folder = "svhn", .files = svhn_files, .layout = SET_MAT, .train = { "train_32x32.mat", NULL },
	  .test = { "test_32x32.mat", NULL }, .mirrors = svhn_mirrors },
	{ 0 },
};

const NamedSet *
set_find(const char *name)
{
	for (const NamedSet *set = named_sets; set->name; set++)
		if (!strcmp(set->name, name))
			return set;
	return NULL;
}

const SetFile *
set_file(const NamedSet *set, const char *name)
{
	const SetFile *file = set->files;

	while (!set->is_archive && strcmp(file->name, name) != 0)
		file++;
	return file;
}
