/* login_api.c - signing in and out (see login_api.h) */
#include "server/control/api/login_api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>
#include <xxhash.h>

#include "persistence/store_users.h"
#include "server/auth/limits.h"
#include "server/auth/user.h"
#include "server/clock.h"
#include "server/control/api/access.h"
#include "server/control/api/audit.h"
#include "server/control/api/store_pool.h"
#include "server/control/context.h"
#include "server/log.h"
#include "server/settings.h"

/* Where tries are counted: for the account, and for where they come from. */
enum { ACCOUNT, PEER, PLACES };

struct login {
	char email[USER_EMAIL_SIZE], password[USER_PASSWORD_MAX + 1];
	char admin_token[TOKEN_SIZE]; /* in place of both; or "" */
	struct address places[PLACES];
	bool wants_cookie;
	struct limits *limits;
	struct limit_rates rates;
	struct access access; /* a copy: the loop may load another key */
};

/* ---- how often ------------------------------------------------------------
 */

/* An account is limited like an address: by a place in the same table, among
 * addresses that nobody has (fd00::/8 is of private networks alone). */
static struct address place_of_account(const char *email)
{
	struct address place = { .bytes = { 0xfd } };
	XXH64_hash_t hash = XXH3_64bits(email, strlen(email));

	memcpy(place.bytes + 1, &hash, 7); /* a /64 counts as one */
	return place;
}

/* The admin token is counted by address alone: nobody can guess it, and nobody
 * shall keep who has it from signing in. */
static int first_place(const struct login *login)
{
	return *login->admin_token ? PEER : ACCOUNT;
}

/* Every try counts as a failure until it has succeeded. */
static bool may_try(const struct login *login)
{
	for (int i = first_place(login); i < PLACES; i++) {
		uint32_t to_tell = 0;
		char text[ADDRESS_TEXT_SIZE];

		if (limits_ask(login->limits, &login->places[i], &login->rates,
			       clock_mono_ms(), &to_tell) == LIMIT_PASSED)
			continue;
		address_format(&login->places[PEER], text);
		if (to_tell > 0)
			log_warn("LOGIN_LIMIT", "by=%s from=%s refused=%u",
				 i == ACCOUNT ? "account" : "address", text,
				 to_tell);
		return false;
	}
	for (int i = first_place(login); i < PLACES; i++)
		limits_note_refusal(login->limits, &login->places[i],
				    &login->rates, clock_mono_ms());
	return true;
}

static void forgive(const struct login *login)
{
	for (int i = first_place(login); i < PLACES; i++)
		limits_forgive(login->limits, &login->places[i], &login->rates,
			       clock_mono_ms());
}

static void note(const struct login *login, const char *role, int status)
{
	char from[ADDRESS_TEXT_SIZE];

	address_format(&login->places[PEER], from);
	audit_note(login->email, role, "login", from, status);
}

/* ---- the question ---------------------------------------------------------
 */

static void answer_token(const struct login *login, const char *role,
			 struct http_response *response)
{
	int64_t expires_us = 0;
	char expires[CLOCK_ISO_SIZE];
	char *token = access_issue(&login->access, login->email, role,
				   clock_wall_us(), &expires_us);

	if (!token) {
		http_reply_error(response, 503, "no token can be signed");
		return;
	}
	clock_format_iso(expires_us, expires);
	http_reply_json(response, 200,
			json_pack("{s:s, s:s, s:s}", "token", token,
				  "expires_at", expires, "role", role));
	if (login->wants_cookie)
		response->cookie = access_cookie(&login->access, token);
	free(token);
}

static void refuse(struct http_response *response)
{
	http_reply_error(response, 401, "the email or the password is wrong");
}

static int ask_login(struct store *store, void *arg,
		     struct http_response *response, struct db_error *err)
{
	struct login *login = arg;
	json_t *user = NULL;
	const char *hash, *role;
	int r = store_find_user(store, login->email, &user, err);

