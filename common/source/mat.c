/* source/mat.c */
#include "source/mat.h"

#include "memory.h"
#include "source/npy.h"

#include <inttypes.h>
#include <zlib.h>

enum {
	TYPE_INT8 = 1, TYPE_INT32 = 5, TYPE_UINT32 = 6, TYPE_MATRIX = 14, TYPE_COMPRESSED = 15,
	CLASS_DOUBLE = 6, CLASS_UINT64 = 15, /* the numeric ones, and what is between */
	FLAG_COMPLEX = 0x800,
	VERSION = 0x0100, VERSION_HDF5 = 0x0200,
	BLOCK = 64 << 10,
	BOMB_RATIO = 200, BOMB_LEAST = 64 << 20, /* as in bytes.c */
};

struct Mat {
	Bytes bytes;
	bool is_big_endian;
	bool is_packed;	   /* the open element */
	bool is_whole;	   /* zlib has seen its end */
	uint64_t packed;   /* its compressed bytes that are still to be read of the file */
	uint64_t in, out;  /* of zlib, of the whole file */
	uint64_t left;	   /* plain bytes of the open element */
	uint8_t small[4];  /* values that stand in their tag */
	size_t small_at, small_size;
	z_stream stream;
	uint8_t block[BLOCK];
};

/* type and size of an element; small ones, of up to 4 bytes, have their data in the tag */
typedef struct Tag {
	uint32_t type, size;
	bool is_small;
	uint8_t data[4];
} Tag;

static uint64_t
number_of(const Mat *mat, const uint8_t *bytes, int size)
{
	uint64_t number = 0;

	for (int i = 0; i < size; i++)
		number |= (uint64_t)bytes[mat->is_big_endian ? size - 1 - i : i] << (8 * i);
	return number;
}

static Status
fail_damaged(const Mat *mat, const char *what)
{
	return fail(STATUS_INPUT, "%s: truncated or damaged: %s", mat->bytes.name, what);
}

/* ---- bytes of the file, of an element ---- */

static Status
read_file(Mat *mat, void *data, size_t size)
{
	size_t got;
	Status status = bytes_read(&mat->bytes, data, size, &got);

	return status >= 0 && got < size ? fail_damaged(mat, "it ends within a variable") : status;
}

static Status
fill(Mat *mat)
{
	size_t size = mat->packed < BLOCK ? (size_t)mat->packed : BLOCK;

	if (!size)
		return fail_damaged(mat, "a compressed variable ends too early");
	Status status = read_file(mat, mat->block, size);

	mat->packed -= size;
	mat->in += size;
	mat->stream.next_in = mat->block;
	mat->stream.avail_in = (uInt)size;
	return status;
}

static Status
inflate_exactly(Mat *mat, void *data, size_t size)
{
	Status status = STATUS_OK;

	mat->stream.next_out = data;
	mat->stream.avail_out = (uInt)size;
	while (mat->stream.avail_out && status >= 0) {
		if (mat->is_whole)
			return fail_damaged(mat, "a compressed variable is shorter than its tag says");
		if (!mat->stream.avail_in && (status = fill(mat)) < 0)
			break;
		int result = inflate(&mat->stream, Z_NO_FLUSH);

		mat->is_whole = result == Z_STREAM_END;
		if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
			return fail_damaged(mat, mat->stream.msg ? mat->stream.msg : "zlib can't read it");
	}
	mat->out += size;
	if (status >= 0 && mat->out > BOMB_LEAST && mat->out / BOMB_RATIO > mat->in)
		return fail(STATUS_INPUT, "%s: looks like a decompression bomb: more than %d times its compressed size",
			    mat->bytes.name, BOMB_RATIO);
	return status;
}

