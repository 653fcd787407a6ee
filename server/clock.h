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

#endif
