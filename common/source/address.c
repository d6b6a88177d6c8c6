/* source/address.c: addresses of the network, as text. */
#include "memory.h"
#include "source/download.h"

bool
is_address(const char *text)
{
	return !strncasecmp(text, "http://", 7) || !strncasecmp(text, "https://", 8);
}

char *
address_public(const char *address)
{
	const char *host = strstr(address, "://") + 3;
	size_t length = strcspn(host, "/?#");
	const char *end = host + length, *user = memrchr(host, '@', length);
	char *text = memory_text(address);

	if (user)
		host = user + 1;
	char *to = text + (strstr(address, "://") + 3 - address);

	size_t host_length = (size_t)(end - host), path_length = strcspn(end, "?#");

	memmove(to, host, host_length);
	memmove(to + host_length, end, path_length);
	to[host_length + path_length] = '\0';
	return text;
}