/* Of the open element, whatever it is packed with. */
static Status
take(Mat *mat, void *data, size_t size)
{
	Status status = STATUS_OK;

	if (size > mat->left)
		return fail_damaged(mat, "a part is longer than the variable that it belongs to");
	for (size_t done = 0, piece; done < size && status >= 0; done += piece) {
		piece = size - done < BLOCK ? size - done : BLOCK; /* what zlib counts fits in 32 bits */
		status = mat->is_packed ? inflate_exactly(mat, (uint8_t *)data + done, piece) :
					  read_file(mat, (uint8_t *)data + done, piece);
	}
	mat->left -= size;
	return status;
}

static Status
skip(Mat *mat, uint64_t size)
{
	uint8_t piece[4096];
	Status status = STATUS_OK;

	while (size && status >= 0) {
		size_t part = size < sizeof piece ? (size_t)size : sizeof piece;

		status = take(mat, piece, part);
		size -= part;
	}
	return status;
}

/* ---- elements ---- */

static void
tag_parse(const Mat *mat, const uint8_t bytes[static 8], Tag *tag)
{
	uint32_t first = (uint32_t)number_of(mat, bytes, 4);

	*tag = (Tag){ .type = first, .size = (uint32_t)number_of(mat, bytes + 4, 4) };
	if (first >> 16) {
		*tag = (Tag){ .type = first & 0xffff, .size = first >> 16, .is_small = true };
		memcpy(tag->data, bytes + 4, sizeof tag->data);
	}
}

static Status
take_tag(Mat *mat, Tag *tag)
{
	uint8_t bytes[8];
	Status status = take(mat, bytes, sizeof bytes);

	if (status < 0)
		return status;
	tag_parse(mat, bytes, tag);
	if (tag->is_small && tag->size > sizeof tag->data)
		return fail_damaged(mat, "a small part of more than 4 bytes");
	return STATUS_OK;
}

/* A part of a variable: its type and at most `most` bytes, with the padding to 8 behind it. */
static Status
take_part(Mat *mat, uint32_t type, uint8_t *data, size_t most, size_t *size)
{
	Tag tag;
	Status status = take_tag(mat, &tag);

	if (status < 0)
		return status;
	if (tag.type != type || tag.size > most)
		return fail_damaged(mat, "a part of a variable of another type or size than the format has");
	*size = tag.size;
	if (tag.is_small)
		memcpy(data, tag.data, tag.size);
	else if ((status = take(mat, data, tag.size)) >= 0)
		status = skip(mat, -(uint64_t)tag.size % 8);
	return status;
}

/* ---- variables ---- */

static Status
take_flags(Mat *mat, MatVariable *variable)
{
	uint8_t data[8];
	size_t size;
	Status status = take_part(mat, TYPE_UINT32, data, sizeof data, &size);

	if (status >= 0 && size != sizeof data)
		return fail_damaged(mat, "a variable's flags are not 8 bytes");
	if (status < 0)
		return status;
	uint32_t flags = (uint32_t)number_of(mat, data, 4), class = flags & 0xff;

	variable->kind = class >= CLASS_DOUBLE && class <= CLASS_UINT64 && !(flags & FLAG_COMPLEX) ? 'u' : 0;
	return STATUS_OK;
}

static Status
take_shape(Mat *mat, MatVariable *variable)
{
	uint8_t data[4 * 32];
	size_t size;
	Status status = take_part(mat, TYPE_INT32, data, sizeof data, &size);

	if (status < 0)
		return status;
	variable->rank = (int)(size / 4);
	variable->count = 1;
	for (int i = 0; i < MAT_RANK_MOST; i++)
		variable->shape[i] = 1;
	for (int i = 0; i < variable->rank; i++) {
		uint64_t side = number_of(mat, data + 4 * i, 4);

		if (side > INT32_MAX || __builtin_mul_overflow(variable->count, side, &variable->count))
			return fail_damaged(mat, "a variable's size is below zero, or overflows");
		if (i < MAT_RANK_MOST)
			variable->shape[i] = side;
	}
	if (variable->rank > MAT_RANK_MOST)
		variable->kind = 0;
	return STATUS_OK;
}

