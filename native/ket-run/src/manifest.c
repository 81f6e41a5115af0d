#include "manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base.h"
#include "beneath.h"
#include "contact.h"
#include "json_write.h"
#include "listing.h"

struct maker {
    int fd;
    int state_dir; /* for the mark of contact */
    struct sha256 sha;
    struct manifest_summary *summary;
    struct manifest_caps caps; /* of the folder that is walked */
    int64_t left_out;
    int error; /* the first errno of writing */
    size_t used;
    char buffer[COPY_BUFFER];
    char line[MANIFEST_LINE];
};

static void flush(struct maker *m)
{
    if (m->error == 0 && !write_all(m->fd, m->buffer, m->used)) {
        m->error = errno;
    }
    m->used = 0;
}

static void add(struct maker *m, const char *data, size_t length)
{
    while (length > 0) {
        size_t n = sizeof m->buffer - m->used;
        n = n < length ? n : length;
        memcpy(m->buffer + m->used, data, n);
        m->used += n;
        data += n;
        length -= n;
        if (m->used == sizeof m->buffer) {
            flush(m);
        }
    }
}

static void line_begin(struct maker *m, struct json *j, const char *root, const char *path)
{
    json_begin(j, m->line, sizeof m->line);
    json_text(j, "root", root);
    json_bytes(j, "path", "path_b64", path);
}

static void line_end(struct maker *m, struct json *j)
{
    json_end(j);
    if (j->full) {
        m->error = m->error == 0 ? EOVERFLOW : m->error;
        return;
    }
    sha256_add(&m->sha, m->line, j->length);
    add(m, m->line, j->length);
}

static void add_error_text(struct maker *m, const char *root, const char *path, const char *text)
{
    struct json j;
    line_begin(m, &j, root, path);
    json_text(&j, "error", text);
    json_text(&j, "type", "error");
    line_end(m, &j);
}

static void add_error(struct maker *m, const char *root, const char *path, int error)
{
    add_error_text(m, root, path, strerror(error));
}

/* Of those that are left out so many are named; all are counted. */
enum { LEFT_OUT_NAMED = 20 };

/*
 * Whether a file of this size is over a cap, which is then on record. A smaller
 * one behind it may still be within.
 */
static bool leave_out_of(struct maker *m, const char *root, const char *path, int64_t size)
{
    const char *why = NULL;
    if (size > m->caps.file_bytes) {
        why = "left out: over the cap of one file";
    } else if (m->summary->files >= m->caps.files) {
        why = "left out: over the cap of the number of files";
    } else if (size > m->caps.bytes - m->summary->bytes) {
        why = "left out: over the cap of all files together";
    }
    if (why != NULL && m->left_out++ < LEFT_OUT_NAMED) {
        add_error_text(m, root, path, why);
    }
    return why != NULL;
}

static void add_link(struct maker *m, const char *root, const char *path, int parent, const char *name)
{
    char target[PATH_LIMIT];
    ssize_t n = readlinkat(parent, name, target, sizeof target - 1);
    if (n < 0) {
        if (errno != ENOENT) {
            add_error(m, root, path, errno);
        }
        return;
    }
    target[n] = '\0';
    struct json j;
    line_begin(m, &j, root, path);
    json_bytes(&j, "target", "target_b64", target);
    json_text(&j, "type", "symlink");
    line_end(m, &j);
}

static void add_file(struct maker *m, struct beneath *b, const char *root, const char *path)
{
    static char data[COPY_BUFFER];
    int fd = beneath_open_file(b, path);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        int error = errno;
        if (fd >= 0) {
            close(fd);
        }
        if (error != ENOENT) {
            add_error(m, root, path, error);
        }
        return;
    }
    if (leave_out_of(m, root, path, st.st_size)) {
        close(fd);
        return;
    }
    /* No further than its size now: a log that is still written would never end. */
    struct sha256 sha;
    sha256_start(&sha);
    int64_t size = 0;
    while (size < st.st_size) {
        int64_t left = st.st_size - size;
        ssize_t n = read_full(fd, data, left < COPY_BUFFER ? (size_t)left : COPY_BUFFER);
        if (n < 0) {
            add_error(m, root, path, errno);
            close(fd);
            return;
        }
        if (n == 0) {
            break; /* it shrank: what was read is what counts */
        }
        sha256_add(&sha, data, (size_t)n);
        size += n;
        touch_contact_again(m->state_dir);
    }
    close(fd);
    char mode[8];
    char text[SHA256_TEXT];
    snprintf(mode, sizeof mode, "%04o", (unsigned)(st.st_mode & 07777));
    sha256_text(&sha, text);
    struct json j;
    line_begin(m, &j, root, path);
    json_number(&j, "size", size);
    json_number(&j, "mtime_ms", (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000);
    json_text(&j, "mode", mode);
    json_text(&j, "sha256", text);
    json_text(&j, "type", "file");
    line_end(m, &j);
    m->summary->files++;
    m->summary->bytes += size;
}

