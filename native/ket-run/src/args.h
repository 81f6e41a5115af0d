/* Options of the form `--name VALUE` or `--name=VALUE`, up to `--`. */
#ifndef KET_ARGS_H
#define KET_ARGS_H

#include <stdbool.h>
#include <stdint.h>

enum option_kind { OPTION_TEXT, OPTION_NUMBER, OPTION_SHA256 };

struct option_spec {
    const char *name; /* without the dashes; NULL ends the table */
    enum option_kind kind;
    bool required;
    const char **text; /* where a text or a hash goes */
    int64_t *number;   /* where a number goes */
};

/*
 * Parses `argv` after the subcommand. `rest` gets the index of the first
 * argument after `--` (or argc); with `rest` NULL nothing may follow the
 * options. On an error it says which argument is wrong and returns false.
 */
bool parse_options(int argc, char **argv, const struct option_spec *specs, int *rest);

/* A decimal number from 0 to INT64_MAX, nothing before or after it. */
bool parse_number(const char *text, int64_t *number);

/* 64 lower-case hexadecimal digits. */
bool is_sha256_text(const char *text);

#endif
