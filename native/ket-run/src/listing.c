#include "listing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Names live in chunks that never move, so that items can point into them. */
struct chunk {
    struct chunk *next;
    size_t used;
    size_t size;
    _Alignas(struct listed) char data[];
};

enum { CHUNK_SIZE = 256 * 1024 };

static void *chunk_take(struct listing *l, size_t size)
{
    const size_t step = _Alignof(struct listed);
    size = (size + step - 1) / step * step;
    struct chunk *c = l->chunks;
    if (c == NULL || c->size - c->used < size) {
        size_t room = size > CHUNK_SIZE ? size : CHUNK_SIZE;
        c = malloc(sizeof *c + room);
        if (c == NULL) {
            return NULL;
        }
        *c = (struct chunk){.next = l->chunks, .size = room};
        l->chunks = c;
    }
    void *taken = c->data + c->used;
    c->used += size;
    return taken;
}

static struct listed *new_item(struct listing *l, const char *folder, const char *name, int error)
{
    size_t folder_length = strlen(folder);
    size_t name_length = strlen(name);
    size_t slash = folder_length > 0 && name_length > 0 ? 1 : 0;
    struct listed *item = chunk_take(l, sizeof *item + folder_length + slash + name_length + 1);
    if (item != NULL) {
        item->error = error;
        memcpy(item->path, folder, folder_length);
        if (slash > 0) {
            item->path[folder_length] = '/';
        }
        memcpy(item->path + folder_length + slash, name, name_length + 1);
    }
    return item;
}

static bool push(struct listing *l, struct listed *item)
{
    if (item == NULL) {
        return false;
    }
    if (l->count == l->room) {
        size_t room = l->room == 0 ? 1024 : l->room * 2;
        if (room > SIZE_MAX / sizeof *l->items) {
            errno = ENOMEM;
            return false;
        }
        struct listed **items = realloc(l->items, room * sizeof *items);
        if (items == NULL) {
            return false;
        }
        l->items = items;
        l->room = room;
    }
    l->items[l->count++] = item;
    return true;
}

static bool is_folder(int dir, const struct dirent *entry)
{
    if (entry->d_type != DT_UNKNOWN) {
        return entry->d_type == DT_DIR;
    }
    struct stat st;
    return fstatat(dir, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

/* One folder: what is in it goes to `found`, or, a folder, to `todo`. */
static bool list_one(struct listing *found, struct listing *todo, struct beneath *b, const char *path,
                     leave_out *skip)
{
    int fd = beneath_open_folder(b, path);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (dir == NULL) {
        int error = errno;
        if (fd >= 0) {
            close(fd);
        }
        /* A folder that vanished held nothing to lose; any other error is told. */
        return error == ENOENT && *path != '\0' ? true : push(found, new_item(found, path, "", error));
    }
    bool good = true;
    for (;;) {
        errno = 0;
        struct dirent *entry = readdir(dir);
        if (entry == NULL) {
            int error = errno;
            good = error == 0 || push(found, new_item(found, path, "", error));
            break;
        }
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        bool folder = is_folder(fd, entry);
        bool too_long = strlen(path) + 1 + strlen(entry->d_name) >= PATH_LIMIT;
        struct listed *item = new_item(found, path, entry->d_name, too_long ? ENAMETOOLONG : 0);
        if (item == NULL) {
            good = false;
            break;
        }
        if (skip(item->path)) {
            continue;
        }
        if (!push(folder && !too_long ? todo : found, item)) {
            good = false;
            break;
        }
    }
    closedir(dir);
    return good;
}

static int by_bytes(const void *a, const void *b)
{
    const struct listed *const *x = a;
    const struct listed *const *y = b;
    return strcmp((*x)->path, (*y)->path); /* compares as unsigned bytes */
}

bool list_beneath(struct listing *l, struct beneath *b, leave_out *skip)
{
    *l = (struct listing){0};
    struct listing todo = {0}; /* its items live in the chunks of `l` */
    bool good = list_one(l, &todo, b, "", skip);
    while (good && todo.count > 0) {
        good = list_one(l, &todo, b, todo.items[--todo.count]->path, skip);
    }
    free(todo.items);
    if (good && l->count > 0) {
        qsort(l->items, l->count, sizeof *l->items, by_bytes);
    }
    return good;
}

void listing_free(struct listing *l)
{
    free(l->items);
    while (l->chunks != NULL) {
        struct chunk *next = l->chunks->next;
        free(l->chunks);
        l->chunks = next;
    }
    *l = (struct listing){0};
}
