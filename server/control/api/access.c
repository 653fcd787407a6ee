/* access.c - who asks, and what they may do (see access.h) */
#include "server/control/api/access.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sodium.h>

#include "server/auth/jwt.h"
#include "server/control/api/roster.h"

#define ISSUER "holdline"
/* A cookie of that prefix is taken from this host over TLS alone (RFC 6265bis,
 * 4.1.3.2). */
#define COOKIE_SECURE "__Host-holdline"
#define COOKIE_PLAIN  "holdline"

static const char *const role_names[] = {
	[HTTP_ANYBODY] = "",
	[HTTP_VIEWER] = "viewer",
	[HTTP_OPERATOR] = "operator",
	[HTTP_ADMIN] = "admin",
};

enum http_role access_role(const char *name)
{
	for (enum http_role role = HTTP_VIEWER; role <= HTTP_ADMIN; role++)
		if (strcmp(role_names[role], name) == 0)
			return role;
	return HTTP_ANYBODY;
}

const char *access_role_name(enum http_role role)
{
	return role_names[role];
}

static const char *cookie_name(const struct access *access)
{
	return access->secure ? COOKIE_SECURE : COOKIE_PLAIN;
}

/* ---- judging --------------------------------------------------------------
 */

static bool same_text(const char *secret, const char *guess)
{
	size_t length = strlen(secret);

	return length > 0 && strlen(guess) == length &&
	       sodium_memcmp(guess, secret, length) == 0;
}

bool access_is_admin_token(const struct access *access, const char *text)
{
	return same_text(access->admin_token, text);
}

static bool is_ours(const void *key, const char *text, size_t length,
		    const uint8_t hmac[HMAC_SHA256_SIZE])
{
	uint8_t digest[HMAC_SHA256_SIZE];

	return hmac_sha256(key, strlen(key), text, length, digest) == 0 &&
	       secret_same_bytes(digest, hmac, sizeof(digest));
}

static const char *claim(const json_t *claims, const char *name)
{
	const char *text = json_string_value(json_object_get(claims, name));

	return text ? text : "";
}

/* The admin token's own has no user behind it. */
static bool still_counts(const struct access *access, const json_t *claims)
{
	const char *who = claim(claims, "sub");

	return strcmp(who, ACCESS_ADMIN_TOKEN) == 0 ||
	       roster_admits(access->roster, who,
			     (int64_t)(1e6 * json_number_value(json_object_get(
						     claims, "iat"))));
}

static void judge_token(const struct access *access, const char *token,
			int64_t now_us, struct bearer *bearer)
{
	const char *wrong;
	json_t *claims = NULL;

	if (*access->signing_key)
		claims = jwt_open(token, is_ours, access->signing_key,
				  (double)now_us / 1e6, &wrong);
	/* Without an end it is none that we made. */
	if (claims && strcmp(claim(claims, "iss"), ISSUER) == 0 &&
	    json_is_number(json_object_get(claims, "exp")))
		bearer->role = access_role(claim(claims, "role"));
	if (bearer->role != HTTP_ANYBODY && !still_counts(access, claims))
		bearer->role = HTTP_ANYBODY;
	if (bearer->role != HTTP_ANYBODY)
		(void)snprintf(bearer->who, sizeof(bearer->who), "%s",
			       claim(claims, "sub"));
	json_decref(claims);
}

/* The value of our cookie, copied; "" when there is none. */
static void find_cookie(const char *cookies, const char *name, char *value,
			size_t size)
{
	size_t length = strlen(name);

	value[0] = '\0';
	while (*cookies) {
		size_t pair = strcspn(cookies, ";");

		if (strncmp(cookies, name, length) == 0 &&
		    cookies[length] == '=' && pair - length - 1 < size) {
			memcpy(value, cookies + length + 1, pair - length - 1);
			value[pair - length - 1] = '\0';
			return;
		}
		cookies += pair;
		cookies += strspn(cookies, "; ");
	}
}

static void judge_cookie(const struct access *access, const char *cookies,
			 int64_t now_us, struct bearer *bearer)
{
	char token[HTTP_TOKEN_SIZE];

	find_cookie(cookies, cookie_name(access), token, sizeof(token));
	if (!*token)
		return;
	judge_token(access, token, now_us, bearer);
	bearer->by_cookie = bearer->role != HTTP_ANYBODY;
}

void access_judge(const struct access *access, const char *authorization,
		  const char *cookie, int64_t now_us, struct bearer *bearer)
{
	static const char scheme[] = "Bearer ";
	const char *given;

	*bearer = (struct bearer){ .role = HTTP_ANYBODY };
	if (!authorization || !*authorization) {
		if (cookie)
			judge_cookie(access, cookie, now_us, bearer);
		return;
	}
	if (strncasecmp(authorization, scheme, sizeof(scheme) - 1) != 0)
		return;
	given = authorization + sizeof(scheme) - 1;
	if (access_is_admin_token(access, given)) {
		bearer->role = HTTP_ADMIN;
		strcpy(bearer->who, ACCESS_ADMIN_TOKEN);
		return;
	}
	judge_token(access, given, now_us, bearer);
}

/* ---- handing out ----------------------------------------------------------
 */

char *access_issue(const struct access *access, const char *email,
		   const char *role, int64_t now_us, int64_t *expires_us)
{
	int64_t now_s = now_us / 1000000;
	int64_t end_s = now_s + access->token_ttl_ms / 1000;

	if (!*access->signing_key)
		return NULL;
	*expires_us = end_s * 1000000;
	/* A fraction, so that it tells what came first of a change and this. */
	return jwt_make(json_pack("{s:s, s:s, s:s, s:f, s:I}", "iss", ISSUER,
				  "sub", email, "role", role, "iat",
				  (double)now_us / 1e6, "exp",
				  (json_int_t)end_s),
			access->signing_key);
}

char *access_cookie(const struct access *access, const char *token)
{
	char *text;
	int n = asprintf(&text,
			 "%s=%s; Path=/; HttpOnly; SameSite=Strict%s; "
			 "Max-Age=%u",
			 cookie_name(access), token ? token : "",
			 access->secure ? "; Secure" : "",
			 token ? access->token_ttl_ms / 1000 : 0);

	return n < 0 ? NULL : text;
}
