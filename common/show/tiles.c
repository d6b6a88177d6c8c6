#include "show/tiles.h"

#include <stdlib.h>
#include <string.h>

/* One or three channels are grey or colour; of any other number the mean is shown. */
static void
to_rgb(const uint8_t *pixels, size_t count, uint32_t channels, uint8_t *rgb)
{
	for (size_t i = 0; i < count; i++, pixels += channels, rgb += 3) {
		if (channels == 3) {
			memcpy(rgb, pixels, 3);
			continue;
		}
		uint32_t sum = 0;
		for (uint32_t c = 0; c < channels; c++)
			sum += pixels[c];
		memset(rgb, (int)(sum / channels), 3);
	}
}

static void
read_prediction(Tile *tile, const Tensor *prob, uint64_t row)
{
	tile->predicted = -1;
	for (uint64_t k = 0; prob && k < prob->shape[1]; k++) {
		float value;
		memcpy(&value, prob->data + (row * prob->shape[1] + k) * sizeof value, sizeof value);
		if (tile->predicted < 0 || value > tile->prob) {
			tile->predicted = (int32_t)k;
			tile->prob = value;
		}
	}
}

void
tile_predict(Tile *tile, const Record *record, uint64_t row)
{
	const Tensor *label = record_find(record, "label"), *id = record_find(record, "id");

	*tile = (Tile){ .label = -1, .epoch = record->epoch };
	if (label)
		memcpy(&tile->label, label->data + row * sizeof tile->label, sizeof tile->label);
	if (id)
		memcpy(&tile->id, id->data + row * sizeof tile->id, sizeof tile->id);
	read_prediction(tile, record_find(record, "prob"), row);
}

Status
tile_init(Tile *tile, const About *about, const Record *record, uint64_t row, int64_t id)
{
	const Tensor *image = record_find(record, "image"), *name = record_find(record, "name");
	size_t pixels = (size_t)about->height * about->width;

	tile_predict(tile, record, row);
	if (!record_find(record, "id"))
		tile->id = id;
	if (!(tile->rgb = malloc(pixels * 3)))
		return fail_errno("no memory for a picture");
	to_rgb(image->data + row * tensor_row_size(image), pixels, about->channels, tile->rgb);
	if (name && !(tile->name = strndup((const char *)name->data + row * tensor_row_size(name), tensor_row_size(name)))) {
		tile_release(tile);
		return fail_errno("no memory for a name");
	}
	return STATUS_OK;
}

void
tile_release(Tile *tile)
{
	free(tile->rgb);
	free(tile->name);
}

static Status
copy_classes(Tiles *tiles, const About *about)
{
	tiles->classes = calloc(about->class_count + 1, sizeof *tiles->classes);
	if (!tiles->classes)
		return fail_errno("no memory for %u classes", about->class_count);
	for (; tiles->class_count < about->class_count; tiles->class_count++)
		if (!(tiles->classes[tiles->class_count] = strdup(about->classes[tiles->class_count])))
			return fail_errno("no memory for %u classes", about->class_count);
	return STATUS_OK;
}

Status
tiles_init(Tiles *tiles, const About *about, size_t most)
{
	*tiles = (Tiles){ .height = about->height, .width = about->width };
	tiles->tiles = calloc(most + 1, sizeof *tiles->tiles);
	Status status = tiles->tiles ? copy_classes(tiles, about) : fail_errno("no memory for %zu pictures", most);
	if (status < 0)
		tiles_release(tiles);
	return status;
}

static Status
read_all(Tiles *tiles, Reader *reader, size_t most)
{
	Record record;
	int got = 1;
	while (tiles->count < most && (got = reader_next(reader, &record)) > 0)
		for (uint64_t row = 0; row < record.n && tiles->count < most; row++) {
			Status status = tile_init(&tiles->tiles[tiles->count], &reader->about, &record, row,
						  (int64_t)(reader->samples - record.n + row));
			if (status < 0)
				return status;
			tiles->count++;
		}
	if (got <= 0)
		return got;
	/* of a repeated stream enough is enough; any other is verified to its end */
	return reader->about.epochs == EPOCHS_NONE ? reader_drain(reader) : STATUS_OK;
}

Status
tiles_read(Tiles *tiles, Reader *reader, size_t most)
{
	Status status = tiles_init(tiles, &reader->about, most);
	if (status < 0)
		return status;
	if ((status = read_all(tiles, reader, most)) < 0)
		tiles_release(tiles);
	return status < 0 ? status : STATUS_OK;
}

static int
by_id_and_epoch(const void *a, const void *b)
{
	const Tile *left = a, *right = b;
	if (left->id != right->id)
		return left->id < right->id ? -1 : 1;
	return (left->epoch > right->epoch) - (left->epoch < right->epoch);
}

void
tiles_group(Tiles *tiles)
{
	qsort(tiles->tiles, tiles->count, sizeof *tiles->tiles, by_id_and_epoch);
}

size_t
tiles_group_size(const Tiles *tiles)
{
	size_t count = 0;
	while (count < tiles->count && tiles->tiles[count].id == tiles->tiles[0].id)
		count++;
	return count;
}

const char *
tile_class(const Tiles *tiles, int32_t index)
{
	return index >= 0 && (uint32_t)index < tiles->class_count ? tiles->classes[index] : "";
}

void
tiles_release(Tiles *tiles)
{
	for (size_t i = 0; i < tiles->count; i++)
		tile_release(&tiles->tiles[i]);
	for (uint32_t i = 0; i < tiles->class_count; i++)
		free(tiles->classes[i]);
	free(tiles->classes);
	free(tiles->tiles);
	*tiles = (Tiles){ 0 };
}
