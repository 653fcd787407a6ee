/*
 * failing.h - one call after the other fails, once, for a while, or for good
 *
 * What stands between the code under test and libc (failing_calls.c,
 * failing_memory.c; the linker's --wrap) asks failing_now() whether this call
 * is to fail. The test says which: the n-th that is asked for, and so many
 * after it. When no n is left that is ever reached, every call has failed.
 *
 * Time is the test's as well: whoever waits in poll() does not wait, but his
 * clock goes on by as much. And what is logged is not shown, but counted.
 *
 * Thread: any.
 */
#ifndef TESTS_SUPPORT_FAILING_H
#define TESTS_SUPPORT_FAILING_H

#include <stdbool.h>
#include <stdint.h>

#define FAILING_FOR_GOOD UINT64_MAX

/* The first-th call from now fails, and those after it, `width` in all; first
 * is 0: none, they are only counted. */
void failing_arm(uint64_t first, uint64_t width, int error);
/* No call fails any more. How many were asked for since failing_arm(). */
uint64_t failing_disarm(void);

/* For the wrappers: is this call to fail? Then errno is set. */
bool failing_now(void);

/* How many lines with that tag were logged since failing_arm(), and whether one
 * of them holds that text. */
unsigned failing_logged(const char *tag);
bool failing_logged_with(const char *tag, const char *text);
/* On stderr, for whoever looks for the reason. */
void failing_show_log(void);

#endif
