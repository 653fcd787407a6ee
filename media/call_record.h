/*
 * call_record.h - a call as rows: the payloads of its records
 *
 * Thread: the call's loop.
 */
#ifndef MEDIA_CALL_RECORD_H
#define MEDIA_CALL_RECORD_H

#include <jansson.h>

#include "media/call.h"
#include "persistence/record.h"

const char *end_reason_name(enum end_reason reason);

/* What the provider does not say itself may come as a parameter of ours, `key`;
 * the row has columns for it. NULL: neither. */
const char *call_word(const struct call *call, const char *itself,
		      const char *key);

/* The whole row as known now, as a record of that kind; counts rev up. Hands
 * it to the loop. */
void call_record(struct call *call, enum record_kind kind);

/* A row of call_events; takes `data` (may be NULL). Beyond EVENTS_MAX they are
 * counted instead. */
void call_record_event(struct call *call, const char *kind, json_t *data);
/* One that is kept however many there were: why the call ended, and the like.
 */
void call_record_last_word(struct call *call, const char *kind, json_t *data);

#endif
