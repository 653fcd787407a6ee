/*
 * health.h - is it alive, does it take calls, is the database there?
 *
 * Answered from the board alone: a health check must never wait for what it
 * reports on. The handlers' context is a struct
 * control_context.
 *
 * Thread: the loop's; health_refusal() any.
 */
#ifndef SERVER_CONTROL_HEALTH_H
#define SERVER_CONTROL_HEALTH_H

#include <stdint.h>

#include "server/control/http/http.h"

struct board_flags;

/* Why a new call would be refused at this moment: "draining", "media_down",
 * "media_starting", "outbox_broken", "outbox_full" or "max_calls"; NULL when it
 * would be taken.
 */
const char *health_refusal(const struct board_flags *flags, uint32_t max_calls);

http_handler health_live;  /* GET /health/live */
http_handler health_ready; /* GET /health/ready */
http_handler health_db;	   /* GET /health/db */

#endif
