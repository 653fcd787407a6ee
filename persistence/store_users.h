/*
 * store_users.h - the table of users
 *
 * A user is a JSON object: user_id, email, role, created_at. Emails are in the
 * form of user_read_email() (server/auth/user.h). Changes need a store that
 * writes.
 *
 * Thread: the store's. All: 0, or -1 with *err filled in.
 */
#ifndef PERSISTENCE_STORE_USERS_H
#define PERSISTENCE_STORE_USERS_H

#include "persistence/store.h"

/* All of them, by email. */
int store_list_users(struct store *store, json_t **users, struct db_error *err);
/* With its password_hash; *user is NULL when there is none of that email. */
int store_find_user(struct store *store, const char *email, json_t **user,
		    struct db_error *err);

/* What was changed, as it is now; *user is NULL when there is one of that email
 * already (add), or none (change, remove). For change a hash or role of NULL
 * stays what it is. */
int store_add_user(struct store *store, const char *email, const char *hash,
		   const char *role, json_t **user, struct db_error *err);
int store_change_user(struct store *store, const char *email, const char *hash,
		      const char *role, json_t **user, struct db_error *err);
int store_remove_user(struct store *store, const char *email, json_t **user,
		      struct db_error *err);

#endif
