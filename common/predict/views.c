/* views.c */
#include "predict/views.h"

#include <string.h>

/* Where views read, relative to where they write, in pairs: plain and mirrored. */
static const struct {
	int y, x;
} shifts[] = {{0, 0}, {-1, 0}, {1, 0}, {0, -1}, {0, 1}};

int
views_count(const char *name)
{
	if (!strcmp(name, "none"))
		return 1;
	if (!strcmp(name, "flip"))
		return 2;
	return !strcmp(name, "flip shift 1") ? 2 * (int)(sizeof shifts / sizeof *shifts) : 0;
}

static uint32_t
clamp(int64_t at, uint32_t size)
{
	return at < 0 ? 0 : at >= size ? size - 1 : (uint32_t)at;
}

static void
copy_row(const uint8_t *from, uint8_t *to, uint32_t w, uint32_t c, int shift, int is_mirrored)
{
	for (uint32_t x = 0; x < w; x++) {
		uint32_t source = clamp((int64_t)x + shift, w);
		memcpy(to + (size_t)x * c, from + (size_t)(is_mirrored ? w - 1 - source : source) * c, c);
	}
}

void
view_apply(int view, uint64_t n, uint32_t h, uint32_t w, uint32_t c, const uint8_t *from, uint8_t *to)
{
	size_t row = (size_t)w * c;

	for (uint64_t i = 0; i < n; i++)
		for (uint32_t y = 0; y < h; y++) {
			uint32_t source = clamp((int64_t)y + shifts[view / 2].y, h);
			copy_row(from + (i * h + source) * row, to + (i * h + y) * row, w, c, shifts[view / 2].x, view % 2);
		}
}
