/*
 * meta_messages.h - a webhook of WhatsApp's Cloud API, taken apart
 *
 *   {"entry": [{"changes": [{"field": "messages", "value": {
 *       "metadata": ..., "contacts": [...],
 *       "messages": [...], "statuses": [...], "errors": [...]}}]}]}
 *
 * Each message and each status becomes a row; whatever else stands there, a
 * notice: fields that we do not know, elements of the wrong shape, contacts
 * that nobody's message names. Where a list is expected, one thing alone will
 * do, and a number where a text is. What is no JSON, or more than a webhook may
 * become, is kept as it came. So nothing that was signed is refused, and
 * nothing is lost.
 *
 * Thread: any.
 */
#ifndef SERVER_CONTROL_WEBHOOKS_META_MESSAGES_H
#define SERVER_CONTROL_WEBHOOKS_META_MESSAGES_H

#include <stddef.h>

struct message_rows;

/* Adds to the rows, which are empty; see their no_memory. */
void meta_messages_read(struct message_rows *rows, const char *body,
			size_t length);

#endif
