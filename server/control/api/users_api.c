/* users_api.c - who may sign in (see users_api.h) */
#include "server/control/api/users_api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>

#include "persistence/store_users.h"
#include "server/auth/user.h"
#include "server/control/api/access.h"
#include "server/control/api/roster.h"
#include "server/control/api/store_change.h"
#include "server/control/context.h"
#include "server/log.h"

enum verb { ADD, CHANGE, REMOVE };

struct change {
	struct roster *roster; /* whose tokens count; or NULL */
	enum verb verb;
	char email[USER_EMAIL_SIZE];
	char password[USER_PASSWORD_MAX + 1]; /* "": stays */
	char role[16];			      /* "": stays */
};

static void change_free(void *arg)
{
	struct change *change = arg;

	sodium_memzero(change->password, sizeof(change->password));
	free(change);
}

/* ---- the list -------------------------------------------------------------
 */

static int ask_list(struct store *store, void *arg,
		    struct http_response *response, struct db_error *err)
{
	json_t *users = NULL;

	(void)arg;
	if (store_list_users(store, &users, err) < 0)
		return -1;
	http_reply_json(response, 200, json_pack("{s:o}", "users", users));
	return 0;
}

void users_api_list(const struct http_request *request,
		    struct http_response *response, void *context)
{
	const struct control_context *control = context;

	store_pool_ask(control->pool, ask_list, malloc(1), request, response);
}

/* ---- a change, in the drainer's thread -------------------------------------
 */

static int make(const struct change *change, struct store *store, json_t **user,
		struct db_error *err)
{
	char hash[USER_HASH_SIZE] = "";
	const char *role = *change->role ? change->role : NULL;

	*user = NULL;
	if (*change->password &&
	    user_hash_password(change->password, hash) < 0) {
		db_error_set(err, DB_TRANSIENT, "OutOfMemory", "no memory");
		return -1;
	}
	switch (change->verb) {
	case ADD:
		return store_add_user(store, change->email, hash, role, user,
				      err);
	case CHANGE:
		return store_change_user(store, change->email,
					 *hash ? hash : NULL, role, user, err);
	case REMOVE: break;
	}
	return store_remove_user(store, change->email, user, err);
}

static int change_in_store(struct store *store, void *arg,
			   struct http_response *response, struct db_error *err)
{
	const struct change *change = arg;
	struct db_error unread = { .family = DB_OK };
	json_t *user;

	if (make(change, store, &user, err) < 0)
		return -1;
	/* If not now, then in some seconds (roster.h). */
	if (user && change->roster &&
	    roster_take(change->roster, store, &unread) < 0)
		log_warn("API_QUERY", "op=roster reason=%s err=\"%s\"",
			 unread.reason, unread.text);
	if (user)
		http_reply_json(response, change->verb == ADD ? 201 : 200,
				user);
	else if (change->verb == ADD)
		http_reply_error(response, 409,
				 "there is a user of this email already");
	else
		http_reply_error(response, 404, "no user has this email");
	return 0;
}

/* ---- the request ----------------------------------------------------------
 */

/* Copies a member that may be missing. */
static bool read_member(const json_t *body, const char *key, char *out,
			size_t size)
{
	const json_t *value = json_object_get(body, key);
	const char *text = json_string_value(value);

	out[0] = '\0';
	if (!value)
		return true;
	if (!text || strlen(text) >= size)
		return false;
	memcpy(out, text, strlen(text) + 1);
	return true;
}

/* What is wrong with it, for people; NULL: nothing. */
static const char *read_body(struct change *change, const json_t *body)
{
	char email[USER_EMAIL_SIZE * 2];

	if (!json_is_object(body))
		return "the body is no JSON object";
	if (!read_member(body, "password", change->password,
			 sizeof(change->password)))
		return "password: needs a text of at most 256 bytes";
	if (!read_member(body, "role", change->role, sizeof(change->role)) ||
	    (*change->role && !user_is_role(change->role)))
		return "role: is one of viewer, operator, admin";
	if (change->verb == CHANGE)
		return *change->password || *change->role
			       ? NULL
			       : "needs a password or a role";
	if (!read_member(body, "email", email, sizeof(email)) ||
	    !user_read_email(email, change->email))
		return "email: needs one";
	if (!*change->role)
		return "role: is one of viewer, operator, admin";
	return *change->password ? NULL : "password: needs one";
}

static const char *read_change(struct change *change,
			       const struct http_request *request)
{
	json_t *body;
	const char *wrong = NULL;

	if (change->verb != ADD &&
	    !user_read_email(request->parameter, change->email))
		return "the path needs an email";
	if (change->verb == REMOVE)
		return NULL;
	body = json_loadb(request->body, request->body_length,
			  JSON_REJECT_DUPLICATES, NULL);
	wrong = read_body(change, body);
	json_decref(body);
	if (!wrong && *change->password)
		wrong = user_password_fault(change->password);
	return wrong;
}

static void handle(enum verb verb, const struct http_request *request,
		   struct http_response *response,
		   const struct control_context *control)
{
	struct change *change = calloc(1, sizeof(*change));
	const char *wrong;

	if (!change) {
		http_reply_error(response, 503, "out of memory");
		return;
	}
	change->verb = verb;
	change->roster = control->access->roster;
	wrong = read_change(change, request);
	if (!wrong) {
		store_change_ask(control->drainer, change_in_store, change,
				 change_free, request, response);
		return;
	}
	http_reply_error(response, 400, wrong);
	change_free(change);
}

void users_api_add(const struct http_request *request,
		   struct http_response *response, void *context)
{
	handle(ADD, request, response, context);
}

void users_api_change(const struct http_request *request,
		      struct http_response *response, void *context)
{
	handle(CHANGE, request, response, context);
}

void users_api_remove(const struct http_request *request,
		      struct http_response *response, void *context)
{
	handle(REMOVE, request, response, context);
}
