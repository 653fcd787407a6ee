/*
 * call_recording.h - a recorder that keeps nothing, and looks at what it gets
 *
 * In place of media/recording.c: no thread, no disk. What is written is read
 * through, so that a sanitizer sees audio that is not there.
 *
 * Thread: one.
 */
#ifndef TESTS_FUZZ_CALL_RECORDING_H
#define TESTS_FUZZ_CALL_RECORDING_H

#include <stdbool.h>

struct recorder;

/* `broken`: no file can be made. */
struct recorder *call_recorder(bool broken);
/* Opened and not closed. */
unsigned call_recordings_open(void);

#endif
