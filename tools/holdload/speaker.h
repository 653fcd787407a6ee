/*
 * speaker.h - what a caller says, when it is told to
 *
 * The dialect writes the message, the link takes it; what the link does not
 * take is counted, and the call goes on.
 *
 * Thread: the caller's.
 */
#ifndef HOLDLOAD_SPEAKER_H
#define HOLDLOAD_SPEAKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct caller;

/* The longest message but the start: Plivo repeats the custom values in each.
 */
#define SPEAKER_TEXT_MAX (24 * 1024)

/* One text message; length 0: there was no room for it. */
bool speaker_say(struct caller *caller, const char *text, size_t length);
/* The first messages. False: the call cannot begin without them. */
bool speaker_say_hello(struct caller *caller);
/* The next frame. */
void speaker_send_audio(struct caller *caller, uint64_t due_ns);
/* The next digit, if it is its turn: they are spread over the call. */
void speaker_send_digits(struct caller *caller);
/* All of them, now. */
void speaker_send_all_digits(struct caller *caller);
/* If its dialect pings, and it is time. */
void speaker_send_ping(struct caller *caller, uint64_t now_ns);

#endif
