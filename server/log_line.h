/*
 * log_line.h - what one log line looks like, as text or as JSON
 *
 *   2026-11-23T06:17:00.123Z INFO [CALL_START] call=... provider=twilio
 *   {"time":"2026-11-23T06:17:00.123Z","level":"INFO","tag":"CALL_START",
 *    "call":"...","provider":"twilio"}
 *
 * Whatever the message holds, the result is one line of valid UTF-8, and in
 * JSON one valid object: control characters and broken UTF-8 are escaped. A
 * message that is too long is cut and marked: with "..." as text, with a last
 * member "cut" in JSON.
 *
 * A quoted value ends at the quote before the next ` key=` or the end, so that
 * quotes within it (`err="relation "calls" is missing"`) do no harm. Words
 * that belong to no pair become the member "message".
 *
 * Thread: any. Crash: calls nothing that a signal handler may not call.
 */
#ifndef SERVER_LOG_LINE_H
#define SERVER_LOG_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/log.h"

#define LOG_LINE_SIZE 1008u /* with the newline; not NUL-terminated */

struct log_line {
	char bytes[LOG_LINE_SIZE];
	size_t length;
	bool cut; /* something did not fit: nothing more is put */
};

/* `tag` is one of our own short words; `message` may come from anywhere. */
void log_line_compose(struct log_line *line, enum log_format format,
		      int64_t wall_us, enum log_level level, const char *tag,
		      const char *message);

#endif
