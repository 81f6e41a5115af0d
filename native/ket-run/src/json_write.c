#include "json_write.h"

#include <stdio.h>
#include <string.h>

#include "utf8.h"

static void put(struct json *j, const char *data, size_t length)
{
    if (j->full || length >= j->size - j->length) {
        j->full = true;
        return;
    }
    memcpy(j->buffer + j->length, data, length);
    j->length += length;
    j->buffer[j->length] = '\0';
}

static void put_text(struct json *j, const char *text)
{
    put(j, text, strlen(text));
}

/* Returns whether all bytes were valid UTF-8. */
static bool put_string(struct json *j, const char *value)
{
    const unsigned char *p = (const unsigned char *)value;
    size_t left = strlen(value);
    bool valid = true;
    put_text(j, "\"");
    while (left > 0) {
        size_t n = utf8_length(p, left);
        if (n == 0) {
            put_text(j, "\xEF\xBF\xBD");
            valid = false;
            n = 1;
        } else if (*p == '"' || *p == '\\') {
            char escaped[2] = {'\\', (char)*p};
            put(j, escaped, 2);
        } else if (*p < 0x20 || *p == 0x7f) {
            char escaped[8];
            snprintf(escaped, sizeof escaped, "\\u%04x", *p);
            put_text(j, escaped);
        } else {
            put(j, (const char *)p, n);
        }
        p += n;
        left -= n;
    }
    put_text(j, "\"");
    return valid;
}

static void put_base64(struct json *j, const char *value)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *p = (const unsigned char *)value;
    size_t left = strlen(value);
    put_text(j, "\"");
    while (left > 0) {
        unsigned b1 = left > 1 ? p[1] : 0;
        unsigned b2 = left > 2 ? p[2] : 0;
        unsigned group = (unsigned)p[0] << 16 | b1 << 8 | b2;
        char out[4] = {digits[group >> 18], digits[group >> 12 & 63],
                       left > 1 ? digits[group >> 6 & 63] : '=', left > 2 ? digits[group & 63] : '='};
        put(j, out, 4);
        size_t n = left < 3 ? left : 3;
        p += n;
        left -= n;
    }
    put_text(j, "\"");
}

static void put_key(struct json *j, const char *key)
{
    put_text(j, j->begun ? "," : "");
    j->begun = true;
    put_string(j, key);
    put_text(j, ":");
}

void json_begin(struct json *j, char *buffer, size_t size)
{
    *j = (struct json){.buffer = buffer, .size = size};
    put_text(j, "{");
}

void json_end(struct json *j)
{
    put_text(j, "}\n");
}

void json_number(struct json *j, const char *key, int64_t value)
{
    char text[24];
    put_key(j, key);
    snprintf(text, sizeof text, "%lld", (long long)value);
    put_text(j, text);
}

void json_number_or_null(struct json *j, const char *key, bool known, int64_t value)
{
    if (known) {
        json_number(j, key, value);
    } else {
        json_text(j, key, NULL);
    }
}

void json_bool(struct json *j, const char *key, bool value)
{
    put_key(j, key);
    put_text(j, value ? "true" : "false");
}

void json_text(struct json *j, const char *key, const char *value)
{
    put_key(j, key);
    if (value == NULL) {
        put_text(j, "null");
    } else {
        put_string(j, value);
    }
}

void json_bytes(struct json *j, const char *key, const char *key_b64, const char *value)
{
    put_key(j, key);
    if (!put_string(j, value)) {
        put_key(j, key_b64);
        put_base64(j, value);
    }
}
