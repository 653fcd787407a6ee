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
 * Words that belong to no pair (log_pairs.h) become the member "message".
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
#define LOG_IDS_MAX   160u

struct log_line {
	char bytes[LOG_LINE_SIZE];
	size_t length;
	size_t kept; /* bytes kept back for the line's end */
	bool cut;    /* something did not fit: nothing more is put */
};

/* `tag` is one of our own short words; `message` may come from anywhere; `ids`
 * are pairs of our own, of LOG_IDS_MAX characters at most, which stand at the
 * end of the line even where the message is cut ("" for none). */
void log_line_compose(struct log_line *line, enum log_format format,
		      int64_t wall_us, enum log_level level, const char *tag,
		      const char *message, const char *ids);

#endif
