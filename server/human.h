/*
 * human.h - sizes, ages and times as people read them
 *
 * Times are UTC, whatever the terminal's zone: they must match the log.
 */
#ifndef SERVER_HUMAN_H
#define SERVER_HUMAN_H

#include <stddef.h>
#include <stdint.h>

#define HUMAN_SIZE 24

const char *human_bytes(uint64_t bytes, char out[HUMAN_SIZE]); /* 1.5 MiB */
const char *human_age(int64_t seconds, char out[HUMAN_SIZE]);  /* 3m12s */
const char *human_time(const char *iso, char out[HUMAN_SIZE]);
/* "2026-11-23 06:17:00"; "-" for NULL. */

/* Foreign text on a terminal: control characters become '?', in place. */
void human_defuse(char *text);

#endif
