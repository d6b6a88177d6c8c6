/* launch.c: what a portable folder's bin/fm-train is: it starts lib/fm-tools/programs/fm-train with the folder's own loader
 * and C library, wherever the folder lies. Linked statically, so that it needs nothing but the kernel.
 *
 * The loader becomes the process's executable: "…/lib/ld-linux-x86-64.so.2" is two steps below the folder's root, as
 * "…/bin/fm-train" is, and so the programs find what lies beside them (machine/place.h). */
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef LOADER
#error "LOADER names the dynamic loader's file: \"ld-linux-x86-64.so.2\""
#endif

static char root[PATH_MAX], name[NAME_MAX + 1];

static void
leave(const char *what)
{
	fprintf(stderr, "%s: ", *name ? name : "fm-tools");
	perror(what);
	exit(4);
}

/* "/opt/fm/bin/fm-train", "/opt/fm/libexec/fm-tools/fm-picture" -> root, name */
static void
find_root(void)
{
	static const char *const places[] = { "/bin/", "/libexec/fm-tools/" };
	ssize_t length = readlink("/proc/self/exe", root, sizeof root - 1);

	if (length < 0)
		leave("/proc/self/exe");
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		char *last = strrchr(root, '/');
		const size_t size = strlen(places[i]);

		if (!last || last + 1 - root < (ptrdiff_t)size || memcmp(last + 1 - size, places[i], size) != 0)
			continue;
		snprintf(name, sizeof name, "%s", last + 1);
		last[1 - (ptrdiff_t)size] = '\0';
		return;
	}
	fprintf(stderr, "fm-tools: %s lies neither in bin nor in libexec/fm-tools; keep the folder together\n", root);
	exit(4);
}

static char *
below_root(const char *below, const char *more)
{
	char *path = malloc(strlen(root) + strlen(below) + strlen(more) + 1);

	if (!path)
		leave("memory");
	return strcat(strcat(strcpy(path, root), below), more);
}

/* Letters of our own, for a machine that has none; certificates where other distributions than the libraries' keep them. */
static void
lend_files(void)
{
	static const char *const certificates[] = {
		"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem",
	};

	if (access("/etc/fonts/fonts.conf", R_OK) != 0)
		setenv("FONTCONFIG_FILE", below_root("/share/fm-tools/fonts.conf", ""), 0);
	for (size_t i = 0; i < sizeof certificates / sizeof *certificates; i++)
		if (access(certificates[i], R_OK) == 0) {
			setenv("SSL_CERT_FILE", certificates[i], 0);
			return;
		}
}

int
main(int argc, char **argv)
{
	find_root();
	lend_files();

	char **words = calloc((size_t)argc + 6, sizeof *words);
	int count = 0;

	if (!words)
		leave("memory");
	words[count++] = below_root("/lib/", LOADER);
	words[count++] = (char *)"--argv0";
	words[count++] = argv[0];
	words[count++] = (char *)"--library-path";
	words[count++] = below_root("/lib", "");
	words[count++] = below_root("/lib/fm-tools/programs/", name);
	for (int i = 1; i < argc; i++)
		words[count++] = argv[i];
	execv(words[0], words);
	leave(words[0]);
}