static Status
take_name(Mat *mat, MatVariable *variable)
{
	size_t size;
	Status status = take_part(mat, TYPE_INT8, (uint8_t *)variable->name, MAT_NAME_MOST, &size);

	if (status >= 0)
		variable->name[size] = '\0';
	return status;
}

/* The values' tag: an array of doubles that are small whole numbers may be stored as bytes. */
static Status
take_values(Mat *mat, MatVariable *variable)
{
	static const struct {
		char kind;
		uint8_t size;
	} types[] = { { 0, 0 }, { 'i', 1 }, { 'u', 1 }, { 'i', 2 }, { 'u', 2 }, { 'i', 4 }, { 'u', 4 }, { 'f', 4 },
		      { 0, 0 }, { 'f', 8 }, { 0, 0 }, { 0, 0 }, { 'i', 8 }, { 'u', 8 } };
	Tag tag;
	uint64_t size;
	Status status = take_tag(mat, &tag);

	if (status < 0)
		return status;
	if (tag.type >= sizeof types / sizeof *types || !types[tag.type].kind)
		return fail_damaged(mat, "values of a type that numbers haven't");
	variable->kind = types[tag.type].kind;
	variable->size = types[tag.type].size;
	if (__builtin_mul_overflow(variable->count, variable->size, &size) || size != tag.size)
		return fail_damaged(mat, "its values are more or fewer than its dimensions say");
	memcpy(mat->small, tag.data, sizeof mat->small);
	mat->small_size = tag.is_small ? tag.size : 0;
	return STATUS_OK;
}

static Status
take_variable(Mat *mat, MatVariable *variable)
{
	Status status = take_flags(mat, variable);

	if (status >= 0)
		status = take_shape(mat, variable);
	if (status >= 0)
		status = take_name(mat, variable);
	if (status >= 0 && variable->kind)
		status = take_values(mat, variable);
	return status < 0 ? status : 1;
}

/* ---- the file ---- */

/* Past what is left of the open element, and zlib's checksum behind it. */
static Status
finish_element(Mat *mat)
{
	uint8_t more;
	Status status = skip(mat, mat->left);

	if (status < 0 || !mat->is_packed)
		return status;
	while (!mat->is_whole) {
		if (!mat->stream.avail_in && (status = fill(mat)) < 0)
			return status;
		mat->stream.next_out = &more;
		mat->stream.avail_out = 1;
		int result = inflate(&mat->stream, Z_NO_FLUSH);

		mat->is_whole = result == Z_STREAM_END;
		if (!mat->stream.avail_out || (result != Z_OK && result != Z_STREAM_END))
			return fail_damaged(mat, mat->stream.msg ? mat->stream.msg : "a compressed variable is longer than its tag says");
	}
	mat->is_packed = false;
	return mat->packed || mat->stream.avail_in ? fail_damaged(mat, "bytes behind a compressed variable's end") : STATUS_OK;
}

/* The element at the file's top. @return 1, 0 the end */
static Status
open_element(Mat *mat, Tag *tag)
{
	uint8_t bytes[8];
	size_t got;
	Status status = bytes_read(&mat->bytes, bytes, sizeof bytes, &got);

	if (status < 0 || !got)
		return status;
	if (got < sizeof bytes)
		return fail_damaged(mat, "it ends within a variable's tag");
	tag_parse(mat, bytes, tag);
	mat->left = tag->is_small ? 0 : tag->size;
	if (tag->type != TYPE_COMPRESSED)
		return 1;
	mat->is_packed = true;
	mat->is_whole = false;
	mat->packed = tag->size;
	mat->stream.avail_in = 0;
	if (inflateReset(&mat->stream) != Z_OK)
		return fail(STATUS_IO, "%s: no memory to read it", mat->bytes.name);
	mat->left = 8;
	if ((status = take_tag(mat, tag)) < 0)
		return status;
	mat->left = tag->is_small ? 0 : tag->size;
	return 1;
}

