/* replay.c: run a fuzz target over the files it is given, without a fuzzer: `make check` does, for the whole corpus. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* @return malloced to its very size, so that a sanitizer sees a read behind it */
static uint8_t *
read_file(const char *path, size_t *size)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data;
	long end;

	if (!file || fseek(file, 0, SEEK_END) || (end = ftell(file)) < 0 || fseek(file, 0, SEEK_SET)) {
		perror(path);
		exit(4);
	}
	*size = (size_t)end;
	data = malloc(*size ? *size : 1);
	if (!data || fread(data, 1, *size, file) != *size) {
		perror(path);
		exit(4);
	}
	fclose(file);
	return data;
}

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		size_t size;
		uint8_t *data = read_file(argv[i], &size);

		fprintf(stderr, "%s\n", argv[i]); /* the last one named is the one that crashed */
		LLVMFuzzerTestOneInput(data, size);
		free(data);
	}
	return 0;
}
