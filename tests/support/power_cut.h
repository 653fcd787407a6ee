/*
 * power_cut.h - the power goes, at any moment, and comes back
 *
 * Stands between the code under test and libc (the linker's --wrap) and keeps a
 * drive (drive.h) of all that happens below one directory. What the code sees
 * is the page cache: the real files. What a cut leaves is written into a fresh
 * directory, and the next life goes on from there.
 *
 *   power_on(dir, ...)   from now on, what happens below dir is watched
 *   power_stop_after(n)  n more changes are made, the rest fails: the process
 *                        or the machine is dead, and knows nothing of it
 *   power_cut(fresh)     what the drive may have then; watched in its turn
 *   power_resume(n)      only the process was dead: the page cache lives on,
 *                        for n more changes
 *
 * Nothing is really synced, so a life costs no time of a disk.
 *
 * Thread: one thread, and one watched directory at a time.
 */
#ifndef TESTS_SUPPORT_POWER_CUT_H
#define TESTS_SUPPORT_POWER_CUT_H

#include <stdbool.h>
#include <stdint.h>

#include "support/dice.h"

/* `dir` is an empty directory, or is durable as it is; dice are borrowed. */
void power_on(const char *dir, struct dice *dice);
void power_off(void);

void power_stop_after(uint64_t changes);
uint64_t power_left(void); /* changes until then */
bool power_has_stopped(void);
void power_resume(uint64_t changes);
void power_cut(const char *fresh);

/* Once in so many, a change or a sync fails with EIO or ENOSPC; 0: never. */
void power_set_weather(unsigned once_in);
/* The next sync of a file loses it in secret, and the one so many later on the
 * same file says so. */
void power_lie(unsigned later);

#endif
