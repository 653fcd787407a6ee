/*
 * events_api.h - the events that are still on the disk, over HTTP
 *
 *   GET  /api/events              newest first; the query: type, since, cursor,
 *                                 limit
 *   POST /api/events/replay       {"ids": [...]} or {"since": "...", "type":
 *                                 "..."}: sends them again, under the same ids
 *   GET  /api/events/schema.json  docs/event.schema.json
 *
 * They need the disk alone, so they answer whatever the database does. The
 * handlers' context is a struct control_context.
 *
 * Thread: the loop's.
 */
#ifndef SERVER_CONTROL_API_EVENTS_API_H
#define SERVER_CONTROL_API_EVENTS_API_H

#include "server/control/http/http.h"

http_handler events_api_list, events_api_replay, events_api_schema;

#endif
