#include "durations.h"

#include <stdlib.h>
#include <string.h>

/* More counts as this, a day: so no sum of as many as memory holds can overflow. */
static const int64_t MOST_USEC = 86400LL * 1000000;

int compare_slices(struct slice a, struct slice b)
{
    size_t shorter = a.length < b.length ? a.length : b.length;
    int order = shorter == 0 ? 0 : memcmp(a.text, b.text, shorter);
    return order != 0 ? order : (a.length > b.length) - (a.length < b.length);
}

bool next_line(struct slice *rest, struct slice *line)
{
    if (rest->length == 0) {
        return false;
    }
    const char *end = memchr(rest->text, '\n', rest->length);
    size_t length = end == NULL ? rest->length : (size_t)(end - rest->text);
    *line = (struct slice){rest->text, length};
    size_t taken = end == NULL ? length : length + 1;
    rest->text += taken;
    rest->length -= taken;
    return true;
}

/* Digits with or without a fraction; what is finer than a microsecond is dropped. */
static bool parse_seconds(struct slice number, int64_t *usec)
{
    int64_t value = 0;
    int decimals = -1; /* -1: before the point */
    bool digits = false;
    for (size_t i = 0; i < number.length; i++) {
        char c = number.text[i];
        if (c == '.' && decimals < 0) {
            decimals = 0;
            continue;
        }
        if (c < '0' || c > '9') {
            return false;
        }
        digits = true;
        if (decimals < 6 && value <= MOST_USEC) {
            value = value * 10 + (c - '0');
            decimals += decimals >= 0;
        }
    }
    for (int i = decimals < 0 ? 0 : decimals; i < 6 && value <= MOST_USEC; i++) {
        value *= 10;
    }
    *usec = value < MOST_USEC ? value : MOST_USEC;
    return digits;
}

/* The longest of equal names first. */
static int by_name(const void *a, const void *b)
{
    const struct duration *one = a, *two = b;
    int order = compare_slices(one->name, two->name);
    return order != 0 ? order : (one->usec < two->usec) - (one->usec > two->usec);
}

bool durations_read(struct durations *d, struct slice text, size_t *wrong)
{
    *d = (struct durations){.other_usec = -1};
    *wrong = 0;
    size_t lines = 0;
    struct slice line;
    for (struct slice rest = text; next_line(&rest, &line);) {
        lines++;
    }
    d->items = calloc(lines == 0 ? 1 : lines, sizeof *d->items);
    if (d->items == NULL) {
        return false;
    }
    size_t number = 0;
    for (struct slice rest = text; next_line(&rest, &line);) {
        number++;
        const char *tab = line.length == 0 ? NULL : memchr(line.text, '\t', line.length);
        size_t before = tab == NULL ? 0 : (size_t)(tab - line.text);
        int64_t usec;
        if (tab == NULL || !parse_seconds((struct slice){line.text, before}, &usec)) {
            *wrong = number;
            durations_free(d);
            return false;
        }
        struct slice name = {tab + 1, line.length - before - 1};
        if (name.length == 0) {
            d->other_usec = usec;
        } else {
            d->items[d->count++] = (struct duration){name, usec};
        }
    }
    qsort(d->items, d->count, sizeof *d->items, by_name);
    return true;
}

void durations_free(struct durations *d)
{
    free(d->items);
    *d = (struct durations){.other_usec = -1};
}

int64_t durations_find(const struct durations *d, struct slice name)
{
    size_t low = 0, high = d->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_slices(d->items[middle].name, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < d->count && compare_slices(d->items[low].name, name) == 0 ? d->items[low].usec : -1;
}
