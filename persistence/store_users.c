/* store_users.c - the table of users (see store_users.h) */
#include "persistence/store_users.h"

#include "persistence/store_ops.h"
#include "server/clock.h"
#include "server/uuid.h"

static int ask_one(struct store *store, enum store_query query,
		   const char *const *values, json_t **user,
		   struct db_error *err)
{
	json_t *rows = NULL;
	int r = store_ask(store, query, values, &rows, err);

	*user = json_incref(json_array_get(rows, 0));
	json_decref(rows);
	return r;
}

/* Hashes stay where they are needed. */
static int change_one(struct store *store, enum store_query query,
		      const char *const *values, json_t **user,
		      struct db_error *err)
{
	int r = ask_one(store, query, values, user, err);

	if (*user)
		(void)json_object_del(*user, "password_hash");
	return r;
}

int store_list_users(struct store *store, json_t **users, struct db_error *err)
{
	size_t i;
	json_t *user;

	*users = NULL;
	if (store_ask(store, QUERY_USERS, NULL, users, err) < 0)
		return -1;
	json_array_foreach (*users, i, user)
		(void)json_object_del(user, "password_hash");
	return 0;
}

int store_find_user(struct store *store, const char *email, json_t **user,
		    struct db_error *err)
{
	return ask_one(store, QUERY_USER, &email, user, err);
}

int store_add_user(struct store *store, const char *email, const char *hash,
		   const char *role, json_t **user, struct db_error *err)
{
	char id[UUID_TEXT_SIZE], now[CLOCK_ISO_SIZE];
	const char *const values[] = { id, email, hash, role, now };
	struct uuid uuid;

	uuid_make_v7(&uuid);
	uuid_format(&uuid, id);
	clock_format_iso(clock_wall_us(), now);
	return change_one(store, QUERY_USER_ADD, values, user, err);
}

int store_change_user(struct store *store, const char *email, const char *hash,
		      const char *role, json_t **user, struct db_error *err)
{
	const char *const values[] = { email, hash, role };

	return change_one(store, QUERY_USER_CHANGE, values, user, err);
}

int store_remove_user(struct store *store, const char *email, json_t **user,
		      struct db_error *err)
{
	return change_one(store, QUERY_USER_REMOVE, &email, user, err);
}
