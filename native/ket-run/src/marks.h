/* The two marks a driver leaves for `hold`; each returns an exit code. */
#ifndef KET_MARKS_H
#define KET_MARKS_H

#include <stdint.h>

/* The driver has everything. */
int mark_acknowledged(int state_dir, const char *sha256);

/* Silence is no reason to leave until then, unix ms. */
int mark_kept(int state_dir, int64_t until);

#endif
