/*
 * log_pairs.h - how the message of a log line falls into key=value pairs
 *
 * A quoted value ends at the quote before the next ` key=` or the end, so that
 * quotes within it (`err="relation "calls" is missing"`) do no harm. Words
 * that belong to no pair are one without a key, to the message's end.
 *
 * Thread: any. Crash: calls nothing that a signal handler may not call.
 */
#ifndef SERVER_LOG_PAIRS_H
#define SERVER_LOG_PAIRS_H

#include <stdbool.h>
#include <stddef.h>

struct log_pair {
	const char *key;
	size_t key_length; /* 0: words without a key */
	const char *value; /* with its quotes */
	const char *end;   /* past the value */
};

/* The next pair of *text, which moves past it; false: there is none. */
bool log_pair_next(const char **text, struct log_pair *pair);

#endif
