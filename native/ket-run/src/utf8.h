/* Which bytes are a character of UTF-8. */
#ifndef KET_UTF8_H
#define KET_UTF8_H

#include <stddef.h>

/*
 * The length of the well-formed character at `p` (of `left` bytes, at least
 * one), or 0: overlong forms, surrogates and values above U+10FFFF are none.
 */
size_t utf8_length(const unsigned char *p, size_t left);

/* Writes a code point (below 0x110000) to `out`; the number of bytes, 1 to 4. */
size_t utf8_encode(unsigned code, unsigned char out[4]);

#endif
