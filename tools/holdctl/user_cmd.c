/*
 * user_cmd.c - holdctl user: who may sign in
 *
 * While a server runs on the data directory it makes the changes: SQLite has
 * one connection that writes, and an audit line belongs into its log. Without
 * one they are made in the database at once.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bsd/readpassphrase.h>
#include <jansson.h>
#include <sodium.h>

#include "persistence/db_error.h"
#include "persistence/store_users.h"
#include "server/auth/user.h"
#include "server/settings.h"
#include "tools/holdctl/client.h"
#include "tools/holdctl/database.h"
#include "tools/holdctl/holdctl.h"
#include "server/human.h"
#include "tools/holdctl/server_lock.h"
#include "tools/holdctl/table.h"

#define PASSWORD_SIZE                                            \
	(USER_PASSWORD_MAX + 2) /* one more shows it is too long \
				 */

enum verb { ADD, CHANGE, REMOVE };

struct change {
	enum verb verb;
	char email[USER_EMAIL_SIZE];
	const char *role;	      /* NULL: stays */
	char password[PASSWORD_SIZE]; /* "": stays */
};

/* ---- the password ---------------------------------------------------------
 */

static int read_line(char password[PASSWORD_SIZE])
{
	if (!fgets(password, PASSWORD_SIZE, stdin))
		return complain(STATUS_USAGE,
				"no password on standard input: give one line");
	password[strcspn(password, "\r\n")] = '\0';
	return STATUS_FINE;
}

static int ask_twice(char password[PASSWORD_SIZE])
{
	char again[PASSWORD_SIZE];
	bool same;

	if (!readpassphrase("Password: ", password, PASSWORD_SIZE,
			    RPP_REQUIRE_TTY) ||
	    !readpassphrase("The same again: ", again, PASSWORD_SIZE,
			    RPP_REQUIRE_TTY))
		return complain(STATUS_FAILED, "no password: %s",
				strerror(errno));
	same = strcmp(password, again) == 0;
	sodium_memzero(again, sizeof(again));
	return same ? STATUS_FINE
		    : complain(STATUS_FAILED,
			       "the two passwords differ; nothing was changed");
}

static int read_password(char password[PASSWORD_SIZE])
{
	int status = isatty(STDIN_FILENO) ? ask_twice(password)
					  : read_line(password);
	const char *fault =
		status == STATUS_FINE ? user_password_fault(password) : NULL;

	return fault ? complain(STATUS_USAGE, "%s", fault) : status;
}

/* ---- by the server --------------------------------------------------------
 */

static int change_by_server(const struct change *change,
			    const struct settings *settings, json_t **user)
{
	static const char *const methods[] = {
		[ADD] = "POST",
		[CHANGE] = "PATCH",
		[REMOVE] = "DELETE",
	};
	const char *password = *change->password ? change->password : NULL;
	char path[USER_EMAIL_SIZE + 16] = "/api/users", why[CLIENT_WHY_SIZE];
	json_t *body = NULL;
	enum client_result result;

	if (change->verb == ADD)
		body = json_pack("{s:s, s:s*, s:s*}", "email", change->email,
				 "role", change->role, "password", password);
	else
		(void)snprintf(path, sizeof(path), "/api/users/%s",
			       change->email);
	if (change->verb == CHANGE)
		body = json_pack("{s:s*, s:s*}", "role", change->role,
				 "password", password);
	result = client_change(settings, methods[change->verb], path, body,
			       user, why);
	json_decref(body);
	return result == CLIENT_OK ? STATUS_FINE : client_complain(result, why);
}

/* ---- in the database ------------------------------------------------------
 */

static int ask_store(const struct change *change, struct store *store,
		     const char *hash, json_t **user, struct db_error *err)
{
	switch (change->verb) {
	case ADD:
		return store_add_user(store, change->email, hash, change->role,
				      user, err);
	case CHANGE:
		return store_change_user(store, change->email, hash,
					 change->role, user, err);
	case REMOVE: break;
	}
	return store_remove_user(store, change->email, user, err);
}

