#include "base64.h"

#include <string.h>

static int digit(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool base64_decode(const char *text, char *out, size_t size)
{
    size_t length = strlen(text);
    size_t used = 0;
    if (length % 4 != 0 || length / 4 * 3 >= size) {
        return false;
    }
    for (size_t i = 0; i < length; i += 4) {
        const char *p = text + i;
        bool last = i + 4 == length;
        int bytes = last && p[3] == '=' ? (p[2] == '=' ? 1 : 2) : 3;
        unsigned group = 0;
        for (int k = 0; k < 4; k++) {
            int d = k <= bytes ? digit(p[k]) : 0;
            if (d < 0) {
                return false;
            }
            group = group << 6 | (unsigned)d;
        }
        for (int k = 0; k < bytes; k++) {
            char c = (char)(group >> (16 - 8 * k) & 255);
            if (c == '\0') {
                return false;
            }
            out[used++] = c;
        }
    }
    out[used] = '\0';
    return true;
}
