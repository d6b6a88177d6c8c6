/* pictures.c: a stream as PNG files in class folders. */
#include "export/sink.h"

#include "cli/atomic.h"
#include "export/folder.h"
#include "export/path.h"
#include "export/png.h"
#include "memory.h"

#include <inttypes.h>
#include <unistd.h>

typedef struct Pictures {
	Folder folder;
	Encoder encoder;
	char **classes; /* as folders */
} Pictures;

static Status
pictures_open(Sink *sink)
{
	Pictures *pictures = sink->state = memory_zeroed(1, sizeof *pictures);
	pictures->folder.fd = -1;
	Status status = encoder_init(&pictures->encoder, sink->about);
	if (status >= 0)
		status = path_classes(sink->about, &pictures->classes);
	return status < 0 ? status : folder_open(&pictures->folder, sink->target);
}

static Status
create(Folder *folder, const char *stem, const char *more, int *fd, char **path)
{
	*path = memory_zeroed(strlen(stem) + strlen(more) + sizeof ".png", 1);
	sprintf(*path, "%s%s.png", stem, more);
	return folder_create(folder, *path, fd);
}

/* Where two samples have one name (a.jpg and a.png, joined streams), the later one gets its id as well. */
static Status
create_unique(Folder *folder, const char *stem, int64_t id, int *fd, char **path)
{
	char more[32];
	Status status = create(folder, stem, "", fd, path);
	if (status < 0 || *fd >= 0)
		return status;
	free(*path);
	snprintf(more, sizeof more, "-%" PRId64, id);
	status = create(folder, stem, more, fd, path);
	if (status >= 0 && *fd < 0)
		return fail(STATUS_INPUT, "%s/%s would be written twice: more than one sample has this name and id",
			    folder->target, *path);
	return status;
}

static Status
write_picture(Pictures *pictures, const Sample *sample)
{
	int fd = -1;
	char *path = NULL, *stem = path_of_sample(sample, pictures->classes);
	Status status = encoder_run(&pictures->encoder, sample->pixels);

	if (status >= 0)
		status = create_unique(&pictures->folder, stem, sample->id, &fd, &path);
	if (status >= 0)
		status = write_all(fd, pictures->encoder.bytes, pictures->encoder.size, path);
	if (fd >= 0 && close(fd) < 0 && status >= 0)
		status = fail_errno("%s/%s", pictures->folder.target, path);
	free(stem);
	free(path);
	return status;
}

static Status
pictures_add(Sink *sink, const Record *record)
{
	Status status = STATUS_OK;
	for (uint64_t i = 0; i < record->n && status >= 0; i++) {
		Sample sample = sample_of(record, i);
		status = write_picture(sink->state, &sample);
	}
	return status;
}

static Status
pictures_finish(Sink *sink)
{
	Pictures *pictures = sink->state;
	return folder_commit(&pictures->folder);
}

static void
pictures_close(Sink *sink)
{
	Pictures *pictures = sink->state;
	folder_abandon(&pictures->folder);
	encoder_release(&pictures->encoder);
	path_classes_release(sink->about, pictures->classes);
	free(pictures);
}

const SinkTable sink_png = { pictures_open, pictures_add, pictures_finish, pictures_close };
