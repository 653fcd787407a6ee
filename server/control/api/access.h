/*
 * access.h - who asks, and what they may do
 *
 * Three things show it, none of which needs the database:
 *
 *   the admin token   of its file (token.h), for machines and for outages
 *   a bearer token    of ours: a JWT (server/auth/jwt.h) that signing in gives,
 *                     with an end, signed by the key in
 *                     control.signing_key_file
 *   a cookie          the same, for browsers
 *
 * Whoever changes the key ends all that were signed with the old one; who is
 * removed, or changed, ends his own (roster.h).
 *
 * Thread: the loop's.
 */
#ifndef SERVER_CONTROL_API_ACCESS_H
#define SERVER_CONTROL_API_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "server/auth/user.h"
#include "server/control/http/http.h"
#include "server/control/token.h"

struct roster;

struct access { /* "": there is none, and it admits nobody */
	char admin_token[TOKEN_SIZE];
	char signing_key[TOKEN_SIZE];
	uint32_t token_ttl_ms;
	struct roster *roster; /* whose tokens still count; or NULL */
	bool secure; /* the listener speaks TLS: cookies are for it alone */
};

struct bearer {
	enum http_role role;
	char who[USER_EMAIL_SIZE]; /* for the audit; "" for nobody */
	bool by_cookie;
};

/* Who shows these values of Authorization and Cookie ("" or NULL for none).
 * Takes equally long for every wrong token of the right length. */
void access_judge(const struct access *access, const char *authorization,
		  const char *cookie, int64_t now_us, struct bearer *bearer);

/* Is that the admin token? He is known by the name below.
 */
#define ACCESS_ADMIN_TOKEN "admin_token"
bool access_is_admin_token(const struct access *access, const char *text);

/* A token for that user, malloc'd, and when it ends; NULL: no memory, or no
 * key. */
char *access_issue(const struct access *access, const char *email,
		   const char *role, int64_t now_us, int64_t *expires_us);

/* The value of Set-Cookie that hands the token to a browser, or that takes it
 * back (NULL). Malloc'd; NULL: no memory. */
char *access_cookie(const struct access *access, const char *token);

/* ANYBODY for a word that is no role. */
enum http_role access_role(const char *name);
const char *access_role_name(enum http_role role);

#endif
