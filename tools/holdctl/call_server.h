/*
 * call_server.h - live calls as the server has them in memory
 *
 * For when the database does not answer: the server's API tells of calls that
 * are live on its node all the same.
 */
#ifndef TOOLS_HOLDCTL_CALL_SERVER_H
#define TOOLS_HOLDCTL_CALL_SERVER_H

#include <stdbool.h>
#include <jansson.h>

struct settings;
struct store_call_filter;

/* Those that match, as the store would list them. False: the server does not
 * know either. On success it is said on stderr whence they come. */
bool call_server_list(const struct settings *settings,
		      const struct store_call_filter *filter, json_t **calls);
/* The same for one call, with its events, by its whole id. */
bool call_server_get(const struct settings *settings, const char *id,
		     json_t **call);

#endif