static int change_in_database(const struct change *change,
			      const struct settings *settings, json_t **user)
{
	struct store *store;
	struct db_error err = { 0 };
	char hash[USER_HASH_SIZE];
	bool hashed = *change->password != '\0';
	int status = STATUS_FINE;

	if (hashed && user_hash_password(change->password, hash) < 0)
		return complain(STATUS_FAILED, "out of memory");
	store = database_open(settings, false);
	if (!store)
		return STATUS_USAGE;
	if (ask_store(change, store, hashed ? hash : NULL, user, &err) < 0)
		status = database_complain(settings, &err);
	else if (!*user)
		status = complain(STATUS_FAILED,
				  change->verb == ADD
					  ? "there is a user %s already"
					  : "there is no user %s",
				  change->email);
	store_destroy(store);
	return status;
}

/* ---- the verbs ------------------------------------------------------------
 */

static void print_user(const json_t *user)
{
	json_dumpf(user, stdout, JSON_COMPACT);
	putchar('\n');
}

static int run(const struct request *request, enum verb verb, bool password,
	       const char *done)
{
	struct change change = { .verb = verb, .role = request->role };
	json_t *user = NULL;
	int status;

	if (sodium_init() < 0)
		return complain(STATUS_FAILED, "libsodium does not start");
	if (!user_read_email(request->operands[0], change.email))
		return complain(STATUS_USAGE, "%s is no email",
				request->operands[0]);
	if (change.role && !user_is_role(change.role))
		return complain(STATUS_USAGE,
				"--role %s: is one of viewer, operator, admin",
				change.role);
	status = password ? read_password(change.password) : STATUS_FINE;
	if (status == STATUS_FINE)
		status = server_lock_is_held(request->settings->data_dir)
				 ? change_by_server(&change, request->settings,
						    &user)
				 : change_in_database(&change,
						      request->settings, &user);
	sodium_memzero(change.password, sizeof(change.password));
	if (status == STATUS_FINE && request->json)
		print_user(user);
	else if (status == STATUS_FINE)
		printf("%s %s.\n", change.email, done);
	json_decref(user);
	return status;
}

int user_add_run(const struct request *request)
{
	if (!request->role)
		return complain(STATUS_USAGE,
				"--role is needed: viewer, operator or admin");
	return run(request, ADD, true, "may sign in");
}

int user_passwd_run(const struct request *request)
{
	return run(request, CHANGE, !request->role, "was changed");
}

int user_remove_run(const struct request *request)
{
	return run(request, REMOVE, false, "may sign in no more");
}

static int print_users(const json_t *users)
{
	static const struct table_column columns[] = {
		{ .title = "EMAIL" },
		{ .title = "ROLE" },
		{ .title = "SINCE" },
	};
	struct table *table = table_create(columns, 3);
	int r;

	for (size_t i = 0; i < json_array_size(users); i++) {
		const char *email = NULL, *role = NULL, *since = NULL;
		char time[HUMAN_SIZE];

		(void)json_unpack(json_array_get(users, i), "{s:s, s:s, s:s}",
				  "email", &email, "role", &role, "created_at",
				  &since);
		table_add(table,
			  (const char *const[]){ email, role,
						 human_time(since, time) });
	}
	r = table_print(table, stdout, table_width(stdout));
	table_destroy(table);
	return r < 0 ? complain(STATUS_FAILED, "out of memory") : STATUS_FINE;
}

int user_list_run(const struct request *request)
{
	struct store *store = database_open(request->settings, true);
	struct db_error err = { 0 };
	json_t *users = NULL;
	int status = STATUS_FINE;

	if (!store)
		return STATUS_USAGE;
	if (store_list_users(store, &users, &err) < 0)
		status = database_complain(request->settings, &err);
	else if (!request->json)
		status = print_users(users);
	for (size_t i = 0; request->json && i < json_array_size(users); i++)
		print_user(json_array_get(users, i));
	json_decref(users);
	store_destroy(store);
	return status;
}
