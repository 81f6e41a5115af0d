/*
 * Tells the suite what the driver knows of its surroundings, in a file of the
 * state folder that the suite may read at any time: always whole, old or new.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "base.h"
#include "commands.h"
#include "contact.h"
#include "manifest.h"

int command_tell(int argc, char **argv)
{
    const char *state = NULL, *unavailable = NULL;
    const struct option_spec specs[] = {{"state", OPTION_TEXT, true, &state, NULL},
                                        {"unavailable", OPTION_TEXT, true, &unavailable, NULL},
                                        {0}};
    if (!parse_options(argc, argv, specs, NULL)) {
        return EXIT_USAGE;
    }
    int dir = open_folder(state);
    if (dir < 0) {
        say("cannot open %s: %s", state, strerror(errno));
        return EXIT_IO;
    }
    touch_contact(dir);
    bool good = replace_file(dir, UNAVAILABLE_NAME, unavailable, strlen(unavailable));
    if (!good) {
        say("cannot write %s/%s: %s", state, UNAVAILABLE_NAME, strerror(errno));
    }
    close(dir);
    return good ? EXIT_OK : EXIT_IO;
}
