#include "contact.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base.h"

static int64_t last_touch;

void touch_contact(int state_dir)
{
    static bool said;
    last_touch = now_monotonic_ms();
    int fd = openat(state_dir, "contact", O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644);
    bool good = fd >= 0 && futimens(fd, NULL) == 0;
    if (!good && !said) {
        said = true;
        say("cannot mark the contact: %s", strerror(errno));
    }
    if (fd >= 0) {
        close(fd);
    }
}

void touch_contact_again(int state_dir)
{
    if (now_monotonic_ms() - last_touch >= 1000) {
        touch_contact(state_dir);
    }
}
