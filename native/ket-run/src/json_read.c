#include "json_read.h"

#include <string.h>

#include "utf8.h"

static bool fail(struct json_reader *r)
{
    r->bad = true;
    return false;
}

static void skip_space(struct json_reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r')) {
        r->at++;
    }
}

static bool accept(struct json_reader *r, char c)
{
    skip_space(r);
    if (r->at == r->end || *r->at != c) {
        return false;
    }
    r->at++;
    return true;
}

static bool read_hex4(struct json_reader *r, unsigned *code)
{
    if (r->end - r->at < 4) {
        return false;
    }
    *code = 0;
    for (int i = 0; i < 4; i++) {
        char c = *r->at++;
        unsigned digit;
        if (c >= '0' && c <= '9') {
            digit = (unsigned)(c - '0');
        } else if (c >= 'a' && c <= 'f') {
            digit = (unsigned)(c - 'a') + 10;
        } else if (c >= 'A' && c <= 'F') {
            digit = (unsigned)(c - 'A') + 10;
        } else {
            return false;
        }
        *code = *code << 4 | digit;
    }
    return true;
}

/* After "\u": one code point, which may take a second escape. */
static bool read_code_point(struct json_reader *r, unsigned *code)
{
    if (!read_hex4(r, code)) {
        return false;
    }
    if (*code >= 0xD800 && *code <= 0xDBFF) {
        unsigned low;
        if (r->end - r->at < 2 || r->at[0] != '\\' || r->at[1] != 'u') {
            return false;
        }
        r->at += 2;
        if (!read_hex4(r, &low) || low < 0xDC00 || low > 0xDFFF) {
            return false;
        }
        *code = 0x10000 + ((*code - 0xD800) << 10) + (low - 0xDC00);
        return true;
    }
    /* A zero byte would end the text early for everyone who reads it. */
    return *code != 0 && (*code < 0xDC00 || *code > 0xDFFF);
}

/*
 * Decodes in place: every escape is at least as long as what it stands for,
 * and the closing quote makes room for the zero byte.
 */
static bool read_string(struct json_reader *r, const char **text)
{
    if (!accept(r, '"')) {
        return false;
    }
    char *out = r->at;
    *text = out;
    while (r->at < r->end) {
        char c = *r->at++;
        if (c == '"') {
            *out = '\0';
            return true;
        }
        if ((unsigned char)c < 0x20) {
            return false;
        }
        if (c != '\\') {
            *out++ = c;
            continue;
        }
        if (r->at == r->end) {
            return false;
        }
        c = *r->at++;
        if (c == 'u') {
            unsigned code;
            unsigned char bytes[4];
            if (!read_code_point(r, &code)) {
                return false;
            }
            size_t n = utf8_encode(code, bytes);
            memcpy(out, bytes, n);
            out += n;
            continue;
        }
        static const char names[] = "\"\\/bfnrt";
        static const char values[] = "\"\\/\b\f\n\r\t";
        const char *found = c == '\0' ? NULL : strchr(names, c);
        if (found == NULL) {
            return false;
        }
        *out++ = values[found - names];
    }
    return false;
}

static bool read_number(struct json_reader *r, int64_t *number)
{
    bool negative = *r->at == '-';
    int64_t value = 0;
    if (negative) {
        r->at++;
    }
    char *start = r->at;
    while (r->at < r->end && *r->at >= '0' && *r->at <= '9') {
        int digit = *r->at++ - '0';
        if (value > (INT64_MAX - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    *number = negative ? -value : value;
    return r->at > start;
}

static bool accept_word(struct json_reader *r, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(r->end - r->at) < length || memcmp(r->at, word, length) != 0) {
        return false;
    }
    r->at += length;
    return true;
}

static bool read_value(struct json_reader *r, struct json_member *member)
{
    skip_space(r);
    if (r->at == r->end) {
        return false;
    }
    if (*r->at == '"') {
        member->kind = JSON_TEXT;
        return read_string(r, &member->text);
    }
    if (*r->at == '-' || (*r->at >= '0' && *r->at <= '9')) {
        member->kind = JSON_NUMBER;
        return read_number(r, &member->number);
    }
    if (accept_word(r, "true")) {
        member->kind = JSON_TRUE;
        return true;
    }
    if (accept_word(r, "false")) {
        member->kind = JSON_FALSE;
        return true;
    }
    member->kind = JSON_NULL;
    return accept_word(r, "null");
}

void json_open(struct json_reader *r, char *text, size_t length)
{
    *r = (struct json_reader){.at = text, .end = text + length, .first = true};
    if (!accept(r, '{')) {
        r->bad = true;
    }
}

bool json_next(struct json_reader *r, struct json_member *member)
{
    if (r->bad) {
        return false;
    }
    *member = (struct json_member){.kind = JSON_NULL};
    if (accept(r, '}')) {
        skip_space(r);
        return r->at == r->end ? false : fail(r);
    }
    if (!r->first && !accept(r, ',')) {
        return fail(r);
    }
    r->first = false;
    if (!read_string(r, &member->key) || !accept(r, ':') || !read_value(r, member)) {
        return fail(r);
    }
    return true;
}
