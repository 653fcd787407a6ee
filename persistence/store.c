/*
 * store.c - one interface, two databases (see store.h)
 *
 * The url chooses the database. What holds for both stands here: nothing is
 * asked of a session before it was found good and its schema known.
 */
#include "persistence/store.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "persistence/migrations.h"
#include "persistence/store_ops.h"
#include "server/uuid.h"

static const struct store_ops *const databases[] = {
	&store_postgres_ops,
	&store_sqlite_ops,
};

static const struct store_ops *find_database(const char *url)
{
	for (size_t i = 0; i < sizeof(databases) / sizeof(databases[0]); i++)
		for (const char *const *s = databases[i]->schemes; *s; s++)
			if (strncmp(url, *s, strlen(*s)) == 0)
				return databases[i];
	return NULL;
}

int store_create(struct store **ret, const struct store_options *options)
{
	const struct store_ops *ops = find_database(options->url);
	int r;

	if (!ops)
		return -EINVAL;
	r = ops->create(ret, options);
	if (r < 0)
		return r;
	(*ret)->ops = ops;
	(*ret)->read_only = options->read_only;
	return 0;
}

bool store_has_one_writer(const char *url)
{
	const struct store_ops *ops = find_database(url);

	return ops && ops->one_writer;
}

struct store *store_destroy(struct store *store)
{
	if (store)
		store->ops->destroy(store);
	return NULL;
}

static int refuse_newer(int has, struct db_error *err)
{
	char text[128];

	(void)snprintf(text, sizeof(text),
		       "the database has schema %d, this program brings %d",
		       has, migrations_latest());
	db_error_set(err, DB_SETUP, "NewerSchema", text);
	return -1;
}

/* Most of the time there is nothing to do, and no lock is taken to see that. */
static int check_schema(struct store *store, struct db_error *err)
{
	int has;

	if (store->ops->version(store, &has, err) < 0)
		return -1;
	if (has > migrations_latest())
		return refuse_newer(has, err);
	if (has < migrations_latest() && store->ops->migrate(store, err) < 0)
		return -1;
	store->migrated = true;
	return 0;
}

int store_ready(struct store *store, struct db_error *err)
{
	int r = store->ops->connect(store, err);

	if (r == 0 && !store->read_only && !store->migrated)
		r = check_schema(store, err);
	if (r < 0)
		db_error_acquit_record(err);
	return r;
}

void store_disconnect(struct store *store)
{
	store->ops->disconnect(store);
}

int store_socket(const struct store *store)
{
	return store->ops->socket(store);
}

/* The database says that there is a row like it. It could be another's key, in
 * a trigger or an index of somebody else's; a record is only done with when its
 * own row is there. */
static int verify_presence(struct store *store, struct record *const *record,
			   struct db_error *err)
{
	struct db_error failure;
	bool held = false;

	if (store_ready(store, &failure) < 0 ||
	    store->ops->held(store, record, &held, &failure) < 0)
		*err = failure;
	else if (!held)
		err->family = DB_POISON;
	return -1;
}

int store_write(struct store *store, struct record *const *records,
		size_t count, struct db_error *err)
{
	assert(!store->read_only);
	if (store_ready(store, err) < 0)
		return -1;
	if (count == 0 || store->ops->write(store, records, count, err) == 0)
		return 0;
	if (err->family == DB_PRESENT && count == 1)
		return verify_presence(store, records, err);
	return -1;
}

int store_ping(struct store *store, struct db_error *err)
{
	if (store_ready(store, err) < 0)
		return -1;
	return store->ops->ping(store, err);
}

int store_schema_version(struct store *store, int *has, int *wants,
			 struct db_error *err)
{
	*wants = migrations_latest();
	if (store->ops->connect(store, err) < 0)
		return -1;
	return store->ops->version(store, has, err);
}

int store_migrate(struct store *store, struct db_error *err)
{
	assert(!store->read_only);
	store->migrated = false;
	return store_ready(store, err);
}

bool store_normalise_id(const char *text, char out[UUID_TEXT_SIZE])
{
	struct uuid id;

	if (!uuid_parse(text, &id))
		return false;
	uuid_format(&id, out);
	return true;
}

int store_ask(struct store *store, enum store_query query,
	      const char *const *values, json_t **rows, struct db_error *err)
{
	if (store_ready(store, err) < 0)
		return -1;
	return store->ops->query(store, query, values, rows, err);
}

int store_ask_count(struct store *store, enum store_query query, int64_t *count,
		    struct db_error *err)
{
	json_t *rows = NULL;
	int r = store_ask(store, query, NULL, &rows, err);

	if (r == 0)
		*count = json_integer_value(
			json_object_get(json_array_get(rows, 0), "count"));
	json_decref(rows);
	return r;
}

int store_list_calls(struct store *store, const struct store_call_filter *f,
		     json_t **rows, struct db_error *err)
{
	char before[UUID_TEXT_SIZE], limit[16];
	const char *const values[] = {
		f->state,
		f->provider,
		f->end_reason,
		f->number,
		f->since,
		f->before,
		f->before_call_id ? before : NULL,
		limit,
	};

	if (f->before_call_id &&
	    !store_normalise_id(f->before_call_id, before)) {
		db_error_set(err, DB_POISON, "InvalidParameterValue",
			     "the cursor is not a call's id");
		return -1;
	}
	(void)snprintf(limit, sizeof(limit), "%u", f->limit);
	return store_ask(store, QUERY_CALLS, values, rows, err);
}

int store_get_call(struct store *store, const char *call_id, json_t **row,
		   struct db_error *err)
{
	json_t *calls = NULL, *events = NULL;
	char id[UUID_TEXT_SIZE];
	const char *const values[] = { id };
	int r;

	*row = NULL;
	if (!store_normalise_id(call_id, id))
		return 0;
	r = store_ask(store, QUERY_CALL, values, &calls, err);
	if (r == 0 && json_array_size(calls) > 0)
		r = store_ask(store, QUERY_CALL_EVENTS, values, &events, err);
	if (r == 0 && events) {
		*row = json_incref(json_array_get(calls, 0));
		(void)json_object_set(*row, "events", events);
	}
	json_decref(calls);
	json_decref(events);
	return r;
}

int store_add_row(json_t *rows, const char *text, struct db_error *err)
{
	json_t *row = json_loads(text, JSON_ALLOW_NUL, NULL);

	if (json_array_append_new(rows, row) == 0)
		return 0;
	db_error_set(err, DB_TRANSIENT, row ? "OutOfMemory" : "InvalidAnswer",
		     "a row could not be read as JSON");
	return -1;
}

void store_interrupt(struct store *store)
{
	store->ops->interrupt(store);
}
