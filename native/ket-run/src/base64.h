/* Base64 with padding, as json_bytes writes it. */
#ifndef KET_BASE64_H
#define KET_BASE64_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Decodes to `out` and ends it with a zero byte. False when the text is not
 * base64, does not fit, or holds a zero byte itself.
 */
bool base64_decode(const char *text, char *out, size_t size);

#endif
