/*
 * log.h - one event a line on stderr
 *
 *   2026-11-23T06:17:00.123Z INFO [CALL_START] call=... provider=twilio
 *
 * A message is a list of key=value pairs; a value with spaces is quoted by the
 * caller ("err=\"%s\""). With log.format=json the same pairs become an object.
 * Whoever decides also logs; the layers below return. One failure, one line.
 * Whatever a value holds, an event stays one line (log_line.h has the rules).
 *
 * Thread: any. Until log_start_writer() a line is written where it is logged.
 *         After it, lines go through a bounded lock-free ring to a writer
 *         thread, so that a stuck stderr never holds up a media loop; what does
 *         not fit is dropped and counted (log_dropped()).
 * Fork:   a child begins without a writer; its parent keeps its own.
 * Crash:  log_crash() calls only what a signal handler may, waits for what was
 *         logged before (100 ms at most), and gives up on a stuck stderr.
 */
#ifndef SERVER_LOG_H
#define SERVER_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/log_mask.h"

enum log_level {
	LOG_LEVEL_DEBUG,
	LOG_LEVEL_INFO,
	LOG_LEVEL_WARN,
	LOG_LEVEL_ERROR,
};
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

/* May be called again at any time (SIGHUP). */
void log_configure(enum log_level least, enum log_format format,
		   enum log_mask mask);

/* Starts the writer thread of this process: 0 or -errno (-EALREADY). Call it
 * after fork, from the main thread. */
int log_start_writer(void);

/* Writes out what is queued, then ends the writer. Lines logged later are
 * written where they are logged. If nobody reads our stderr, it gives up after
 * two seconds, and later lines are dropped rather than waited for. */
void log_stop_writer(void);

/* Lines dropped so far. The writer tells ([LOG_DROPPED] count=N) and counts
 * them (METRIC_LOG_DROPPED_TOTAL) as soon as it can write again. */
uint64_t log_dropped(void);

/* For what this thread works from now on: `ids`, such as "request=...
 * trace=...", stands in every line that it logs. Borrowed until the next call;
 * NULL: for nothing in particular. */
void log_for(const char *ids);

void log_event(enum log_level level, const char *tag, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* What a stranger said, fit to stand in a line: in quotes, or as one word. What
 * would end the value early, and begin another that he made up, becomes '?'.
 * Cut where it is too long; `out` may be `text`. Returns `out`. */
const char *log_quoted(const char *text, char *out, size_t size);
const char *log_word(const char *text, char *out, size_t size);

/* Several plain strings in a row, ended by NULL, as one ERROR line. */
void log_crash(const char *tag, const char *const *parts);

#define log_debug(tag, ...) log_event(LOG_LEVEL_DEBUG, tag, __VA_ARGS__)
#define log_info(tag, ...)  log_event(LOG_LEVEL_INFO, tag, __VA_ARGS__)
#define log_warn(tag, ...)  log_event(LOG_LEVEL_WARN, tag, __VA_ARGS__)
#define log_error(tag, ...) log_event(LOG_LEVEL_ERROR, tag, __VA_ARGS__)

#endif
