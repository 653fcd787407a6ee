/*
 * clock.h - the two clocks, and how a time is written down
 *
 * Monotonic time (mono) measures waits and ages; it never jumps. Wall time
 * (wall) goes into rows and log lines; it may. Never mix them.
 *
 * Thread: any.
 */
#ifndef SERVER_CLOCK_H
#define SERVER_CLOCK_H

#include <stdint.h>

uint64_t clock_mono_ms(void);
uint64_t clock_mono_us(void);
int64_t clock_wall_us(void); /* microseconds since 1970, UTC */

/* "2026-11-23T06:17:00.123456Z", the form of every time in a record. */
#define CLOCK_ISO_SIZE 28
void clock_format_iso(int64_t wall_us, char out[CLOCK_ISO_SIZE]);
/* 0, or -EINVAL for anything clock_format_iso() would not have written. */
int clock_parse_iso(const char *text, int64_t *wall_us);
/* As people and programs write times (RFC 3339): "2026-11-23" (midnight, UTC),
 * "2026-11-23T06:17:00Z", with any fraction, or an offset such as +01:00, whose
 * plus may have become the blank that it means in a query. 0 or -EINVAL. */
int clock_parse_rfc3339(const char *text, int64_t *wall_us);

#endif
