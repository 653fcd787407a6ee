/* store_door_test.c - a database that does not let us in
 *
 * Roles, databases and urls that are no good: what it means, that no record is
 * blamed for it, and that nobody reads the password in the answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "unit/store_kit.h"

#define PORT 23003

static struct postgres pg;

static int start_server(void **state)
{
	(void)state;
	kit_start(&pg, PORT);
	postgres_sql(&pg,
		     "CREATE ROLE limited LOGIN; CREATE ROLE nobody NOLOGIN;"
		     "CREATE ROLE full LOGIN CONNECTION LIMIT 0;"
		     "CREATE ROLE stranger LOGIN;"
		     "REVOKE CONNECT ON DATABASE postgres FROM public;"
		     "GRANT CONNECT ON DATABASE postgres TO limited",
		     NULL, 0);
	postgres_sql(&pg, "CREATE DATABASE closed", NULL, 0);
	postgres_sql(&pg, "ALTER DATABASE closed ALLOW_CONNECTIONS false", NULL,
		     0);
	return 0;
}

static int stop_server(void **state)
{
	(void)state;
	postgres_destroy(&pg);
	return 0;
}

static void a_refused_connect_is_never_the_records_fault(void **state)
{
	static const struct {
		const char *query; /* of the url */
		enum db_family family, then;
		const char *sqlstate, *reason;
	} rows[] = {
		{ "user=nobody", DB_SETUP, DB_OK, "28000",
		  "InvalidAuthorization" },
		{ "user=whoever", DB_SETUP, DB_OK, "28000",
		  "InvalidAuthorization" },
		{ "user=stranger", DB_SETUP, DB_OK, "42501",
		  "InsufficientPrivilege" },
		{ "user=full", DB_TRANSIENT, DB_OK, "53300",
		  "TooManyConnections" },
		{ "user=limited&dbname=closed", DB_TRANSIENT, DB_SETUP, "55000",
		  "ObjectNotInPrerequisiteState" },
		{ "user=limited&dbname=nowhere", DB_SETUP, DB_OK, "3D000",
		  "InvalidCatalogName" },
		{ "user=limited&options=-cnonsense%3D1", DB_SETUP, DB_OK,
		  "42704", "UndefinedObject" },
		{ "user=limited&options=-cwork_mem%3Dx", DB_SETUP, DB_OK,
		  "22023", "InvalidParameterValue" },
		{ "user=limited&sslmode=nonsense", DB_SETUP, DB_OK, "",
		  "InvalidUrl" },
		{ "user=limited&service=nonsense", DB_SETUP, DB_OK, "",
		  "InvalidUrl" },
		{ "user=limited&port=1,2", DB_SETUP, DB_OK, "", "InvalidUrl" },
	};
	char url[256];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct store *store;
		struct db_error err;

		(void)snprintf(url, sizeof(url),
			       "postgresql:///?host=%s&port=%u&dbname=postgres"
			       "&%s",
			       pg.dir, pg.port, rows[i].query);
		store = kit_store(url, 5000, 2000);
		err = kit_refusal(store, rows_started(1));
		if (err.family != rows[i].family || err.then != rows[i].then ||
		    strcmp(err.sqlstate, rows[i].sqlstate) != 0 ||
		    strcmp(err.reason, rows[i].reason) != 0 ||
		    !err.connection_lost)
			fail_msg("%s: %s %s %s: %s", rows[i].query,
				 db_family_name(err.family), err.sqlstate,
				 err.reason, err.text);
		store_destroy(store);
	}
}

/* A migration that trips over what others left is no fault of the record that
 * happens to wait. */
static void a_refused_migration_is_never_the_records_fault(void **state)
{
	struct store *store = kit_store(pg.url, 5000, 2000);
	struct db_error err;

	(void)state;
	postgres_sql(&pg,
		     "CREATE TABLE schema_migrations (version int CHECK "
		     "(version > 100), applied_at timestamptz)",
		     NULL, 0);
	err = kit_refusal(store, rows_started(1));
	assert_string_equal(err.sqlstate, "23514");
	assert_int_equal(err.family, DB_SETUP);
	store_destroy(store);
}

static void no_error_tells_the_password(void **state)
{
	static const struct {
		const char *url;
		bool everywhere; /* not as a password alone */
	} rows[] = {
		{ "postgresql://postgres:s3cr%40t@127.0.0.1:23003/postgres",
		  false },
		{ "postgresql://127.0.0.1:23003/postgres?user=postgres"
		  "&password=s3cr%40t",
		  false },
		{ "postgresql://127.0.0.1:23003/postgres?user=postgres"
		  "&passwor%64=s3cr%40t",
		  false },
		{ "postgresql://x:s3cr%zzt@127.0.0.1/x", false },
		{ "postgresql://s3cr%40t:s3cr%40t@127.0.0.1:23003/postgres",
		  true },
		{ "postgresql://x:s3cr%40t@127.0.0.1:23003/s3cr%40t", true },
		{ "postgresql://x:s3cr%40t@127.0.0.1/x?sslmode=s3cr%40t",
		  true },
		{ "postgresql://x@127.0.0.1/x?s3cr%40t", true },
		{ "postgresql://x@[127.0.0.1:s3cr/x", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct store *store = kit_store(rows[i].url, 5000, 2000);
		struct db_error err;
		char masked[128];

		assert_int_equal(store_ready(store, &err), -1);
		assert_int_equal(err.family, DB_SETUP);
		if (strstr(err.text, "s3cr"))
			fail_msg("%s", err.text);
		store_mask_url(rows[i].url, masked, sizeof(masked));
		if (!rows[i].everywhere && strstr(masked, "s3cr"))
			fail_msg("%s", masked);
		store_destroy(store);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_refused_connect_is_never_the_records_fault),
		cmocka_unit_test(
			a_refused_migration_is_never_the_records_fault),
		cmocka_unit_test(no_error_tells_the_password),
	};

	return cmocka_run_group_tests_name("store_door", tests, start_server,
					   stop_server);
}