static void add_item(struct maker *m, struct beneath *b, const char *root, const struct listed *item)
{
    const char *name;
    struct stat st;
    if (item->error != 0) {
        add_error(m, root, item->path, item->error);
        return;
    }
    int parent = beneath_parent(b, item->path, &name);
    if (parent < 0 || fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno != ENOENT) { /* what vanished since is no loss of ours */
            add_error(m, root, item->path, errno);
        }
        return;
    }
    if (S_ISREG(st.st_mode)) {
        add_file(m, b, root, item->path);
    } else if (S_ISLNK(st.st_mode)) {
        add_link(m, root, item->path, parent, name);
    } else {
        struct json j;
        line_begin(m, &j, root, item->path);
        json_text(&j, "type", "other");
        line_end(m, &j);
    }
}

static bool skip_nothing(const char *path)
{
    (void)path;
    return false;
}

/* ket's own working files: they change with every command, and are not results. */
static bool skip_working_files(const char *path)
{
    return strncmp(path, ".ket-", 5) == 0 || strcmp(path, MANIFEST_NAME) == 0 || strcmp(path, "ack") == 0 ||
           strcmp(path, "contact") == 0 || strcmp(path, "hold") == 0 || strcmp(path, UNAVAILABLE_NAME) == 0;
}

static void add_root(struct maker *m, const char *root, int dir, leave_out *skip)
{
    static struct beneath b;
    struct listing l;
    beneath_begin(&b, dir);
    if (!list_beneath(&l, &b, skip)) {
        m->error = m->error == 0 ? ENOMEM : m->error;
    }
    for (size_t i = 0; i < l.count && m->error == 0; i++) {
        touch_contact_again(m->state_dir);
        add_item(m, &b, root, l.items[i]);
    }
    listing_free(&l);
    beneath_end(&b);
}

static void fill(struct maker *m, const char *results)
{
    int results_dir = open_folder(results);
    if (results_dir < 0) {
        add_error(m, "results", "", errno);
    } else {
        add_root(m, "results", results_dir, skip_nothing);
        close(results_dir);
    }
    if (m->left_out > 0) {
        char text[64];
        snprintf(text, sizeof text, "%lld files left out over the caps", (long long)m->left_out);
        add_error_text(m, "results", "", text);
    }
    /* What ket-run itself wrote is the proof of what happened. */
    m->caps = MANIFEST_UNCAPPED;
    add_root(m, "state", m->state_dir, skip_working_files);
    sha256_text(&m->sha, m->summary->sha256);
    struct json j;
    json_begin(&j, m->line, sizeof m->line);
    json_bool(&j, "end", true);
    json_number(&j, "files", m->summary->files);
    json_number(&j, "bytes", m->summary->bytes);
    json_text(&j, "manifest_sha256", m->summary->sha256);
    line_end(m, &j);
    flush(m);
}

int manifest_make(int state_dir, const char *results, struct manifest_caps caps, struct manifest_summary *summary)
{
    static struct maker m;
    char temporary[64];
    snprintf(temporary, sizeof temporary, ".ket-manifest.%ld", (long)getpid());
    m.fd = openat(state_dir, temporary, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (m.fd < 0) {
        say("cannot write the manifest: %s", strerror(errno));
        return -1;
    }
    m.state_dir = state_dir;
    m.summary = summary;
    m.caps = caps;
    m.left_out = 0;
    m.error = 0;
    m.used = 0;
    *summary = (struct manifest_summary){0};
    sha256_start(&m.sha);
    fill(&m, results);
    if (m.error == 0 && renameat(state_dir, temporary, state_dir, MANIFEST_NAME) != 0) {
        m.error = errno;
    }
    if (m.error != 0) {
        say("cannot write the manifest: %s", strerror(m.error));
        unlinkat(state_dir, temporary, 0);
        close(m.fd);
        return -1;
    }
    return m.fd;
}
