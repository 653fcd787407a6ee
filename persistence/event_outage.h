/*
 * event_outage.h - the database is down, and back: one event each
 *
 * What the process shows of the database (db_health.h) is looked at, and where
 * it differs from what was told last, that is told. What was told last stands
 * in the event log, so that neither a restart in the middle of an outage nor
 * one that outlasts it tells anything twice or leaves out the end. An outage
 * between two looks is none.
 *
 * Thread: belongs to one thread.
 */
#ifndef PERSISTENCE_EVENT_OUTAGE_H
#define PERSISTENCE_EVENT_OUTAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "server/uuid.h"

struct event_log;

struct event_outage {
	bool told; /* that it is down, and not yet that it is back */
	struct uuid id;
	int64_t since_us; /* wall */
};

/* Reads what the journals in that directory tell. */
void event_outage_load(struct event_outage *outage, const char *events_dir);

/* Tells what is to be told: 0, or -errno when it could not be; then look
 * again. */
int event_outage_look(struct event_outage *outage, struct event_log *log,
		      const char *node_id);

#endif
