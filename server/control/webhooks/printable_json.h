/*
 * printable_json.h - JSON that any database takes as text
 *
 * JSON can say U+0000, and PostgreSQL's text cannot hold it: it becomes U+FFFD,
 * the sign for what cannot be shown.
 *
 * Thread: any.
 */
#ifndef SERVER_CONTROL_WEBHOOKS_PRINTABLE_JSON_H
#define SERVER_CONTROL_WEBHOOKS_PRINTABLE_JSON_H

#include <jansson.h>

/* Changes the strings in it. 0 or -ENOMEM. */
int printable_json(json_t *json);

#endif
