/* source/digest.c: SHA-256, by libcrypto. */
#include "source/digest.h"

#include "memory.h"
#include "source/bytes.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <unistd.h>

enum { PIECE = 128 << 10 };

/* The next piece, 0 at the end. */
typedef Status Pull(void *context, uint8_t *data, size_t *got);

static void
write_hex(EVP_MD_CTX *context, char *digest)
{
	unsigned char value[EVP_MAX_MD_SIZE];
	unsigned length = 0;

	if (EVP_DigestFinal_ex(context, value, &length) != 1 || length != 32)
		abort();
	for (unsigned i = 0; i < length; i++)
		snprintf(digest + 2 * (size_t)i, 3, "%02x", value[i]);
}

static Status
digest_of(Pull *pull, void *from, char *digest)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	uint8_t *data = memory_zeroed(1, PIECE);
	Status status;
	size_t got;

	if (!context || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1)
		abort();
	while ((status = pull(from, data, &got)) >= 0 && got)
		EVP_DigestUpdate(context, data, got);
	if (status >= 0)
		write_hex(context, digest);
	EVP_MD_CTX_free(context);
	free(data);
	return status;
}

typedef struct Plain {
	int fd;
	const char *name;
	off_t offset;
} Plain;

static Status
pull_plain(void *context, uint8_t *data, size_t *got)
{
	Plain *plain = context;
	ssize_t piece;

	do
		piece = pread(plain->fd, data, PIECE, plain->offset);
	while (piece < 0 && errno == EINTR);
	if (piece < 0)
		return fail_errno("%s", plain->name);
	plain->offset += piece;
	*got = (size_t)piece;
	return STATUS_OK;
}

static Status
pull_contents(void *context, uint8_t *data, size_t *got)
{
	return bytes_read(context, data, PIECE, got);
}

Status
digest_file(int fd, const char *name, char digest[static DIGEST_TEXT])
{
	Plain plain = { fd, name, 0 };

	return digest_of(pull_plain, &plain, digest);
}

Status
digest_contents(int fd, const char *name, char digest[static DIGEST_TEXT])
{
	Bytes bytes;
	Status status = bytes_open(&bytes, dup(fd), name, NULL);

	if (status < 0)
		return status;
	status = digest_of(pull_contents, &bytes, digest);
	bytes_close(&bytes);
	return status;
}

bool
is_digest(const char *text)
{
	return strspn(text, "0123456789abcdef") == 64 && !text[64];
}
