/*
 * dead_letters_api.h - what the database refused for good, to look at
 *
 *   GET /api/dead-letters       a page, the newest first: id, kind, entity, why
 *   GET /api/dead-letters/{id}  one, with the record that it is about
 *
 * Read from the outbox's files, whatever the database is doing. What is done
 * with them stands in outbox_api.h. The database's own words are not shown:
 * `holdctl dead show` has them.
 *
 * Thread: the loop's; the files are read in the thread of http_files.h.
 */
#ifndef SERVER_CONTROL_API_DEAD_LETTERS_API_H
#define SERVER_CONTROL_API_DEAD_LETTERS_API_H

#include "server/control/http/http.h"

http_handler dead_letters_api_list;
http_handler dead_letters_api_get;

#endif
