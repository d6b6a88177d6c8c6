/* source/gunzip.c */
#include "source/gunzip.h"

#include <stdlib.h>
#include <zlib.h>

enum { BLOCK = 128 << 10, GZIP_WINDOW = 15 + 16 /* the largest, in a gzip file */ };

struct Gunzip {
	GunzipSupply *supply;
	void *context;
	z_stream stream;
	bool is_within; /* a member; else between members, or behind the last one */
	bool is_ended;	/* the supply is */
	const char *reason;
	uint8_t block[BLOCK];
};

bool
is_gzip(const uint8_t *start, size_t size)
{
	return size >= GUNZIP_MAGIC_SIZE && start[0] == 0x1f && start[1] == 0x8b && start[2] == 8;
}

Gunzip *
gunzip_open(GunzipSupply *supply, void *context)
{
	Gunzip *gunzip = calloc(1, sizeof *gunzip);

	if (!gunzip)
		return NULL;
	gunzip->supply = supply;
	gunzip->context = context;
	gunzip->is_within = true;
	if (inflateInit2(&gunzip->stream, GZIP_WINDOW) == Z_OK)
		return gunzip;
	free(gunzip);
	return NULL;
}

static ssize_t
fail_here(Gunzip *gunzip, const char *reason)
{
	gunzip->reason = reason;
	return -2;
}

/* 1 there is input, 0 there will be none, -1 */
static ssize_t
fill(Gunzip *gunzip)
{
	const void *input;

	if (gunzip->stream.avail_in || gunzip->is_ended)
		return gunzip->stream.avail_in > 0;
	ssize_t got = gunzip->supply(gunzip->context, &input);

	if (got < 0)
		return -1;
	gunzip->is_ended = !got;
	gunzip->stream.next_in = (Bytef *)input;
	gunzip->stream.avail_in = (uInt)got;
	return got > 0;
}

/* Behind a member: 1 another one begins, 0 the end. */
static ssize_t
next_member(Gunzip *gunzip)
{
	ssize_t more;

	while ((more = fill(gunzip)) > 0 && !*gunzip->stream.next_in) { /* zeros: a tape's padding */
		gunzip->stream.next_in++;
		gunzip->stream.avail_in--;
	}
	if (more > 0) {
		inflateReset(&gunzip->stream);
		gunzip->is_within = true;
	}
	return more;
}

static ssize_t
inflate_some(Gunzip *gunzip)
{
	switch (inflate(&gunzip->stream, Z_NO_FLUSH)) {
	case Z_STREAM_END:
		gunzip->is_within = false;
		return 0;
	case Z_OK:
	case Z_BUF_ERROR: /* neither input nor room is left: not an error yet */
		return 0;
	case Z_MEM_ERROR:
		return fail_here(gunzip, "no memory to decompress it");
	default:
		return fail_here(gunzip, gunzip->stream.msg ? gunzip->stream.msg : "damaged");
	}
}

ssize_t
gunzip_next(Gunzip *gunzip, const void **block)
{
	z_stream *stream = &gunzip->stream;

	*block = gunzip->block;
	stream->next_out = gunzip->block;
	stream->avail_out = BLOCK;
	while (stream->avail_out == BLOCK) {
		ssize_t more = gunzip->is_within ? fill(gunzip) : next_member(gunzip);

		if (more < 0)
			return -1;
		if (!more && !gunzip->is_within)
			return 0;
		if (!more)
			return fail_here(gunzip, "it ends too early");
		if (gunzip->is_within && (more = inflate_some(gunzip)) < 0)
			return more;
	}
	return BLOCK - (ssize_t)stream->avail_out;
}

const char *
gunzip_reason(const Gunzip *gunzip)
{
	return gunzip->reason ? gunzip->reason : "damaged";
}

void
gunzip_close(Gunzip *gunzip)
{
	if (!gunzip)
		return;
	inflateEnd(&gunzip->stream);
	free(gunzip);
}
