/*
 * misbehave.h - doing what misdeed.h has names for
 *
 * Each does nothing for a call that behaves.
 *
 * Thread: the caller's.
 */
#ifndef HOLDLOAD_MISBEHAVE_H
#define HOLDLOAD_MISBEHAVE_H

#include <stdbool.h>

struct caller;

/* Instead of speaker_say_hello(). */
bool misbehave_say_hello(struct caller *caller);
/* It begins to talk: what it does from now on, or the moment that it has. */
void misbehave_begin(struct caller *caller);
/* The moment has come. True: and the connection is gone. */
bool misbehave_now(struct caller *caller);
/* Its time is over. True: it has gone, for within a message without end it
 * cannot say so. */
bool misbehave_leave(struct caller *caller);
/* The call is over. */
void misbehave_account(const struct caller *caller);

#endif
