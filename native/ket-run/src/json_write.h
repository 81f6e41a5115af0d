/*
 * Builds one JSON object in a fixed buffer. Names and messages come from
 * outside, so nothing here trusts that they fit or that they are UTF-8.
 */
#ifndef KET_JSON_WRITE_H
#define KET_JSON_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json {
    char *buffer;
    size_t size;
    size_t length;
    bool full;  /* something did not fit: the text is not to be used */
    bool begun; /* a member was written, so a comma is due */
};

void json_begin(struct json *j, char *buffer, size_t size);
void json_end(struct json *j); /* closes the object and adds a newline */

void json_number(struct json *j, const char *key, int64_t value);
void json_number_or_null(struct json *j, const char *key, bool known, int64_t value);
void json_bool(struct json *j, const char *key, bool value);

/* NULL is written as null; bytes that are not UTF-8 become U+FFFD. */
void json_text(struct json *j, const char *key, const char *value);

/* As json_text, and beside it `key_b64` when the bytes are not valid UTF-8. */
void json_bytes(struct json *j, const char *key, const char *key_b64, const char *value);

#endif
