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
	CLIENT_BUSY,	  /* not now (503): try again */
	CLIENT_FAILED,	  /* an answer that we cannot use */
};

#define CLIENT_WHY_SIZE 512

/* GET with the admin token. *answer is the caller's on CLIENT_OK; else `why`
 * says what happened, in a line. Waits for seconds at most. */
enum client_result client_get(const struct settings *settings, const char *path,
			      json_t **answer, char why[CLIENT_WHY_SIZE]);

/* Has something changed, by that method ("POST", ...); `body` is borrowed, NULL
 * for none. Waits as long as an operation may take,
 * which the database's own timeouts bound. */
enum client_result client_change(const struct settings *settings,
				 const char *method, const char *path,
				 const json_t *body, json_t **answer,
				 char why[CLIENT_WHY_SIZE]);
/* Says why on stderr; returns the exit status. */
int client_complain(enum client_result result, const char *why);

/* The same by POST. */
enum client_result client_post(const struct settings *settings,
			       const char *path, const json_t *body,
			       json_t **answer, char why[CLIENT_WHY_SIZE]);

/* Says why on stderr; returns the exit status. */
int client_complain(enum client_result result, const char *why);

#endif
