/*
 * event_types.h - the types of all events, one line each
 *
 * X(NAME, "name"): there is an EVENT_NAME (persistence/event.h), and
 * events.types may name it. Their order is that of enum event_type, which is on
 * disk: new ones go to the end.
 */
#ifndef SERVER_EVENT_TYPES_H
#define SERVER_EVENT_TYPES_H

/* clang-format off */
#define EVENT_TYPES(X) \
	X(CALL_STARTED, "call.started") \
	X(CALL_ENDED, "call.ended") \
	X(RECORDING_STORED, "recording.stored") \
	X(RECORDING_FAILED, "recording.failed") \
	X(SESSION_CLOSED, "session.closed") \
	X(DEAD_LETTER, "dead_letter") \
	X(DATABASE_DOWN, "database.down") \
	X(DATABASE_RECOVERED, "database.recovered")
/* clang-format on */

#endif
