/*
 * log_mask.h - what of people a log line shows
 *
 *   err="no route for +49 151 2345678"   ->   err="no route for +***678"
 *   who=ada@example.com                  ->   who=a***@example.com
 *   body="see you at eight"              ->   body=***
 *
 * One place for all lines, so that no line has to think of it. A number is one
 * by its form: a "+" with five digits or more, blanks and dashes between them
 * or not, or seven to fifteen digits in a row that belong to no longer word.
 * The names of our own ids and counts are words of their own (call=, bytes=),
 * and are left alone.
 *
 * Thread: any.
 */
#ifndef SERVER_LOG_MASK_H
#define SERVER_LOG_MASK_H

#include <stddef.h>

enum log_mask {
	LOG_MASK_NONE,
	LOG_MASK_CALLERS, /* all but who of us did something: who=, action= */
	LOG_MASK_ALL,
};

/* The message as it may be shown, at `out`; cut where it is too long. */
void log_mask_message(const char *message, enum log_mask mask, char *out,
		      size_t size);

#endif
