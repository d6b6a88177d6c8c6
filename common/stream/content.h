/* stream/content.h: fm.content: one hash of all samples that does not depend on where records begin and end. */
#ifndef FM_STREAM_CONTENT_H
#define FM_STREAM_CONTENT_H

#include "hash.h"
#include "stream/record.h"

#include <stdint.h>

typedef struct Content Content;

/** Nothing hashed yet. @param about  borrowed until content_close */
Content *content_open(const About *about);

/** Hash one column's rows of a record. A column that this is never called for, not even with n = 0, doesn't count. */
void content_add(Content *content, size_t column, const Tensor *tensor);

/** fm.content of what was hashed so far. */
uint64_t content_value(const Content *content);

/** Go on from where another is, of a stream with the same columns. */
void content_copy(Content *to, const Content *from);

/** One column's hash in progress, so that it can be saved; begun here if the column has not occurred. */
Hash *content_hash(Content *content, size_t column);

void content_close(Content *content);

#endif
