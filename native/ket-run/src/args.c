#include "args.h"

#include <string.h>

#include "base.h"

enum { MAX_OPTIONS = 16 };

bool parse_number(const char *text, int64_t *number)
{
    int64_t value = 0;
    if (*text == '\0') {
        return false;
    }
    for (const char *p = text; *p != '\0'; p++) {
        if (*p < '0' || *p > '9') {
            return false;
        }
        int digit = *p - '0';
        if (value > (INT64_MAX - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    *number = value;
    return true;
}

bool is_sha256_text(const char *text)
{
    return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}

static const struct option_spec *find(const struct option_spec *specs, const char *name, size_t length)
{
    for (const struct option_spec *s = specs; s->name != NULL; s++) {
        if (strlen(s->name) == length && strncmp(s->name, name, length) == 0) {
            return s;
        }
    }
    return NULL;
}

static bool take(const struct option_spec *spec, const char *value)
{
    switch (spec->kind) {
    case OPTION_NUMBER:
        if (!parse_number(value, spec->number)) {
            say("--%s: not a number from 0 to 9223372036854775807: %s", spec->name, value);
            return false;
        }
        return true;
    case OPTION_SHA256:
        if (!is_sha256_text(value)) {
            say("--%s: not a SHA-256 in lower-case hexadecimal: %s", spec->name, value);
            return false;
        }
        break;
    case OPTION_TEXT:
        if (*value == '\0') {
            say("--%s: must not be empty", spec->name);
            return false;
        }
        break;
    }
    *spec->text = value;
    return true;
}

bool parse_options(int argc, char **argv, const struct option_spec *specs, int *rest)
{
    bool seen[MAX_OPTIONS] = {false};
    int i = 0;
    while (i < argc && strcmp(argv[i], "--") != 0) {
        const char *arg = argv[i++];
        if (strncmp(arg, "--", 2) != 0) {
            say("unexpected argument: %s", arg);
            return false;
        }
        const char *name = arg + 2;
        size_t length = strcspn(name, "=");
        const struct option_spec *spec = find(specs, name, length);
        if (spec == NULL || spec - specs >= MAX_OPTIONS) {
            say("unknown option: %s", arg);
            return false;
        }
        const char *value;
        if (name[length] == '=') {
            value = name + length + 1;
        } else if (i < argc) {
            value = argv[i++];
        } else {
            say("--%s: its value is missing", spec->name);
            return false;
        }
        if (seen[spec - specs]) {
            say("--%s: given twice", spec->name);
            return false;
        }
        seen[spec - specs] = true;
        if (!take(spec, value)) {
            return false;
        }
    }
    for (const struct option_spec *s = specs; s->name != NULL; s++) {
        if (s->required && !seen[s - specs]) {
            say("--%s is required", s->name);
            return false;
        }
    }
    if (i < argc) {
        i++; /* the "--" */
    }
    if (rest != NULL) {
        *rest = i;
    } else if (i < argc) {
        say("unexpected argument: %s", argv[i]);
        return false;
    }
    return true;
}
