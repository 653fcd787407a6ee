/*
 * erasures_api.h - asking that a call, or all of a number, be erased
 *
 *   POST /api/erasures  {"call_id": "..."} or {"number": "+49..."}
 *   GET  /api/erasures[?number=...|?call_id=...], /api/erasures/{id}
 *
 * A number may be written as people and providers do: with + or 00, blanks,
 * dashes and brackets, or "whatsapp:" before it. What is no number is taken for
 * a name that somebody has on a channel (a user id, a SIP user).
 *
 * Thread: the loop's.
 */
#ifndef SERVER_CONTROL_API_ERASURES_API_H
#define SERVER_CONTROL_API_ERASURES_API_H

#include "server/control/http/http.h"

void erasures_api_add(const struct http_request *request,
		      struct http_response *response, void *context);
void erasures_api_list(const struct http_request *request,
		       struct http_response *response, void *context);
void erasures_api_get(const struct http_request *request,
		      struct http_response *response, void *context);

#define ERASURE_TARGET_SIZE 65

/* What a number is looked for by: its digits, or the name as it is. False: it
 * is neither. */
bool erasures_read_number(const char *text, char target[ERASURE_TARGET_SIZE]);

#endif
