/* c_kernels.c: plain C99, pictures channels last; long, because int has 16 bits on small machines. */
#include "export/c_kernels.h"

/* A whole number of independent sums: compilers make vectors of them, and they lose less than one long sum. */
static const char dot[] =
	"/* sum of x[i] w[i] */\n"
	"static float\n"
	"dot(const float *x, const float *w, long n)\n"
	"{\n"
	"\tfloat sum[8] = { 0 };\n"
	"\tlong i = 0;\n"
	"\n"
	"\tfor (; i + 8 <= n; i += 8)\n"
	"\t\tfor (long k = 0; k < 8; k++)\n"
	"\t\t\tsum[k] += x[i + k] * w[i + k];\n"
	"\tfor (long k = 0; i + k < n; k++)\n"
	"\t\tsum[k] += x[i + k] * w[i + k];\n"
	"\treturn ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));\n"
	"}\n\n";

static const char window[] =
	"/* A window that moves over a picture [in_h, in_w, in_c] and makes one of [out_h, out_w, out_c]. */\n"
	"typedef struct Window {\n"
	"\tlong in_h, in_w, in_c, out_h, out_w, out_c, kernel_h, kernel_w, stride, pad_top, pad_left;\n"
	"} Window;\n\n";

static const char least[] =
	"static long\n"
	"least(long a, long b)\n"
	"{\n"
	"\treturn a < b ? a : b;\n"
	"}\n\n";

static const char conv[] =
	"/* One output. filter [kernel_h, kernel_w, in_c]; outside the picture there are zeros. */\n"
	"static float\n"
	"correlate(const Window *s, const float *x, const float *filter, long oy, long ox)\n"
	"{\n"
	"\tlong top = oy * s->stride - s->pad_top, left = ox * s->stride - s->pad_left;\n"
	"\tlong ky = top < 0 ? -top : 0, first = left < 0 ? -left : 0;\n"
	"\tlong ky_end = least(s->kernel_h, s->in_h - top), end = least(s->kernel_w, s->in_w - left);\n"
	"\tfloat sum = 0;\n"
	"\n"
	"\tfor (; ky < ky_end; ky++)\n"
	"\t\tsum += dot(x + ((top + ky) * s->in_w + left + first) * s->in_c,\n"
	"\t\t\t   filter + (ky * s->kernel_w + first) * s->in_c, (end - first) * s->in_c);\n"
	"\treturn sum;\n"
	"}\n"
	"\n"
	"/* weight [out_c, kernel_h, kernel_w, in_c] */\n"
	"static void\n"
	"conv(const Window *s, const float *x, const float *weight, const float *bias, float *y)\n"
	"{\n"
	"\tlong size = s->kernel_h * s->kernel_w * s->in_c;\n"
	"\n"
	"\tfor (long oy = 0; oy < s->out_h; oy++)\n"
	"\t\tfor (long ox = 0; ox < s->out_w; ox++)\n"
	"\t\t\tfor (long o = 0; o < s->out_c; o++)\n"
	"\t\t\t\t*y++ = correlate(s, x, weight + o * size, oy, ox) + (bias ? bias[o] : 0);\n"
	"}\n\n";

static const char depthwise[] =
	"/* weight [out_c, kernel_h, kernel_w]: each channel by itself; outside the picture there are zeros */\n"
	"static void\n"
	"depthwise(const Window *s, const float *x, const float *weight, const float *bias, float *y)\n"
	"{\n"
	"\tfor (long o = 0; o < s->out_h * s->out_w * s->out_c; o++) {\n"
	"\t\tlong c = o % s->out_c, ox = o / s->out_c % s->out_w, oy = o / s->out_c / s->out_w;\n"
	"\t\tlong top = oy * s->stride - s->pad_top, left = ox * s->stride - s->pad_left;\n"
	"\t\tlong ky_end = least(s->kernel_h, s->in_h - top), kx_end = least(s->kernel_w, s->in_w - left);\n"
	"\t\tconst float *filter = weight + c * s->kernel_h * s->kernel_w;\n"
	"\t\tfloat sum = bias ? bias[c] : 0;\n"
	"\n"
	"\t\tfor (long ky = top < 0 ? -top : 0; ky < ky_end; ky++)\n"
	"\t\t\tfor (long kx = left < 0 ? -left : 0; kx < kx_end; kx++)\n"
	"\t\t\t\tsum += x[((top + ky) * s->in_w + left + kx) * s->in_c + c] * filter[ky * s->kernel_w + kx];\n"
	"\t\ty[o] = sum;\n"
	"\t}\n"
	"}\n\n";

static const char copy[] =
	"static void\n"
	"copy(long n, const float *x, float *y)\n"
	"{\n"
	"\tfor (long i = 0; i < n; i++)\n"
	"\t\ty[i] = x[i];\n"
	"}\n\n";

static const char add[] =
	"static void\n"
	"add(long n, const float *x, float *sum)\n"
	"{\n"
	"\tfor (long i = 0; i < n; i++)\n"
	"\t\tsum[i] += x[i];\n"
	"}\n\n";

static const char dense[] =
	"/* weight [units, n] */\n"
	"static void\n"
	"dense(long units, long n, const float *x, const float *weight, const float *bias, float *y)\n"
	"{\n"
	"\tfor (long u = 0; u < units; u++)\n"
	"\t\ty[u] = dot(x, weight + u * n, n) + (bias ? bias[u] : 0);\n"
	"}\n\n";

