/* fm/stream.h: read and write tensor streams, fm-stream(5), from C.
 *
 * Link with -lfmstream (pkg-config fmstream). Handles are opaque and independent of each other; there is no global
 * state, and one handle may be used by one thread at a time. A function that can fail returns less than 0, and minus that
 * is the exit status that fits: 2 usage, 3 bad input, 4 input/output. When not even a few bytes of memory can be had,
 * the library aborts. */
#ifndef FM_STREAM_PUBLIC_H
#define FM_STREAM_PUBLIC_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define FMS_OK 0
#define FMS_ENOUGH 1 /* from a writer: the reader of a repeated stream wants no more; stop, and exit 0 */
#define FMS_USAGE (-2)
#define FMS_INPUT (-3)
#define FMS_IO (-4)

#define FMS_ENDLESS UINT64_MAX

typedef struct fms_reader fms_reader;
typedef struct fms_writer fms_writer;
typedef struct fms_record fms_record;
typedef struct fms_tensor fms_tensor;

/** The version of the library, "0.1.0". */
const char *fms_version(void);

/* ---- reading ---- */

/**
 * Open a stream and read its first record.
 *
 * @param reader  out: set whatever happens, so that fms_reader_error can say why; give it to fms_reader_close
 * @param fd      a file, pipe or socket; the reader's from now on
 * @param name    for messages
 */
int fms_reader_open(fms_reader **reader, int fd, const char *name);

/**
 * Read the next record; its hash has been verified.
 *
 * @param record  out: belongs to the reader until the next call; samples may be changed and dropped in place
 * @return 1 a record; 0 the verified end of the stream; less than 0 if it is torn, damaged or can't be read
 */
int fms_reader_next(fms_reader *reader, fms_record **record);

/** 1 if fms_reader_next would wait for bytes that aren't there yet. */
int fms_reader_would_wait(fms_reader *reader);

/** Why the last call on this reader failed. Holds bytes of the input: not fit for a terminal as it is. */
const char *fms_reader_error(const fms_reader *reader);

uint32_t fms_reader_height(const fms_reader *reader);
uint32_t fms_reader_width(const fms_reader *reader);
uint32_t fms_reader_channels(const fms_reader *reader);
uint32_t fms_reader_class_count(const fms_reader *reader);

/** UTF-8. @return NULL if there is no such class */
const char *fms_reader_class(const fms_reader *reader, uint32_t index);

/** 0: not a repeated stream; FMS_ENDLESS. */
uint64_t fms_reader_epochs(const fms_reader *reader);

/** fm.history as JSON text; complete after fms_reader_next has returned 0; of joined streams that of the
 *  first. To be freed. */
char *fms_reader_history(const fms_reader *reader);

void fms_reader_close(fms_reader *reader);

/* ---- records ---- */

/** An empty record to be filled with fms_record_set. */
fms_record *fms_record_new(void);

/** Only what fms_record_new made. */
void fms_record_free(fms_record *record);

/**
 * Put a tensor into a record made by fms_record_new; one of that name is replaced.
 *
 * @param shape  [rank], the number of samples first
 * @param data   row-major, little-endian; borrowed until the record is sent
 * @return FMS_OK; FMS_USAGE for an unknown dtype, a bad rank or a size that overflows
 */
int fms_record_set(fms_record *record, const char *name, const char *dtype, int rank, const uint64_t *shape, void *data);

uint64_t fms_record_samples(const fms_record *record);

/** "fit", "holdout", or NULL where parts are not marked. */
const char *fms_record_part(const fms_record *record);

/** -1: none. */
int64_t fms_record_epoch(const fms_record *record);

/** Drop samples. @param keep  [samples]: 0 drops the sample */
void fms_record_filter(fms_record *record, const uint8_t *keep);

/** @return NULL if there is none */
fms_tensor *fms_record_tensor(fms_record *record, const char *name);
size_t fms_record_tensor_count(const fms_record *record);
fms_tensor *fms_record_tensor_at(fms_record *record, size_t index);

const char *fms_tensor_name(const fms_tensor *tensor);
const char *fms_tensor_dtype(const fms_tensor *tensor);
int fms_tensor_rank(const fms_tensor *tensor);
uint64_t fms_tensor_dimension(const fms_tensor *tensor, int index);
size_t fms_tensor_size(const fms_tensor *tensor);

/** Aligned to the element; may be changed. */
void *fms_tensor_data(fms_tensor *tensor);

/* ---- writing ---- */

/**
 * Begin a stream, to be described by fms_writer_like or fms_writer_pictures before the first record.
 *
 * @param writer   out: set whatever happens
 * @param fd       not closed
 * @param tool     for the history, with its version
 * @param options  JSON object of the options that change the result, or NULL
 */
int fms_writer_open(fms_writer **writer, int fd, const char *name, const char *tool, const char *version,
		    const char *options);

/** As this stream: pictures, classes, tensors, parts, epochs, history. Call it before the stream's records are read;
 *  the reader must outlive the writer. */
int fms_writer_like(fms_writer *writer, const fms_reader *reader);

int fms_writer_pictures(fms_writer *writer, uint32_t height, uint32_t width, uint32_t channels);
int fms_writer_classes(fms_writer *writer, uint32_t count, const char *const *names);

/** Add a tensor to those of every record ("image" is there). @param rank, shape  of one sample */
int fms_writer_tensor(fms_writer *writer, const char *name, const char *dtype, int rank, const uint64_t *shape);

/** Send a record at once. @return FMS_OK, FMS_ENOUGH or a failure */
int fms_writer_send(fms_writer *writer, const fms_record *record);

/** Write the end record: only when all input was whole. @return FMS_OK, FMS_ENOUGH or a failure */
int fms_writer_finish(fms_writer *writer);

const char *fms_writer_error(const fms_writer *writer);

/** Without fms_writer_finish the stream stays torn, and every reader will say so. */
void fms_writer_close(fms_writer *writer);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
