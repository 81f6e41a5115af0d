/*
 * Reads one flat JSON object (no objects or lists inside), which is all that
 * ket-run ever writes. The text is decoded in place.
 */
#ifndef KET_JSON_READ_H
#define KET_JSON_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum json_kind { JSON_TEXT, JSON_NUMBER, JSON_TRUE, JSON_FALSE, JSON_NULL };

struct json_member {
    const char *key;
    enum json_kind kind;
    const char *text; /* of a JSON_TEXT, ended by a zero byte, without one inside */
    int64_t number;   /* of a JSON_NUMBER; whole numbers only */
};

struct json_reader {
    char *at;
    char *end;
    bool first;
    bool bad; /* the text is not such an object */
};

/* `text` has `length` bytes and is changed by reading. */
void json_open(struct json_reader *r, char *text, size_t length);

/* The next member; false at the end of the object and when it is bad. */
bool json_next(struct json_reader *r, struct json_member *member);

#endif
