/*
 * What cannot be waited for from outside: four days of samples in a moment.
 * Prints the number of lines that usage.ndjson got.
 */
#include <stdio.h>

#include "base.h"
#include "usage.h"

int main(int argc, char **argv)
{
    if (argc != 3) {
        return EXIT_USAGE;
    }
    static struct usage u;
    int64_t now = 1000;
    usage_begin(&u, open_folder(argv[1]), argv[2], now);
    int written = 0;
    for (int second = 0; second < 70000; second++) {
        int before = u.lines;
        usage_tick(&u, now += 1000);
        written += u.lines != before;
    }
    printf("%d every %lld\n", written, (long long)u.every);
    return u.error == 0 ? EXIT_OK : EXIT_IO;
}
