/*
 * webhooks.h - the providers' webhooks, on a listener of their own
 *
 *   /webhooks/NAME/answer   what shall I do with this call?
 *   /webhooks/NAME/status   this is what became of the call
 *   /webhooks/whatsapp, .../NAME/whatsapp, .../NAME/message webhook_messages.h
 *
 * NAME is that of one of webhooks.answers, which says whose it is and what the
 * caller must show. The API is not on this listener, so that it is never
 * public with it.
 *
 * Thread: the loop's.
 */
#ifndef SERVER_CONTROL_WEBHOOKS_WEBHOOKS_H
#define SERVER_CONTROL_WEBHOOKS_WEBHOOKS_H

#include <stddef.h>

#include "server/control/http/http.h"

/* The context of all is a struct control_context. */
extern const struct http_route webhook_routes[];
extern const size_t webhook_route_count;

#endif
