/* SHA-256 as FIPS 180-4 defines it. */
#ifndef KET_SHA256_H
#define KET_SHA256_H

#include <stddef.h>
#include <stdint.h>

struct sha256 {
    uint32_t state[8];
    uint64_t length; /* bytes taken so far */
    uint8_t block[64];
};

#define SHA256_TEXT 65 /* 64 hexadecimal digits and a zero byte */

void sha256_start(struct sha256 *s);
void sha256_add(struct sha256 *s, const void *data, size_t length);
void sha256_text(struct sha256 *s, char text[SHA256_TEXT]);

#endif
