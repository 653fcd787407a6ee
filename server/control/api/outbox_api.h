/*
 * outbox_api.h - what operators do with the outbox, over HTTP
 *
 *   POST /api/outbox/VERB               hold, release, drop, replay, import,
 *                                       pause, resume or kick
 *   POST /api/dead-letters/VERB         retry or drop
 *   POST /api/dead-letters/{id}/retry   the body may be empty
 *
 *   {"ids": ["0198..."], "who": "anna@desk", "dry_run": true, "name": "..."}
 *   -> {"verb":"hold","done":1,"already":0,"missing":0,"dry_run":true}
 *
 * The loop only checks the body; the drainer does the work between two of its
 * turns, and the answer comes when it is done. 400 names what is wrong in the
 * body; 503 says why it cannot be done now, and repeating it later is safe:
 * what was done is done once. The handlers' context is a struct
 * control_context.
 *
 * Thread: the loop's.
 */
#ifndef SERVER_CONTROL_API_OUTBOX_API_H
#define SERVER_CONTROL_API_OUTBOX_API_H

#include "server/control/http/http.h"

http_handler outbox_api_post;	     /* POST /api/outbox/{verb} */
http_handler dead_letters_api_post;  /* POST /api/dead-letters/{verb} */
http_handler dead_letters_api_retry; /* POST /api/dead-letters/{id}/retry */

#endif
