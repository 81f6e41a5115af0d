/*
 * Drives the target where libFuzzer is not at hand: good inputs, changed at
 * random from a fixed seed, so that what fails fails again.
 *
 *   driver SECONDS [SEED]
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 200000 };

static uint64_t state = 88172645463325252u;

static uint64_t next_random(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static size_t below(size_t n)
{
    return n == 0 ? 0 : (size_t)(next_random() % n);
}

#define HASH "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"

/* The first byte is the choice of the parser; see target.c. */
static const char *const seeds[] = {
    "0{\"root\":\"results\",\"path\":\"a/b\",\"size\":6,\"mtime_ms\":1,\"mode\":\"0644\",\"sha256\":\"" HASH
    "\",\"type\":\"file\"}",
    "0{\"root\":\"state\",\"path\":\"x\\ud83d\\ude00\\n\\\"\",\"path_b64\":\"YS9i\",\"size\":0,\"type\":\"file\"}",
    "0{\"root\":\"state\",\"path\":\"a/../b/./c//d\",\"size\":1,\"type\":\"file\"}",
    "2{\"root\":\"results\",\"path\":\"l\",\"target\":\"/etc\",\"type\":\"symlink\"}\n"
    "{\"root\":\"results\",\"path\":\"e\",\"error\":\"Permission denied\",\"type\":\"error\"}\n"
    "{\"root\":\"results\",\"path\":\"../../x\",\"size\":9223372036854775807,\"type\":\"file\"}\n",
    "1{\"root\":\"results\",\"path\":\"f\",\"type\":\"other\"}\n{\"end\":true,\"files\":6,\"bytes\":867,"
    "\"manifest_sha256\":\"" HASH "\"}\n",
    "3some/odd \x01\x7f\"\\name\xff\xc3\xa9\xf0\x9f\x98\x80",
    "4--state\n/ket/state\n--offset=12\n--manifest\n" HASH "\n--\n--state",
    "5low 0\nhigh 0\nmax 7\noom 1\noom_kill 18446744073709551615\noom_group_kill 0\n",
    "59223372036854775807\n",
    "6YS9iL2Nk/w==",
    "70.25\ttests.test_a\n3\ttests.test_a\n12.0000001\tx\n99999999999\ty\n.5\t\ntests.test_a\n",
    "7a\nb\na\n\nc",
};

static const char *const words[] = {"\"", "\\", "\\u0000", "\\ud800", "{", "}", ",", ":", "..", "/../", "\n",
                                    "null", "true", "-9223372036854775808", "9223372036854775808", "=", "--",
                                    "\"type\":\"file\"", "\"path_b64\":", "\xff", "\xed\xa0\x80", "oom_kill "};

static size_t change(uint8_t *data, size_t size)
{
    size_t at = 1 + below(size);
    size_t n;
    switch (below(8)) {
    case 0: /* another byte */
        if (at < size) {
            data[at] = (uint8_t)next_random();
        }
        return size;
    case 1: /* one bit */
        if (at < size) {
            data[at] ^= (uint8_t)(1u << below(8));
        }
        return size;
    case 2: /* take some away */
        if (at < size) {
            n = 1 + below(size - at);
            memmove(data + at, data + at + n, size - at - n);
            return size - n;
        }
        return size;
    case 3: /* a telling word */
    case 4: {
        const char *word = words[below(sizeof words / sizeof *words)];
        n = strlen(word);
        if (size + n <= INPUT_MAX && at <= size) {
            memmove(data + at + n, data + at, size - at);
            memcpy(data + at, word, n);
            return size + n;
        }
        return size;
    }
    case 5: /* double a part; now and then a very long one */
        if (at < size) {
            n = 1 + below(size - at);
            size_t times = below(400) == 0 ? 1 + below(3000) : 1;
            while (times-- > 0 && size + n <= INPUT_MAX) {
                memmove(data + at + n, data + at, size - at);
                size += n;
            }
        }
        return size;
    case 6: /* the end is missing */
        return at < size ? at : size;
    default: /* the other parser */
        data[0] = (uint8_t)next_random();
        return size;
    }
}

int main(int argc, char **argv)
{
    static uint8_t data[INPUT_MAX];
    long seconds = argc > 1 ? strtol(argv[1], NULL, 10) : 5;
    if (argc > 2) {
        state ^= strtoull(argv[2], NULL, 10) * 0x9E3779B97F4A7C15u;
    }
    /* The target's messages about bad arguments are not of interest. */
    int null = open("/dev/null", O_WRONLY);
    int messages = dup(STDERR_FILENO);
    if (null < 0 || messages < 0) {
        return 1;
    }
    time_t end = time(NULL) + seconds;
    unsigned long runs = 0;
    while (time(NULL) < end) {
        for (int i = 0; i < 100; i++, runs++) {
            const char *seed = seeds[runs % (sizeof seeds / sizeof *seeds)];
            size_t size = strlen(seed);
            memcpy(data, seed, size);
            for (size_t k = below(12); k > 0; k--) {
                size = change(data, size);
            }
            int arguments = (data[0] + 1) % 7 == 4;
            if (arguments) {
                dup2(null, STDERR_FILENO);
            }
            LLVMFuzzerTestOneInput(data, size);
            if (arguments) {
                dup2(messages, STDERR_FILENO);
            }
        }
    }
    printf("fuzz: %lu inputs in %ld s, nothing found\n", runs, seconds);
    return 0;
}
