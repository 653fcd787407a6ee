/*
 * recording_record.h - what became of a recording, as an event of its call
 *
 * A row of call_events, of the kind recording.stored or recording.failed, which
 * events.webhook is told of (docs/events.md). Its id follows from the call, so
 * that a recording is stored once, whoever says so how often.
 *
 * Thread: any.
 */
#ifndef MEDIA_RECORDING_RECORD_H
#define MEDIA_RECORDING_RECORD_H

#include <stdint.h>

struct record;
struct recording_fate;

/* NULL: no memory, or a file that is not named after a call. */
struct record *recording_record(const struct recording_fate *fate,
				int64_t now_us);

#endif
