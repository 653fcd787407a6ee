/*
 * rows.h - records for tests of stores: calls and their events
 *
 * Ids are made from a number, so that a test can name its calls 1, 2, 3.
 */
#ifndef TESTS_SUPPORT_ROWS_H
#define TESTS_SUPPORT_ROWS_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "persistence/record.h"
#include "server/uuid.h"

#define ROWS_AT_US 1795415820123456LL /* 2026-11-23T06:37:00.123456Z */

static inline struct uuid rows_id(unsigned n)
{
	struct uuid id;
	char text[UUID_TEXT_SIZE];

	(void)snprintf(text, sizeof(text), "019e0000-0000-7000-8000-%012x", n);
	if (!uuid_parse(text, &id))
		abort();
	return id;
}

static inline struct record *rows_make(enum record_kind kind, unsigned call,
				       unsigned rev, const char *payload)
{
	struct uuid entity = rows_id(call), id;
	struct record *record;

	uuid_make_v7(&id);
	record = record_create(kind, &id, &entity, rev, ROWS_AT_US, payload,
			       strlen(payload));
	if (!record)
		abort();
	return record;
}

/* A whole row of calls; `state` that is neither "live" nor "ended" is what
 * both databases refuse. */
static inline struct record *rows_call(enum record_kind kind, unsigned call,
				       unsigned rev, const char *state,
				       unsigned frames)
{
	struct uuid entity = rows_id(call);
	char id[UUID_TEXT_SIZE], payload[1024];
	int ended = strcmp(state, "ended") == 0;

	uuid_format(&entity, id);
	(void)snprintf(
		payload, sizeof(payload),
		"{\"call_id\":\"%s\",\"node_id\":\"n1\",\"provider\":\"twilio\","
		"\"state\":\"%s\",\"started_at\":\"2026-11-23T06:37:00.123456Z\","
		"\"ended_at\":%s,\"duration_ms\":%s,\"end_reason\":%s,"
		"\"codec\":\"PCMU\",\"sample_rate\":8000,\"frames_in\":%u,"
		"\"dtmf\":\"12#\",\"custom\":{\"name\":\"J\\u00fcrgen\"},"
		"\"rev\":%u}",
		id, state, ended ? "\"2026-11-23T06:38:00.000000Z\"" : "null",
		ended ? "59877" : "null", ended ? "\"stop\"" : "null", frames,
		rev);
	return rows_make(kind, call, rev, payload);
}

static inline struct record *rows_started(unsigned call)
{
	return rows_call(RECORD_CALL_STARTED, call, 1, "live", 0);
}

static inline struct record *rows_ended(unsigned call, unsigned rev)
{
	return rows_call(RECORD_CALL_ENDED, call, rev, "ended", 100);
}

static inline struct record *rows_event(unsigned event, unsigned call)
{
	struct uuid event_id = rows_id(event), call_id = rows_id(call);
	char a[UUID_TEXT_SIZE], b[UUID_TEXT_SIZE], payload[256];

	uuid_format(&event_id, a);
	uuid_format(&call_id, b);
	(void)snprintf(payload, sizeof(payload),
		       "{\"event_id\":\"%s\",\"call_id\":\"%s\",\"at\":"
		       "\"2026-11-23T06:37:%02u.000000Z\",\"kind\":\"dtmf\","
		       "\"data\":{\"digit\":\"%u\"}}",
		       a, b, event % 60, event % 10);
	return rows_make(RECORD_CALL_EVENT, call, 0, payload);
}

#endif
