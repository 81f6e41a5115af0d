/*
 * The mark of a driver that is still there: the time of `contact` in the state
 * folder, which `hold` watches. Long work touches it as it makes progress, so
 * that a slow transfer is not taken for silence, but a stuck one is.
 */
#ifndef KET_CONTACT_H
#define KET_CONTACT_H

/* A failure is said once and does not stop the work. */
void touch_contact(int state_dir);

/* The same, at most once a second. */
void touch_contact_again(int state_dir);

#endif
