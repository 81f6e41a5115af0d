#include "partition.h"

#include <stdlib.h>
#include <string.h>

static const int64_t SECOND_USEC = 1000000;

static int by_number(const void *a, const void *b)
{
    int64_t one = *(const int64_t *)a, two = *(const int64_t *)b;
    return (one > two) - (one < two);
}

/* By duration, the longest first; then by name, so that the order given does not matter. */
static int by_weight(const void *a, const void *b)
{
    const struct share_item *one = a, *two = b;
    if (one->usec != two->usec) {
        return one->usec < two->usec ? 1 : -1;
    }
    int order = compare_slices(one->name, two->name);
    return order != 0 ? order : (one->place > two->place) - (one->place < two->place);
}

static int by_place(const void *a, const void *b)
{
    const struct share_item *one = a, *two = b;
    return (one->place > two->place) - (one->place < two->place);
}

/* What an unknown name counts as; -1 where memory is short. */
static int64_t usual(const struct partition *p, const struct durations *known)
{
    if (known->other_usec >= 0) {
        return known->other_usec;
    }
    int64_t *all = calloc(p->count == 0 ? 1 : p->count, sizeof *all);
    if (all == NULL) {
        return -1;
    }
    size_t count = 0;
    for (size_t i = 0; i < p->count; i++) {
        if (p->items[i].usec >= 0) {
            all[count++] = p->items[i].usec;
        }
    }
    qsort(all, count, sizeof *all, by_number);
    int64_t median = count == 0 ? SECOND_USEC : all[count / 2];
    free(all);
    return median;
}

static void give_out(struct partition *p, size_t shards)
{
    int64_t usec[MOST_SHARDS] = {0};
    size_t names[MOST_SHARDS] = {0};
    const struct share_item *before = NULL;
    for (size_t i = 0; i < p->count; i++) {
        struct share_item *item = &p->items[i];
        /* Equal names have equal durations, so they are neighbours. */
        item->repeated = before != NULL && compare_slices(before->name, item->name) == 0;
        before = item;
        if (item->repeated) {
            continue;
        }
        size_t least = 0;
        for (size_t s = 1; s < shards; s++) {
            if (usec[s] < usec[least] || (usec[s] == usec[least] && names[s] < names[least])) {
                least = s;
            }
        }
        item->shard = least;
        usec[least] += item->usec;
        names[least]++;
        p->names++;
        p->unknown += !item->known;
    }
}

bool partition_make(struct partition *p, struct slice list, const struct durations *known, size_t shards)
{
    *p = (struct partition){0};
    size_t lines = 0;
    struct slice line;
    for (struct slice rest = list; next_line(&rest, &line);) {
        lines += line.length > 0;
    }
    p->items = calloc(lines == 0 ? 1 : lines, sizeof *p->items);
    if (p->items == NULL) {
        return false;
    }
    for (struct slice rest = list; next_line(&rest, &line);) {
        if (line.length > 0) {
            p->items[p->count] = (struct share_item){.name = line, .place = p->count, .usec = durations_find(known, line)};
            p->count++;
        }
    }
    int64_t otherwise = usual(p, known);
    if (otherwise < 0) {
        partition_free(p);
        return false;
    }
    for (size_t i = 0; i < p->count; i++) {
        struct share_item *item = &p->items[i];
        item->known = item->usec >= 0;
        item->usec = item->known ? item->usec : otherwise;
    }
    qsort(p->items, p->count, sizeof *p->items, by_weight);
    give_out(p, shards);
    qsort(p->items, p->count, sizeof *p->items, by_place);
    return true;
}

void partition_free(struct partition *p)
{
    free(p->items);
    *p = (struct partition){0};
}
