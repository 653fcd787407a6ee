/*
 * record.h - what is kept: one fact about one call or session
 *
 * A record carries the whole row as it was known when the record was made, not
 * a change to it. So a record of a higher `rev` replaces one of a lower, a
 * repeated one changes nothing, and any order of delivery ends in the same row.
 *
 * The payload is a JSON object whose keys are columns of the row's table (its
 * own id and rev among them); the store hands it to the database as it is.
 *
 * Ownership: a record is one allocation; whoever holds it frees it once.
 * Thread:    a record belongs to one thread at a time.
 */
#ifndef PERSISTENCE_RECORD_H
#define PERSISTENCE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/uuid.h"

enum record_kind { /* on disk: never renumber */
		   RECORD_CALL_STARTED = 1,
		   RECORD_CALL_CHECKPOINT = 2,
		   RECORD_CALL_ENDED = 3,
		   RECORD_CALL_EVENT = 4,
		   RECORD_SESSION_OPENED = 5,
		   RECORD_SESSION_UPDATED = 6,
		   RECORD_SESSION_CLOSED = 7,
		   RECORD_MESSAGE_RECEIVED = 8,
		   RECORD_CALL_STATUS = 9,
		   RECORD_MESSAGE_STATUS = 10,
		   RECORD_MESSAGE_NOTICE = 11,
		   RECORD_KIND_COUNT = 12,
		   /* No row, so not among those that a store takes, an export
		    * names or an import brings: event.h. */
		   RECORD_EVENT = 64,
};

#define RECORD_PAYLOAD_MAX ((size_t)256 * 1024)

struct lifeboat;

struct record {
	struct record *next;   /* for a list of whoever holds it */
	struct lifeboat *boat; /* where a copy of it is safe; or NULL */
	struct uuid id;	       /* idempotency key */
	struct uuid entity;    /* the call, session or message it is about */
	enum record_kind kind;
	uint32_t rev;	    /* grows with each record of one entity */
	int64_t created_us; /* wall time */
	uint32_t length;    /* bytes of payload */
	char payload[];	    /* JSON; a NUL follows */
};

/* Copies the payload. NULL when there is no memory or the payload is longer
 * than RECORD_PAYLOAD_MAX. */
struct record *record_create(enum record_kind kind, const struct uuid *id,
			     const struct uuid *entity, uint32_t rev,
			     int64_t created_us, const char *payload,
			     size_t length);

bool record_kind_is_known(unsigned kind);
const char *record_kind_name(enum record_kind kind);  /* "call.started" */
enum record_kind record_kind_parse(const char *name); /* 0: unknown */

/* Does it say that an entity is open (call.started, call.checkpoint), or closed
 * (call.ended)? What was opened and not closed when its process died is settled
 * by the heir. */
bool record_opens(enum record_kind kind);
bool record_closes(enum record_kind kind);

/* One line of `holdctl outbox export`, malloc'd, without the newline. NULL: no
 * memory, or a payload that is not JSON. */
char *record_to_json(const struct record *record);
/* NULL and a reason for a line that is not a record. */
struct record *record_from_json(const char *line, size_t length,
				const char **reason);
#endif
