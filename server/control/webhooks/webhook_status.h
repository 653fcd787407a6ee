/*
 * webhook_status.h - a status callback as a record
 *
 * What each dialect calls the id of the call, its status, how long it lasted,
 * why it ended and what went wrong is a row of a table. The record's payload is
 * a row of `call_statuses`; its id follows from what was said, so that a
 * callback that the provider repeats is one row.
 *
 * Thread: any.
 */
#ifndef SERVER_CONTROL_WEBHOOKS_WEBHOOK_STATUS_H
#define SERVER_CONTROL_WEBHOOKS_WEBHOOK_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/uuid.h"

struct record;
struct webhook_body;

/* How far a call is; later ones say more. Numbers in the database. */
enum webhook_stage { STAGE_ASIDE, STAGE_BEFORE, STAGE_ANSWERED, STAGE_ENDED };

struct webhook_status {
	char call_id[128]; /* the provider's; "": it names no call */
	enum webhook_stage stage;
	char status[128]; /* in the provider's words; "" for none, as below */
	int64_t duration_ms; /* -1: it does not say */
	char cause[128];
	char error[512];
};

void webhook_status_read(const char *provider, const struct webhook_body *body,
			 struct webhook_status *status);

/* Does it say anything that the row has a place for? */
bool webhook_status_tells(const struct webhook_status *status);

/* NULL: no memory. */
struct record *webhook_status_record(const char *provider,
				     const struct webhook_status *status,
				     int64_t now_us);

#endif