static const char affine[] =
	"/* in place, for each channel: x scale + shift */\n"
	"static void\n"
	"affine(long pixels, long channels, float *x, const float *scale, const float *shift)\n"
	"{\n"
	"\tfor (long i = 0; i < pixels; i++, x += channels)\n"
	"\t\tfor (long c = 0; c < channels; c++)\n"
	"\t\t\tx[c] = x[c] * scale[c] + shift[c];\n"
	"}\n\n";

static const char relu[] =
	"static void\n"
	"relu(long n, float *x)\n"
	"{\n"
	"\tfor (long i = 0; i < n; i++)\n"
	"\t\tif (x[i] < 0)\n"
	"\t\t\tx[i] = 0;\n"
	"}\n\n";

static const char maxpool[] =
	"static void\n"
	"maxpool(const Window *s, const float *x, float *y)\n"
	"{\n"
	"\tfor (long o = 0; o < s->out_h * s->out_w * s->out_c; o++) {\n"
	"\t\tlong c = o % s->out_c, ox = o / s->out_c % s->out_w, oy = o / s->out_c / s->out_w;\n"
	"\t\tconst float *corner = x + (oy * s->in_w + ox) * s->stride * s->in_c + c;\n"
	"\n"
	"\t\ty[o] = *corner;\n"
	"\t\tfor (long k = 1; k < s->kernel_h * s->kernel_w; k++) {\n"
	"\t\t\tfloat value = corner[(k / s->kernel_w * s->in_w + k % s->kernel_w) * s->in_c];\n"
	"\n"
	"\t\t\tif (value > y[o])\n"
	"\t\t\t\ty[o] = value;\n"
	"\t\t}\n"
	"\t}\n"
	"}\n\n";

static const char avgpool[] =
	"static void\n"
	"avgpool(const Window *s, const float *x, float *y)\n"
	"{\n"
	"\tfor (long o = 0; o < s->out_h * s->out_w * s->out_c; o++) {\n"
	"\t\tlong c = o % s->out_c, ox = o / s->out_c % s->out_w, oy = o / s->out_c / s->out_w;\n"
	"\t\tconst float *corner = x + (oy * s->in_w + ox) * s->stride * s->in_c + c;\n"
	"\t\tfloat sum = 0;\n"
	"\n"
	"\t\tfor (long ky = 0; ky < s->kernel_h; ky++) {\n"
	"\t\t\tfloat row = 0;\n"
	"\n"
	"\t\t\tfor (long kx = 0; kx < s->kernel_w; kx++)\n"
	"\t\t\t\trow += corner[(ky * s->in_w + kx) * s->in_c];\n"
	"\t\t\tsum += row;\n"
	"\t\t}\n"
	"\t\ty[o] = sum / (float)(s->kernel_h * s->kernel_w);\n"
	"\t}\n"
	"}\n\n";

static const char flatten[] =
	"/* [pixels, channels] -> [channels, pixels], the order that the weights after it have */\n"
	"static void\n"
	"flatten(long pixels, long channels, const float *x, float *y)\n"
	"{\n"
	"\tfor (long c = 0; c < channels; c++)\n"
	"\t\tfor (long i = 0; i < pixels; i++)\n"
	"\t\t\t*y++ = x[i * channels + c];\n"
	"}\n\n";

static const char softmax[] =
	"static void\n"
	"softmax(long n, const float *x, float sharpness, float *prob)\n"
	"{\n"
	"\tfloat most = x[0], sum = 0;\n"
	"\n"
	"\tfor (long i = 1; i < n; i++)\n"
	"\t\tif (x[i] > most)\n"
	"\t\t\tmost = x[i];\n"
	"\tfor (long i = 0; i < n; i++)\n"
	"\t\tsum += prob[i] = expf((x[i] - most) * sharpness);\n"
	"\tfor (long i = 0; i < n; i++)\n"
	"\t\tprob[i] /= sum;\n"
	"}\n\n";

static bool
has(const Graph *graph, LayerKind kind)
{
	for (size_t i = 0; i < graph->count; i++)
		if (graph->steps[i].layer->kind == kind)
			return true;
	return false;
}

/* Is a value changed that others still need? */
static bool
has_copies(const Graph *graph, const Arena *arena)
{
	for (size_t i = 0; i < graph->count; i++)
		if (step_works_in_place(&graph->steps[i]) && !arena->is_in_place[i])
			return true;
	return false;
}

void
c_kernels_write(const Graph *graph, const Arena *arena, FILE *file)
{
	bool has_depthwise = has(graph, LAYER_DEPTHWISE);
	bool has_conv = has(graph, LAYER_CONV), has_dense = has(graph, LAYER_DENSE);
	bool has_maxpool = has(graph, LAYER_MAXPOOL);
	bool has_avgpool = has(graph, LAYER_AVGPOOL) || has(graph, LAYER_GLOBALAVGPOOL);
	const struct {
		bool is_needed;
		const char *text;
	} kernels[] = {
		{ has_conv || has_depthwise || has_maxpool || has_avgpool, window },
		{ has_conv || has_dense, dot },
		{ has_conv || has_depthwise, least },
		{ has_conv, conv },
		{ has_depthwise, depthwise },
		{ has_copies(graph, arena), copy },
		{ has(graph, LAYER_RESIDUAL), add },
		{ has_dense, dense },
		{ has(graph, LAYER_BN), affine },
		{ has(graph, LAYER_RELU), relu },
		{ has_maxpool, maxpool },
		{ has_avgpool, avgpool },
		{ has(graph, LAYER_FLATTEN), flatten },
		{ true, softmax },
	};

	for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++)
		if (kernels[i].is_needed)
			fputs(kernels[i].text, file);
}
