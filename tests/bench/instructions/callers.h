/*
 * callers.h - the other ends of calls, all doing the same at the same moment
 *
 * Each step returns when what was sent has arrived: so the server finds all of
 * it in one turn, on every machine.
 *
 * Thread: the director's (stage.h).
 */
#ifndef TESTS_BENCH_INSTRUCTIONS_CALLERS_H
#define TESTS_BENCH_INSTRUCTIONS_CALLERS_H

#include <stdbool.h>
#include <stddef.h>

#define CALLERS	      50u
#define MESSAGE_BYTES 2048u

/* How the provider's end speaks. */
struct tongue {
	/* The message that caller says as the n-th, 1 being the first of
	 * audio and 0 the start; its length. */
	size_t (*say)(char *at, size_t caller, unsigned n);
	bool binary;	  /* audio is */
	const char *stop; /* or NULL: it just closes */
};
extern const struct tongue tongue_twilio, tongue_vonage;

/* Connected, and asked for that path. */
void callers_dial(int listen_fd, const char *path);
/* Reads the answer that lets them in. */
void callers_get_through(void);
/* Everybody's n-th message. */
void callers_say(const struct tongue *tongue, unsigned n);
/* Reads one message of each. */
void callers_hear(void);
void callers_stop(const struct tongue *tongue);
/* A close frame. */
void callers_say_goodbye(void);
void callers_hang_up(void);

#endif
