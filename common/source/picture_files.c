/* source/picture_files.c: pictures in folders and archives. */
#include "cli/message.h"
#include "source/file_kinds.h"
#include "source/picture_source.h"
#include "source/splits.h"

typedef struct PictureTree {
	const Files *files;
	const SourceRequest *request;
	PictureNames names;
} PictureTree;

static bool
pictures_have(const void *context, Split split)
{
	const PictureTree *place = context;

	for (size_t i = 0; i < place->names.count; i++)
		if (place->names.pictures[i].split == split)
			return true;
	return false;
}

static Status
pictures_open(void *context, Split split, int64_t first_id, Source *source)
{
	const PictureTree *place = context;

	return picture_source_open_tree(source, place->files, &place->names, split, first_id, place->request);
}

static void
tell_what_was_left(const Files *files)
{
	if (files->links_left > 1)
		warn("%s; not followed, nor are %zu other links", files->link_left, files->links_left - 1);
	else if (files->links_left)
		warn("%s; not followed", files->link_left);
	if (files->passed_over)
		warn("%s: %zu files that are no pictures by their names, such as %s, passed over%s", files->name, files->passed_over,
		     files->first_passed_over,
		     path_has_suffix(files->first_passed_over, ".cls") ? "; --webdataset reads labels that lie beside pictures" : "");
}

Status
picture_files_open(Source *source, const Files *files, SourceRequest *request)
{
	PictureTree place = { .files = files, .request = request };
	const Splits splits = { files->name, "pictures", &place, pictures_have, pictures_open };
	Status status = files->is_single ? 0 :
			picture_names_find(&place.names, files->name, files->count, files->paths, !files->is_folder);

	if (status < 0 || files->is_single)
		return status;
	if (place.names.count) {
		tell_what_was_left(files);
		status = splits_open(&splits, &request->split, source);
		status = status < 0 ? status : 1;
	}
	picture_names_release(&place.names);
	return status;
}
