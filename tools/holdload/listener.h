/*
 * listener.h - what a caller makes of the server's messages
 *
 * Echoes are compared byte by byte with what was sent, in whatever pieces they
 * come; marks are given back when simulated playback reaches them.
 *
 * Thread: the caller's.
 */
#ifndef HOLDLOAD_LISTENER_H
#define HOLDLOAD_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/holdload/dialect.h"

struct caller;

/* Before the first message. False: no memory. */
bool listener_begin(struct caller *caller);
void listener_finish(struct caller *caller);

/* A text message; what is left for the caller itself to do. */
enum heard_kind listener_take_text(struct caller *caller, const char *message,
				   size_t length, uint64_t now_ns);
void listener_take_binary(struct caller *caller, const uint8_t *bytes,
			  size_t size, uint64_t now_ns);
/* Playback goes on: marks, and room in the buffer. */
void listener_on_time(struct caller *caller, uint64_t now_ns);

#endif
