/* decode/gif.c: GIF's first picture, by giflib, where its screen is. */
#include "decode/decode.h"

#include <gif_lib.h>
#include <stdlib.h>
#include <string.h>

typedef struct Memory {
	const uint8_t *data;
	size_t size, at;
} Memory;

static int
read_memory(GifFileType *gif, GifByteType *to, int size)
{
	Memory *memory = gif->UserData;
	size_t left = memory->size - memory->at, count = (size_t)size < left ? (size_t)size : left;

	memcpy(to, memory->data + memory->at, count);
	memory->at += count;
	return (int)count;
}

/* One line of indices to colours; what is transparent stays so. */
static Status
paint(const GifFileType *gif, const GifPixelType *line, int transparent, uint8_t *to)
{
	const ColorMapObject *map = gif->Image.ColorMap ? gif->Image.ColorMap : gif->SColorMap;

	if (!map)
		return fail(STATUS_INPUT, "GIF: a picture without a palette");
	for (int x = 0; x < gif->Image.Width; x++, to += 4) {
		if (line[x] == transparent)
			continue;
		if (line[x] >= map->ColorCount)
			return fail(STATUS_INPUT, "GIF: a colour that its palette hasn't");
		memcpy(to, (uint8_t[]){ map->Colors[line[x]].Red, map->Colors[line[x]].Green, map->Colors[line[x]].Blue, 255 }, 4);
	}
	return STATUS_OK;
}

/* The order in which lines come: all, or every eighth from 0, every eighth from 4, every fourth from 2, the others. */
static int
line_of(const GifFileType *gif, int number)
{
	static const int first[] = { 0, 4, 2, 1 }, step[] = { 8, 8, 4, 2 };

	if (!gif->Image.Interlace)
		return number;
	for (int pass = 0; pass < 4; pass++) {
		int count = (gif->Image.Height - first[pass] + step[pass] - 1) / step[pass];

		if (number < count)
			return first[pass] + number * step[pass];
		number -= count > 0 ? count : 0;
	}
	return 0;
}

static Status
read_image(GifFileType *gif, int transparent, Picture *picture)
{
	const GifImageDesc *image = &gif->Image;

	if (DGifGetImageDesc(gif) == GIF_ERROR)
		return fail(STATUS_INPUT, "GIF: truncated or damaged");
	if (image->Left < 0 || image->Top < 0 || image->Width < 1 || image->Height < 1 || image->Left + image->Width > gif->SWidth ||
	    image->Top + image->Height > gif->SHeight)
		return fail(STATUS_INPUT, "GIF: a picture that doesn't fit its screen");
	Status status = decode_allocate(picture, (uint64_t)gif->SHeight, (uint64_t)gif->SWidth, 4);
	GifPixelType *line = malloc((size_t)image->Width);

	for (int i = 0; status >= 0 && i < image->Height; i++) {
		size_t y = (size_t)(image->Top + line_of(gif, i));

		if (!line || DGifGetLine(gif, line, image->Width) == GIF_ERROR)
			status = fail(STATUS_INPUT, "GIF: truncated or damaged");
		else
			status = paint(gif, line, transparent, picture->pixels + (y * picture->width + (size_t)image->Left) * 4);
	}
	free(line);
	return status;
}

/* Pass over an extension; a graphics control block may name a transparent colour. */
static Status
read_extension(GifFileType *gif, int *transparent)
{
	GifByteType *block;
	int code;
	bool is_fine = DGifGetExtension(gif, &code, &block) != GIF_ERROR;

	while (is_fine && block) {
		if (code == GRAPHICS_EXT_FUNC_CODE && block[0] >= 4)
			*transparent = block[1] & 1 ? block[4] : NO_TRANSPARENT_COLOR;
		is_fine = DGifGetExtensionNext(gif, &block) != GIF_ERROR;
	}
	return is_fine ? STATUS_OK : fail(STATUS_INPUT, "GIF: truncated or damaged");
}

static Status
read_first(GifFileType *gif, Picture *picture)
{
	int transparent = NO_TRANSPARENT_COLOR;
	GifRecordType type;
	Status status = STATUS_OK;

	while (status >= 0) {
		if (DGifGetRecordType(gif, &type) == GIF_ERROR || type == TERMINATE_RECORD_TYPE)
			return fail(STATUS_INPUT, "GIF: truncated, or no picture in it");
		if (type == IMAGE_DESC_RECORD_TYPE)
			return read_image(gif, transparent, picture);
		if (type == EXTENSION_RECORD_TYPE)
			status = read_extension(gif, &transparent);
	}
	return status;
}

Status
decode_gif(const uint8_t *data, size_t size, Picture *picture)
{
	Memory memory = { data, size, 0 };
	int error;
	GifFileType *gif = DGifOpen(&memory, read_memory, &error);

	*picture = (Picture){ 0 };
	if (!gif)
		return fail(STATUS_INPUT, "GIF: truncated or damaged within its header");
	Status status = read_first(gif, picture);

	DGifCloseFile(gif, &error);
	if (status < 0)
		free(picture->pixels);
	return status;
}
