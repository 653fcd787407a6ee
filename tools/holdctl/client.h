/*
 * client.h - asks the running server, over its control listener
 */
#ifndef TOOLS_HOLDCTL_CLIENT_H
#define TOOLS_HOLDCTL_CLIENT_H

#include <stddef.h>
#include <jansson.h>

struct settings;

enum client_result {
	CLIENT_OK,
	CLIENT_UNREACHED, /* nobody answers */
	CLIENT_REFUSED,	  /* the token is missing or wrong */
	CLIENT_FAILED,	  /* an answer that we cannot use */
};

/* GET with the admin token. *body is the caller's on CLIENT_OK; else `why`
 * says what happened, in a line. Waits for seconds at most. */
enum client_result client_get(const struct settings *settings, const char *path,
			      json_t **body, char *why, size_t why_size);

#endif
