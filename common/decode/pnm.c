/* decode/pnm.c: PBM, PGM and PPM, plain (P1 to P3) and raw (P4 to P6). */
#include "decode/decode.h"

#include <stdlib.h>

typedef struct Pnm {
	const uint8_t *at, *end;
	int kind; /* 1 … 6 */
	uint32_t most; /* the largest value */
} Pnm;

static Status
damaged(void)
{
	return fail(STATUS_INPUT, "PBM, PGM or PPM: truncated or damaged");
}

static bool
is_space(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static void
skip_space(Pnm *pnm)
{
	while (pnm->at < pnm->end && (is_space(*pnm->at) || *pnm->at == '#'))
		if (*pnm->at++ == '#')
			while (pnm->at < pnm->end && *pnm->at != '\n')
				pnm->at++;
}

static bool
read_number(Pnm *pnm, uint32_t *number)
{
	const uint8_t *begin;

	skip_space(pnm);
	for (begin = pnm->at, *number = 0; pnm->at < pnm->end && *pnm->at >= '0' && *pnm->at <= '9' && *number < 1000000; pnm->at++)
		*number = *number * 10 + (uint32_t)(*pnm->at - '0');
	return pnm->at > begin && *number < 1000000;
}

static uint8_t
scaled(const Pnm *pnm, uint32_t value)
{
	return (uint8_t)((value * 255 + pnm->most / 2) / pnm->most);
}

static bool
read_plain(Pnm *pnm, uint8_t *value)
{
	uint32_t number;

	if (pnm->kind == 1) { /* bits may stand without space between them */
		skip_space(pnm);
		if (pnm->at == pnm->end || (*pnm->at != '0' && *pnm->at != '1'))
			return false;
		*value = *pnm->at++ == '1' ? 0 : 255;
		return true;
	}
	if (!read_number(pnm, &number) || number > pnm->most)
		return false;
	*value = scaled(pnm, number);
	return true;
}

static bool
read_raw(Pnm *pnm, uint8_t *value)
{
	size_t size = pnm->most > 255 ? 2 : 1;

	if ((size_t)(pnm->end - pnm->at) < size)
		return false;
	uint32_t number = size == 2 ? (uint32_t)pnm->at[0] << 8 | pnm->at[1] : pnm->at[0];

	pnm->at += size;
	if (number > pnm->most)
		return false;
	*value = scaled(pnm, number);
	return true;
}

/* P4: eight pixels a byte, each row on its own */
static bool
read_bits(Pnm *pnm, const Picture *picture)
{
	size_t stride = (picture->width + 7) / 8;

	if ((size_t)(pnm->end - pnm->at) < stride * picture->height)
		return false;
	for (size_t y = 0; y < picture->height; y++)
		for (size_t x = 0; x < picture->width; x++)
			picture->pixels[y * picture->width + x] = pnm->at[y * stride + x / 8] >> (7 - x % 8) & 1 ? 0 : 255;
	return true;
}

static bool
read_values(Pnm *pnm, const Picture *picture)
{
	size_t count = (size_t)picture->height * picture->width * picture->channels;

	if (pnm->kind == 4)
		return read_bits(pnm, picture);
	for (size_t i = 0; i < count; i++)
		if (!(pnm->kind < 4 ? read_plain : read_raw)(pnm, picture->pixels + i))
			return false;
	return true;
}

Status
decode_pnm(const uint8_t *data, size_t size, Picture *picture)
{
	Pnm pnm = { .at = data + 2, .end = data + size, .kind = data[1] - '0', .most = 1 };
	uint32_t height, width;

	if (!read_number(&pnm, &width) || !read_number(&pnm, &height))
		return damaged();
	if (pnm.kind != 1 && pnm.kind != 4 && (!read_number(&pnm, &pnm.most) || !pnm.most || pnm.most > 65535))
		return damaged();
	if (pnm.kind > 3 && (pnm.at == pnm.end || !is_space(*pnm.at++)))
		return damaged();
	/* each value takes some of the file: nothing is allocated for what can't follow */
	if ((uint64_t)height * width / 8 > (uint64_t)(pnm.end - pnm.at))
		return damaged();
	Status status = decode_allocate(picture, height, width, pnm.kind % 3 == 0 ? 3 : 1);

	if (status < 0)
		return status;
	if (read_values(&pnm, picture))
		return STATUS_OK;
	free(picture->pixels);
	return damaged();
}
