#include "beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STEP = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };

void beneath_begin(struct beneath *b, int root)
{
    b->root = root;
    b->parent = -1;
}

void beneath_end(struct beneath *b)
{
    if (b->parent >= 0) {
        close(b->parent);
        b->parent = -1;
    }
}

bool is_plain_path(const char *path)
{
    if (strlen(path) >= PATH_LIMIT) {
        return false;
    }
    const char *p = path;
    for (;;) {
        size_t n = strcspn(p, "/");
        if (n == 0 || (n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.')) {
            return false;
        }
        if (p[n] == '\0') {
            return true;
        }
        p += n + 1;
    }
}

/* Walks down `path` (changed while walking, then as before); a new descriptor. */
static int descend(int root, char *path)
{
    int at = openat(root, ".", STEP);
    char *p = path;
    while (at >= 0 && *p != '\0') {
        size_t n = strcspn(p, "/");
        char ended_by = p[n];
        p[n] = '\0';
        int next = openat(at, p, STEP);
        int error = errno;
        p[n] = ended_by;
        close(at);
        errno = error;
        at = next;
        p += n + (ended_by == '/' ? 1 : 0);
    }
    return at;
}

int beneath_parent(struct beneath *b, const char *path, const char **name)
{
    if (!is_plain_path(path)) {
        errno = EINVAL;
        return -1;
    }
    const char *slash = strrchr(path, '/');
    size_t length = slash == NULL ? 0 : (size_t)(slash - path);
    *name = slash == NULL ? path : slash + 1;
    if (b->parent >= 0 && strlen(b->parent_path) == length && memcmp(b->parent_path, path, length) == 0) {
        return b->parent;
    }
    beneath_end(b);
    memcpy(b->parent_path, path, length);
    b->parent_path[length] = '\0';
    b->parent = descend(b->root, b->parent_path);
    return b->parent;
}

int beneath_open_folder(struct beneath *b, const char *path)
{
    enum { LIST = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };
    if (*path == '\0') {
        return openat(b->root, ".", LIST);
    }
    const char *name;
    int parent = beneath_parent(b, path, &name);
    return parent < 0 ? -1 : openat(parent, name, LIST);
}

int beneath_open_file(struct beneath *b, const char *path)
{
    const char *name;
    int parent = beneath_parent(b, path, &name);
    if (parent < 0) {
        return -1;
    }
    /* Looked at first: opening a device may do something to it. */
    struct stat st;
    if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        return -1;
    }
    if (!S_ISREG(st.st_mode)) {
        errno = EINVAL;
        return -1;
    }
    int fd = openat(parent, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    /* And again: it may have been swapped in between. */
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        errno = EINVAL;
        return -1;
    }
    return fd;
}
