/* stream/metadata.h: the strings of a record's __metadata__, read and made. */
#ifndef FM_STREAM_METADATA_H
#define FM_STREAM_METADATA_H

#include "status.h"
#include "stream/record.h"
#include "stream/safetensors.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum { STREAM_VERSION = 1 };

/** What a header begins with, from the record's byte 8 on; then 16 hexadecimal digits and '"'. */
#define METADATA_MAGIC "{\"__metadata__\":{\"fm.xxh3\":\""
enum { METADATA_DIGITS_AT = 8 + sizeof METADATA_MAGIC - 1, METADATA_DIGITS = 16 };

/** Exactly 16 hexadecimal digits, lower case, most significant first. */
void hex_write(uint64_t value, char digits[static 16]);
bool hex_read(const char *digits, uint64_t *value);

/** @return true and the number if the member is there and a decimal number of digits alone, without leading zeros */
bool metadata_number(const json_t *metadata, const char *key, uint64_t *value);

/** Parse the JSON text that a key holds. @return STATUS_OK, or STATUS_INPUT where it is missing or not JSON */
MUST_CHECK Status metadata_json(const json_t *metadata, const char *key, json_t **value);

/**
 * What a first record says of its stream: metadata and tensors, all checked.
 *
 * @param is_shown  accept what is reserved (weight, target): for looking at a stream only
 * @return STATUS_OK, or STATUS_INPUT and nothing is held
 */
MUST_CHECK Status metadata_read_about(About *about, const Safetensors *file, bool is_shown);

/** Metadata of a record, fm.xxh3 being zeros: in the order that fm-stream(5) gives. about: in a first record only. */
json_t *metadata_of_record(const Record *record, uint64_t number, const About *about);

/** Metadata of the end record. */
json_t *metadata_of_end(uint64_t records, uint64_t samples, uint64_t content, const json_t *history);

#endif
