/*
 * live_json.h - a live call as JSON, out of the table of live calls
 *
 * Thread: any.
 */
#ifndef SERVER_CONTROL_API_LIVE_JSON_H
#define SERVER_CONTROL_API_LIVE_JSON_H

#include <stdint.h>
#include <jansson.h>

struct live_call;
struct live_filter;

/* What the API calls a LiveCall. NULL: no memory, as with the other. */
json_t *live_json(const struct live_call *call, const char *node_id);

/* The same call as a row of the database, which may be away. It lacks what a
 * call does not say of itself in memory: `custom`, `recording_path`, and what
 * providers told in webhooks. */
json_t *live_json_row(const struct live_call *call, const char *node_id);

/* Those that match, `filter->limit` of them, as one of the above: {"calls": [],
 * "next_cursor": null}; and how many there are in all. */
json_t *live_json_page(const struct live_filter *filter,
		       json_t *(*describe)(const struct live_call *call,
					   const char *node_id),
		       const char *node_id, uint32_t *total);

#endif
