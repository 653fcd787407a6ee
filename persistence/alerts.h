/*
 * alerts.h - tells people when the database fails too often
 *
 * Every user of the database reports its failures, and once it gets through
 * again; alert_window.h judges. A change of the verdict is one log line
 * ([DB_ALERT], [DB_ALERT_RESOLVED]), a metric, and a message for whoever passes
 * it on (server/control/events/alert_sender.h).
 *
 * There is one message, not a queue: the newest change. It lives on the board,
 * so that the next control process knows what its predecessor said. An outage
 * is told once, however often the process dies meanwhile.
 *
 * Thread: any, but for start and stop. Nothing here waits for I/O; before
 *         alerts_start() reports are ignored.
 * Clock:  monotonic milliseconds, as in alert_window.h.
 */
#ifndef PERSISTENCE_ALERTS_H
#define PERSISTENCE_ALERTS_H

#include <stdbool.h>
#include <stdint.h>

#include "server/board.h"
#include "server/uuid.h"

struct alerts_options {
	uint32_t db_down_count;	    /* more than that ... */
	uint64_t window_ms;	    /* ... inside that */
	void (*changed)(void *arg); /* there is a message; may be NULL */
	void *arg;		    /* borrowed */
};

struct alert {
	uint64_t serial; /* grows with each change */
	bool firing;	 /* or resolved */
	uint32_t count;	 /* failures: in the window, or of the whole trouble */
	uint64_t window_ms;
	int64_t since_us, at_us; /* wall: it began; this message was made */
	char id[UUID_TEXT_SIZE]; /* of this message */
	char reason[BOARD_TEXT_SIZE]; /* of the last failure: a word of ours */
};

/* 0 or -ENOMEM. Takes over what the board says of an alert that fires. */
int alerts_start(const struct alerts_options *options, uint64_t now_ms);
void alerts_stop(void);

void alerts_failed(const char *reason, uint64_t now_ms);
void alerts_answered(uint64_t now_ms);
/* Time has passed; call it about once a second. */
void alerts_look(uint64_t now_ms);

/* The message that nobody has been told yet: false when there is none. */
bool alerts_untold(struct alert *out);
/* It was told, or given up. A newer one stays untold. */
void alerts_told(uint64_t serial);

#endif
