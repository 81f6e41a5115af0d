#include "record.h"

#include <errno.h>
#include <string.h>

#include "base.h"
#include "json_read.h"
#include "json_write.h"

enum {
    RECORD_SIZE = 16384,
    ARGV0_SHOWN = 1024,
    ROOM = 1024 * 1024 /* kept free for the manifest and the acknowledgement */
};

static void put_error(struct json *j, const char *key, int error)
{
    json_text(j, key, error == 0 ? NULL : strerror(error));
}

bool record_begin(int state_dir, const struct record *r)
{
    char buffer[RECORD_SIZE];
    struct json j;
    json_begin(&j, buffer, sizeof buffer);
    json_number(&j, "v", 1);
    json_text(&j, "nonce", r->nonce);
    json_text(&j, "uid", r->uid);
    json_number(&j, "started_ms", r->started_ms);
    json_end(&j);
    if (j.full) {
        errno = EOVERFLOW;
        return false;
    }
    if (!replace_file(state_dir, "started.json", buffer, j.length) ||
        !reserve_file(state_dir, "record.json", RECORD_SIZE)) {
        return false;
    }
    /* On a volume too small for this one does without. */
    (void)reserve_file(state_dir, "room", ROOM);
    return true;
}

bool record_end(int state_dir, const struct record *r)
{
    release_reserved(state_dir, "room");
    char buffer[RECORD_SIZE];
    char argv0[ARGV0_SHOWN];
    struct json j;
    size_t shown = strnlen(r->argv0, sizeof argv0 - 1);
    memcpy(argv0, r->argv0, shown);
    argv0[shown] = '\0';
    json_begin(&j, buffer, sizeof buffer);
    json_number(&j, "v", 1);
    json_text(&j, "nonce", r->nonce);
    json_text(&j, "uid", r->uid);
    json_text(&j, "argv0", argv0);
    json_number(&j, "started_ms", r->started_ms);
    json_number(&j, "ended_ms", r->ended_ms);
    json_number(&j, "duration_ms", r->duration_ms);
    json_number(&j, "exit_code", r->exit_code);
    json_number_or_null(&j, "signal", r->signal != 0, r->signal);
    json_bool(&j, "timed_out", r->timed_out);
    json_text(&j, "running", r->running);
    json_number_or_null(&j, "term_received", r->term_received != 0, r->term_received);
    json_text(&j, "exec_error", r->exec_error);
    json_number_or_null(&j, "oom_kills", r->oom_kills >= 0, r->oom_kills);
    json_number_or_null(&j, "memory_peak_bytes", r->memory_peak_bytes >= 0, r->memory_peak_bytes);
    json_number_or_null(&j, "cpu_usec", r->cpu_usec >= 0, r->cpu_usec);
    json_number(&j, "cgroup", r->cgroup);
    json_number(&j, "stdout_bytes", r->stdout_bytes);
    json_number(&j, "stderr_bytes", r->stderr_bytes);
    json_number(&j, "console_bytes", r->console_bytes);
    put_error(&j, "console_error", r->console_error);
    put_error(&j, "stdout_error", r->stdout_error);
    put_error(&j, "stderr_error", r->stderr_error);
    put_error(&j, "usage_error", r->usage_error);
    json_end(&j);
    if (j.full) {
        errno = EOVERFLOW;
        return false;
    }
    return commit_reserved(state_dir, "record.json", buffer, j.length);
}

bool record_read(int state_dir, const char *nonce, const char *uid, struct record_end *end)
{
    char buffer[RECORD_SIZE];
    struct json_reader r;
    struct json_member m;
    bool same_nonce = false, same_uid = false, coded = false;
    *end = (struct record_end){.oom_kills = -1};
    ssize_t n = read_small_file(state_dir, "record.json", buffer, sizeof buffer);
    if (n < 0) {
        return false;
    }
    json_open(&r, buffer, (size_t)n);
    while (json_next(&r, &m)) {
        if (m.kind == JSON_TEXT && strcmp(m.key, "nonce") == 0) {
            same_nonce = strcmp(m.text, nonce) == 0;
        } else if (m.kind == JSON_TEXT && strcmp(m.key, "uid") == 0) {
            same_uid = strcmp(m.text, uid) == 0;
        } else if (m.kind == JSON_NUMBER && strcmp(m.key, "exit_code") == 0) {
            end->exit_code = m.number;
            coded = true;
        } else if (m.kind == JSON_NUMBER && strcmp(m.key, "duration_ms") == 0) {
            end->duration_ms = m.number;
        } else if (m.kind == JSON_NUMBER && strcmp(m.key, "signal") == 0) {
            end->signal = m.number;
        } else if (m.kind == JSON_NUMBER && strcmp(m.key, "oom_kills") == 0) {
            end->oom_kills = m.number;
        } else if (m.kind == JSON_TRUE && strcmp(m.key, "timed_out") == 0) {
            end->timed_out = true;
        }
    }
    return !r.bad && same_nonce && same_uid && coded;
}