Status
mat_next(Mat *mat, MatVariable *variable)
{
	Tag tag;
	Status status = finish_element(mat);

	mat->small_at = mat->small_size = 0;
	*variable = (MatVariable){ .is_big_endian = mat->is_big_endian };
	if (status < 0 || (status = open_element(mat, &tag)) <= 0)
		return status;
	if (tag.type != TYPE_MATRIX)
		return fail_damaged(mat, "an element that is no variable");
	return mat->left ? take_variable(mat, variable) : 1;
}

Status
mat_read(Mat *mat, void *data, size_t size)
{
	if (!mat->small_size)
		return take(mat, data, size);
	if (size > mat->small_size - mat->small_at)
		return fail_damaged(mat, "fewer values than its dimensions say");
	memcpy(data, mat->small + mat->small_at, size);
	mat->small_at += size;
	return STATUS_OK;
}

bool
mat_integer(const MatVariable *variable, const uint8_t *value, int64_t *number)
{
	const NpyHeader header = { .kind = variable->kind, .size = variable->size, .is_big_endian = variable->is_big_endian };
	double real;
	int64_t bits;

	if (variable->kind != 'f')
		return npy_integer(&header, value, number);
	const NpyHeader words = { .kind = 'i', .size = variable->size, .is_big_endian = variable->is_big_endian };

	npy_integer(&words, value, &bits);
	if (variable->size == 4) {
		uint32_t low = (uint32_t)bits;
		float single;

		memcpy(&single, &low, sizeof single);
		real = (double)single;
	} else
		memcpy(&real, &bits, sizeof real);
	if (!(real >= -1e9 && real <= 1e9))
		return false;
	*number = (int64_t)real;
	return (double)*number == real;
}

bool
is_mat_start(const uint8_t *start, size_t size)
{
	if (size < MAT_HEADER || memcmp(start, "MATLAB ", 7) != 0)
		return false;
	return !memcmp(start + 126, "IM", 2) || !memcmp(start + 126, "MI", 2);
}

static Status
read_header(Mat *mat)
{
	uint8_t header[MAT_HEADER];
	size_t got;
	Status status = bytes_read(&mat->bytes, header, sizeof header, &got);

	if (status < 0)
		return status;
	if (!is_mat_start(header, got))
		return fail(STATUS_INPUT, "%s: not a MAT-file of level 5, which has a header of %d bytes; in MATLAB: save -v7",
			    mat->bytes.name, MAT_HEADER);
	mat->is_big_endian = header[126] == 'M';
	uint64_t version = number_of(mat, header + 124, 2);

	if (version == VERSION_HDF5)
		return fail(STATUS_INPUT, "%s: a MAT-file of version 7.3, which is HDF5; in MATLAB: save -v7", mat->bytes.name);
	if (version != VERSION)
		return fail(STATUS_INPUT, "%s: a MAT-file of version %#" PRIx64 "; expected %#x", mat->bytes.name, version, VERSION);
	return STATUS_OK;
}

Status
mat_open(Mat **opened, Bytes *bytes)
{
	Mat *mat = memory_zeroed(1, sizeof *mat);

	mat->bytes = *bytes;
	*bytes = (Bytes){ 0 };
	Status status = inflateInit(&mat->stream) == Z_OK ? read_header(mat) : fail(STATUS_IO, "no memory to decompress with");

	*opened = mat;
	if (status >= 0)
		return STATUS_OK;
	mat_close(mat);
	*opened = NULL;
	return status;
}

const char *
mat_name(const Mat *mat)
{
	return mat->bytes.name;
}

void
mat_close(Mat *mat)
{
	if (!mat)
		return;
	inflateEnd(&mat->stream);
	bytes_close(&mat->bytes);
	free(mat);
}