	if (r < 0) {
		forgive(login);
		goto end;
	}
	hash = json_string_value(json_object_get(user, "password_hash"));
	role = json_string_value(json_object_get(user, "role"));
	if (user_password_matches(hash, login->password) && role) {
		forgive(login);
		answer_token(login, role, response);
	} else {
		role = "none";
		refuse(response);
	}
	note(login, role, response->status);
end:
	json_decref(user);
	sodium_memzero(login->password, sizeof(login->password));
	return r;
}

/* A browser signs in by the admin token: at once, whatever the database does.
 */
static void answer_admin_token(const struct login *login,
			       struct http_response *response)
{
	bool right = access_is_admin_token(&login->access, login->admin_token);

	if (right) {
		forgive(login);
		answer_token(login, "admin", response);
	} else {
		http_reply_error(response, 401, "the token is wrong");
	}
	note(login, right ? "admin" : "none", response->status);
}

/* ---- the request ----------------------------------------------------------
 */

static const char *text_of(const json_t *body, const char *key)
{
	return json_string_value(json_object_get(body, key));
}

/* What is too long for any password or token is wrong like another. */
static bool read_secret(const json_t *body, struct login *login)
{
	const char *email = text_of(body, "email");
	const char *password = text_of(body, "password");
	const char *token = text_of(body, "token");

	if (token && *token && !email && !password) {
		(void)snprintf(login->admin_token, sizeof(login->admin_token),
			       "%s", token);
		strcpy(login->email, ACCESS_ADMIN_TOKEN);
		return true;
	}
	if (token || !email || !password ||
	    !user_read_email(email, login->email))
		return false;
	(void)snprintf(login->password, sizeof(login->password), "%s",
		       password);
	return true;
}

static bool read_body(struct login *login, const struct http_request *request)
{
	json_t *body = json_loadb(request->body, request->body_length,
				  JSON_REJECT_DUPLICATES, NULL);
	bool read = read_secret(body, login);

	login->wants_cookie = json_is_true(json_object_get(body, "cookie"));
	json_decref(body);
	return read;
}

static void free_login(struct login *login)
{
	sodium_memzero(login, sizeof(*login));
	free(login);
}

void login_api_login(const struct http_request *request,
		     struct http_response *response, void *context)
{
	const struct control_context *control = context;
	struct login *login = calloc(1, sizeof(*login));

	if (!login) {
		http_reply_error(response, 503, "out of memory");
		return;
	}
	if (!read_body(login, request)) {
		http_reply_error(response, 400,
				 "the body needs an email and a password, or "
				 "the admin token");
		free_login(login);
		return;
	}
	/* Else a page of another's could sign its visitors in as somebody. */
	if (login->wants_cookie && !http_is_same_origin(request)) {
		http_reply_error(response, 403,
				 "a cookie is for our own page alone");
		free_login(login);
		return;
	}
	login->places[ACCOUNT] = place_of_account(login->email);
	login->places[PEER] = request->peer;
	login->limits = control->logins;
	login->rates.refusals_per_minute =
		control->settings->control.login_attempts;
	login->access = *control->access;
	if (!may_try(login)) {
		http_reply_error(response, 429,
				 "too many tries; wait a minute");
	} else if (*login->admin_token) {
		answer_admin_token(login, response);
	} else {
		store_pool_ask_slowly(control->pool, ask_login, login, request,
				      response);
		return;
	}
	free_login(login);
}

/* The token itself goes on until its end: what it opens is closed by another
 * key. */
void login_api_logout(const struct http_request *request,
		      struct http_response *response, void *context)
{
	const struct control_context *control = context;

	(void)request;
	http_reply_json(response, 200, json_pack("{s:b}", "signed_out", true));
	response->cookie = access_cookie(control->access, NULL);
}

void login_api_me(const struct http_request *request,
		  struct http_response *response, void *context)
{
	(void)context;
	http_reply_json(response, 200,
			json_pack("{s:s, s:s}", "who", request->who, "role",
				  access_role_name(request->role)));
}
