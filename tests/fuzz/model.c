/* Any bytes are a model or an error; what is read can be written, and reads back as the same bytes. */
#include "net/model.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t
write_and_read(const Model *model)
{
	int fd = memfd_create("model", 0);
	Model again;
	uint64_t content;

	if (fd < 0 || model_write(model, fd, "memory") || lseek(fd, 0, SEEK_SET))
		abort();
	if (model_read_fd(&again, fd, "memory"))
		abort();
	content = again.content;
	model_release(&again);
	close(fd);
	return content;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("model", 0);
	Model model;

	if (fd < 0 || write(fd, data, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET))
		abort();
	if (!model_read_fd(&model, fd, "input")) {
		if (write_and_read(&model) != write_and_read(&model))
			abort();
		model_release(&model);
	}
	close(fd);
	return 0;
}
