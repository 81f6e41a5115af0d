#include "manifest_read.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "args.h"
#include "base64.h"
#include "json_read.h"

bool manifest_parse_line(char *line, size_t length, struct manifest_entry *entry)
{
    struct json_reader r;
    struct json_member m;
    const char *root = NULL, *path = NULL, *path_b64 = NULL, *type = NULL;
    int64_t size = -1;
    json_open(&r, line, length);
    while (json_next(&r, &m)) {
        if (m.kind == JSON_TEXT && strcmp(m.key, "root") == 0) {
            root = m.text;
        } else if (m.kind == JSON_TEXT && strcmp(m.key, "path") == 0) {
            path = m.text;
        } else if (m.kind == JSON_TEXT && strcmp(m.key, "path_b64") == 0) {
            path_b64 = m.text;
        } else if (m.kind == JSON_TEXT && strcmp(m.key, "type") == 0) {
            type = m.text;
        } else if (m.kind == JSON_NUMBER && strcmp(m.key, "size") == 0) {
            size = m.number;
        }
    }
    if (r.bad || root == NULL || path == NULL || type == NULL) {
        return false;
    }
    entry->is_file = strcmp(type, "file") == 0;
    entry->in_results = strcmp(root, "results") == 0;
    if (!entry->in_results && strcmp(root, "state") != 0) {
        return false;
    }
    if (!entry->is_file) {
        entry->size = 0;
        entry->path[0] = '\0';
        return true;
    }
    if (path_b64 != NULL) {
        if (!base64_decode(path_b64, entry->path, sizeof entry->path)) {
            return false;
        }
    } else {
        size_t n = strlen(path);
        if (n >= sizeof entry->path) {
            return false;
        }
        memcpy(entry->path, path, n + 1);
    }
    entry->size = size;
    return size >= 0 && is_plain_path(entry->path);
}

/* The last line says what the content's hash must be. */
static bool parse_last_line(char *line, size_t length, struct manifest_summary *s)
{
    struct json_reader r;
    struct json_member m;
    bool end = false, hashed = false;
    *s = (struct manifest_summary){.files = -1, .bytes = -1};
    json_open(&r, line, length);
    while (json_next(&r, &m)) {
        if (m.kind == JSON_TRUE && strcmp(m.key, "end") == 0) {
            end = true;
        } else if (m.kind == JSON_NUMBER && strcmp(m.key, "files") == 0) {
            s->files = m.number;
        } else if (m.kind == JSON_NUMBER && strcmp(m.key, "bytes") == 0) {
            s->bytes = m.number;
        } else if (m.kind == JSON_TEXT && strcmp(m.key, "manifest_sha256") == 0 && is_sha256_text(m.text)) {
            memcpy(s->sha256, m.text, SHA256_TEXT);
            hashed = true;
        }
    }
    return !r.bad && end && hashed && s->files >= 0 && s->bytes >= 0;
}

static bool hash_content(struct manifest_reader *r, char text[SHA256_TEXT])
{
    struct sha256 sha;
    sha256_start(&sha);
    int64_t left = r->content;
    if (lseek(r->fd, 0, SEEK_SET) != 0) {
        return false;
    }
    while (left > 0) {
        size_t want = left < (int64_t)sizeof r->buffer ? (size_t)left : sizeof r->buffer;
        ssize_t n = read_full(r->fd, r->buffer, want);
        if (n <= 0) {
            return false;
        }
        sha256_add(&sha, r->buffer, (size_t)n);
        left -= n;
    }
    sha256_text(&sha, text);
    return lseek(r->fd, 0, SEEK_SET) == 0;
}

static bool check(struct manifest_reader *r)
{
    /* The last line is found from the end: it is short, and ends the file. */
    enum { TAIL = 512 };
    char text[SHA256_TEXT];
    struct stat st;
    if (fstat(r->fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        return false;
    }
    int64_t tail_start = st.st_size > TAIL ? st.st_size - TAIL : 0;
    if (lseek(r->fd, tail_start, SEEK_SET) != tail_start) {
        return false;
    }
    ssize_t n = read_full(r->fd, r->buffer, TAIL);
    if (n < 2 || r->buffer[n - 1] != '\n') {
        return false;
    }
    size_t end = (size_t)n - 1;
    size_t start = end;
    while (start > 0 && r->buffer[start - 1] != '\n') {
        start--;
    }
    if (start == 0 && tail_start > 0) {
        return false;
    }
    r->content = tail_start + (int64_t)start;
    return parse_last_line(r->buffer + start, end - start, &r->summary) && hash_content(r, text) &&
           strcmp(text, r->summary.sha256) == 0;
}

enum manifest_result manifest_open(struct manifest_reader *r, int fd)
{
    r->fd = fd;
    r->position = 0;
    r->start = 0;
    r->end = 0;
    if (fd < 0) {
        return MANIFEST_NONE;
    }
    if (!check(r)) {
        manifest_close(r);
        return MANIFEST_BAD;
    }
    return MANIFEST_OK;
}

enum manifest_result manifest_open_saved(struct manifest_reader *r, int state_dir)
{
    return manifest_open(r, openat(state_dir, MANIFEST_NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
}

void manifest_close(struct manifest_reader *r)
{
    if (r->fd >= 0) {
        close(r->fd);
        r->fd = -1;
    }
}

enum manifest_result manifest_next(struct manifest_reader *r, struct manifest_entry *entry)
{
    for (;;) {
        char *line = r->buffer + r->start;
        char *newline = memchr(line, '\n', r->end - r->start);
        if (newline != NULL) {
            r->start = (size_t)(newline + 1 - r->buffer);
            return manifest_parse_line(line, (size_t)(newline - line), entry) ? MANIFEST_OK : MANIFEST_BAD;
        }
        if (r->position == r->content) {
            return r->start == r->end ? MANIFEST_END : MANIFEST_BAD;
        }
        /* More of the file behind what is left of it. */
        memmove(r->buffer, line, r->end - r->start);
        r->end -= r->start;
        r->start = 0;
        size_t room = sizeof r->buffer - r->end;
        int64_t left = r->content - r->position;
        ssize_t n = room == 0 ? 0 : read_full(r->fd, r->buffer + r->end, left < (int64_t)room ? (size_t)left : room);
        if (n <= 0) {
            return MANIFEST_BAD; /* a line without end, or the file was cut */
        }
        r->end += (size_t)n;
        r->position += n;
    }
}
